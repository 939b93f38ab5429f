//! The profile of a Responses request.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ASSUMED_OUTPUT_TOKENS, Counter, RequestHead, target_of};

pub(super) fn read(body: &[u8]) -> Result<RequestHead, serde_json::Error> {
    let request: Request<'_> = serde_json::from_slice(body)?;
    let raw_length = |raw: Option<&RawValue>| raw.map_or(0, |raw| raw.get().len() as u64);
    let mut counter = Counter::default();
    counter.profile.system_bytes = raw_length(request.instructions);
    counter.profile.tools_bytes = raw_length(request.tools);
    let items: Vec<&RawValue> = match request.input {
        None => Vec::new(),
        Some(input) => serde_json::from_str(input.get()).unwrap_or_else(|_| {
            counter.profile.messages += 1;
            counter.profile.user_bytes += input.get().len() as u64;
            Vec::new()
        }),
    };
    // The items that the model wrote in one answer are one message of its.
    let mut is_answer = false;
    for raw in items {
        let bytes = raw.get().len() as u64;
        let Ok(item) = serde_json::from_str::<Item<'_>>(raw.get()) else {
            continue;
        };
        let was_answer = std::mem::replace(&mut is_answer, item.is_of_the_model());
        if is_answer && !was_answer {
            counter.profile.assistant_messages += 1;
        }
        if !(is_answer && was_answer) {
            counter.profile.messages += 1;
        }
        match (item.kind.as_deref().unwrap_or("message"), item.role.as_deref()) {
            ("message", Some("assistant")) | ("reasoning", _) => counter.profile.assistant_bytes += bytes,
            ("message", Some("developer" | "system")) => counter.profile.system_bytes += bytes,
            ("message", _) => counter.profile.user_bytes += bytes,
            (kind, _) if kind.ends_with("_call_output") => counter.result(bytes, item.call_id.as_deref()),
            (kind, _) if kind.ends_with("_call") => {
                let target = item.arguments.as_deref().and_then(target_of);
                counter.call(bytes, item.call_id, item.name, target);
            }
            _ => {}
        }
    }
    Ok(RequestHead {
        model: request.model.map(Cow::into_owned).unwrap_or_default(),
        max_tokens: request.max_output_tokens.unwrap_or(ASSUMED_OUTPUT_TOKENS),
        stream: request.stream.unwrap_or(false),
        profile: counter.finish(body),
    })
}

#[derive(Deserialize)]
struct Request<'body> {
    #[serde(borrow, default)]
    model: Option<Cow<'body, str>>,
    #[serde(default)]
    max_output_tokens: Option<u64>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(borrow, default)]
    instructions: Option<&'body RawValue>,
    #[serde(borrow, default)]
    tools: Option<&'body RawValue>,
    #[serde(borrow, default)]
    input: Option<&'body RawValue>,
}

#[derive(Deserialize)]
struct Item<'body> {
    #[serde(borrow, rename = "type", default)]
    kind: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    role: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    call_id: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    arguments: Option<Cow<'body, str>>,
}

impl Item<'_> {
    fn is_of_the_model(&self) -> bool {
        match self.kind.as_deref().unwrap_or("message") {
            "message" => self.role.as_deref() == Some("assistant"),
            "reasoning" => true,
            kind => kind.ends_with("_call"),
        }
    }
}
