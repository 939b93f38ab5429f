//! The profile of a Chat Completions request.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ASSUMED_OUTPUT_TOKENS, Counter, RequestHead, target_of};

pub(super) fn read(body: &[u8]) -> Result<RequestHead, serde_json::Error> {
    let request: Request<'_> = serde_json::from_slice(body)?;
    let raw_length = |raw: Option<&RawValue>| raw.map_or(0, |raw| raw.get().len() as u64);
    let mut counter = Counter::default();
    counter.profile.tools_bytes = raw_length(request.tools);
    let messages: Vec<&RawValue> = request
        .messages
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    for raw in messages {
        let Ok(message) = serde_json::from_str::<Message<'_>>(raw.get()) else {
            continue;
        };
        counter.profile.messages += 1;
        let bytes = raw_length(message.content);
        match message.role.as_deref().unwrap_or_default() {
            "system" | "developer" => counter.profile.system_bytes += bytes,
            "assistant" => {
                counter.profile.assistant_messages += 1;
                counter.profile.assistant_bytes +=
                    bytes + raw_length(message.reasoning_content) + raw_length(message.reasoning);
            }
            "tool" | "function" => counter.result(bytes, message.tool_call_id.as_deref()),
            _ => counter.profile.user_bytes += bytes,
        }
        let calls: Vec<&RawValue> = message
            .tool_calls
            .and_then(|calls| serde_json::from_str(calls.get()).ok())
            .unwrap_or_default();
        for raw in calls {
            let Ok(call) = serde_json::from_str::<Call<'_>>(raw.get()) else {
                continue;
            };
            let (name, arguments) = call
                .function
                .map_or((None, None), |function| (function.name, function.arguments));
            let target = arguments.as_deref().and_then(target_of);
            counter.call(raw.get().len() as u64, call.id, name, target);
        }
    }
    let limit = request.max_completion_tokens.or(request.max_tokens);
    Ok(RequestHead {
        model: request.model.map(Cow::into_owned).unwrap_or_default(),
        max_tokens: limit.unwrap_or(ASSUMED_OUTPUT_TOKENS),
        stream: request.stream.unwrap_or(false),
        profile: counter.finish(body),
    })
}

#[derive(Deserialize)]
struct Request<'body> {
    #[serde(borrow, default)]
    model: Option<Cow<'body, str>>,
    #[serde(default)]
    max_tokens: Option<u64>,
    #[serde(default)]
    max_completion_tokens: Option<u64>,
    #[serde(default)]
    stream: Option<bool>,
    #[serde(borrow, default)]
    tools: Option<&'body RawValue>,
    #[serde(borrow, default)]
    messages: Option<&'body RawValue>,
}

#[derive(Deserialize)]
struct Message<'body> {
    #[serde(borrow, default)]
    role: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    content: Option<&'body RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'body RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'body RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'body RawValue>,
    #[serde(borrow, default)]
    tool_call_id: Option<Cow<'body, str>>,
}

#[derive(Deserialize)]
struct Call<'body> {
    #[serde(borrow, default)]
    id: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    function: Option<Function<'body>>,
}

#[derive(Deserialize)]
struct Function<'body> {
    #[serde(borrow, default)]
    name: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    arguments: Option<Cow<'body, str>>,
}
