//! The profile of an Anthropic Messages request.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Counter, RequestHead, target_of};

pub(super) fn read(body: &[u8]) -> Result<RequestHead, serde_json::Error> {
    let request: Request<'_> = serde_json::from_slice(body)?;
    let raw_length = |raw: Option<&RawValue>| raw.map_or(0, |raw| raw.get().len() as u64);
    let mut counter = Counter::default();
    counter.profile.system_bytes = raw_length(request.system);
    counter.profile.tools_bytes = raw_length(request.tools);
    let messages: Vec<Message<'_>> = request
        .messages
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    for message in &messages {
        counter.profile.messages += 1;
        let is_assistant = message.role == "assistant";
        counter.profile.assistant_messages += u32::from(is_assistant);
        let Some(content) = message.content else { continue };
        let Ok(blocks) = serde_json::from_str::<Vec<&RawValue>>(content.get()) else {
            let bytes = content.get().len() as u64;
            *(if is_assistant {
                &mut counter.profile.assistant_bytes
            } else {
                &mut counter.profile.user_bytes
            }) += bytes;
            continue;
        };
        for raw in blocks {
            let bytes = raw.get().len() as u64;
            let Ok(block) = serde_json::from_str::<Block<'_>>(raw.get()) else {
                continue;
            };
            match block.kind.as_ref() {
                "tool_use" | "server_tool_use" => {
                    let target = block.input.and_then(|input| target_of(input.get()));
                    counter.call(bytes, block.id, block.name, target);
                }
                "tool_result" => counter.result(bytes, block.tool_use_id.as_deref()),
                "text" | "thinking" | "redacted_thinking" if is_assistant => counter.profile.assistant_bytes += bytes,
                "text" => counter.profile.user_bytes += bytes,
                _ => {}
            }
        }
    }
    Ok(RequestHead {
        model: request.model.map(Cow::into_owned).unwrap_or_default(),
        max_tokens: request.max_tokens.unwrap_or(0),
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
    stream: Option<bool>,
    #[serde(borrow, default)]
    system: Option<&'body RawValue>,
    #[serde(borrow, default)]
    tools: Option<&'body RawValue>,
    #[serde(borrow, default)]
    messages: Option<&'body RawValue>,
}

#[derive(Deserialize)]
struct Message<'body> {
    #[serde(borrow, default)]
    role: Cow<'body, str>,
    #[serde(borrow, default)]
    content: Option<&'body RawValue>,
}

#[derive(Deserialize)]
struct Block<'body> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'body, str>,
    #[serde(borrow, default)]
    id: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    input: Option<&'body RawValue>,
    #[serde(borrow, default)]
    tool_use_id: Option<Cow<'body, str>>,
}
