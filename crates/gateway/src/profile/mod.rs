//! What a request is made of: where its input tokens go, by part and by tool. Pure.
//!
//! One borrowing pass over the body gives both what the gateway needs to route the request (model, limit, stream) and
//! the profile that answers "where did the tokens go?". Invariant: it never fails on a body that is a JSON object; what
//! it does not understand it counts as `other_bytes`.

mod chat;
mod messages;
mod responses;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::provider::Dialect;

/// Bytes of a request's body by what they are. Bytes, since only the provider can count tokens; the shares are what
/// matters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestProfile {
    /// The whole body.
    pub body_bytes: u64,
    /// The system prompt.
    pub system_bytes: u64,
    /// The definitions of tools.
    pub tools_bytes: u64,
    /// What people and the platform said.
    pub user_bytes: u64,
    /// What the model said and thought.
    pub assistant_bytes: u64,
    /// The model's tool calls.
    pub tool_call_bytes: u64,
    /// Results of tools, by tool and by what the tool was pointed at; at most [`MOST_TARGETS`], the biggest.
    pub tool_results: Vec<ToolResultShare>,
    /// The rest: images, unknown parts, JSON syntax.
    pub other_bytes: u64,
    /// Messages in the conversation.
    pub messages: u32,
    /// Messages of the model among them: the position in the conversation.
    pub assistant_messages: u32,
}

/// How much of a request is the results of one tool on one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolResultShare {
    /// The tool.
    pub tool: String,
    /// The file or command it was called with, cut to 200 characters, where the call shows one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Bytes of its results.
    pub bytes: u64,
    /// How many results.
    pub count: u32,
}

/// How many targets a profile names; the rest is summed under no target.
pub const MOST_TARGETS: usize = 24;

/// The most output of a request that states no limit, as OpenAI's clients do: what its models can write.
const ASSUMED_OUTPUT_TOKENS: u64 = 128_000;

/// What the gateway must know of a request before it leaves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RequestHead {
    pub(crate) model: String,
    /// The most output it may get: its own limit, or what is assumed where it states none.
    pub(crate) max_tokens: u64,
    pub(crate) stream: bool,
    pub(crate) profile: RequestProfile,
}

/// Where the parts of a request are counted.
#[derive(Default)]
struct Counter<'body> {
    profile: RequestProfile,
    calls: HashMap<Cow<'body, str>, (Cow<'body, str>, Option<String>)>,
    results: BTreeMap<(String, Option<String>), (u64, u32)>,
}

impl<'body> Counter<'body> {
    /// A call of the model, with what it is pointed at.
    fn call(&mut self, bytes: u64, id: Option<Cow<'body, str>>, name: Option<Cow<'body, str>>, target: Option<String>) {
        self.profile.tool_call_bytes += bytes;
        if let (Some(id), Some(name)) = (id, name) {
            self.calls.insert(id, (name, target));
        }
    }

    /// The result of an earlier call.
    fn result(&mut self, bytes: u64, id: Option<&str>) {
        let (tool, target) = id.and_then(|id| self.calls.get(id)).map_or_else(
            || (String::from("unknown"), None),
            |(name, target)| (cut(name), target.clone()),
        );
        let share = self.results.entry((tool, target)).or_default();
        share.0 += bytes;
        share.1 += 1;
    }

    /// The profile, with everything in exactly one place.
    fn finish(self, body: &[u8]) -> RequestProfile {
        let mut profile = self.profile;
        profile.body_bytes = body.len() as u64;
        profile.tool_results = biggest(self.results);
        let named = profile.system_bytes
            + profile.tools_bytes
            + profile.user_bytes
            + profile.assistant_bytes
            + profile.tool_call_bytes
            + profile.tool_results.iter().map(|share| share.bytes).sum::<u64>();
        profile.other_bytes = profile.body_bytes.saturating_sub(named);
        profile
    }
}

/// Reads the head and the profile of a request.
pub(crate) fn read(dialect: Dialect, body: &[u8]) -> Result<RequestHead, serde_json::Error> {
    match dialect {
        Dialect::Messages => messages::read(body),
        Dialect::Responses => responses::read(body),
        Dialect::Chat => chat::read(body),
    }
}

/// The biggest shares by name; those beyond the limit are summed per tool, without a target.
fn biggest(results: BTreeMap<(String, Option<String>), (u64, u32)>) -> Vec<ToolResultShare> {
    let mut shares: Vec<_> = results
        .into_iter()
        .map(|((tool, target), (bytes, count))| ToolResultShare {
            tool,
            target,
            bytes,
            count,
        })
        .collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.bytes));
    let rest = shares.split_off(shares.len().min(MOST_TARGETS));
    if !rest.is_empty() {
        shares.push(ToolResultShare {
            tool: String::from("others"),
            target: None,
            bytes: rest.iter().map(|share| share.bytes).sum(),
            count: rest.iter().map(|share| share.count).sum(),
        });
    }
    shares
}

/// What a call was pointed at, by the argument names that coding agents use.
fn target_of(input: &str) -> Option<String> {
    let arguments: Arguments<'_> = serde_json::from_str(input).ok()?;
    let target = [
        arguments.file_path,
        arguments.camel_file_path,
        arguments.path,
        arguments.command,
        arguments.cmd,
        arguments.pattern,
        arguments.url,
    ]
    .into_iter()
    .flatten()
    .next()?;
    Some(cut(&target))
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

#[derive(Deserialize)]
struct Arguments<'body> {
    #[serde(borrow, default)]
    file_path: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    path: Option<Cow<'body, str>>,
    #[serde(borrow, default, rename = "filePath")]
    camel_file_path: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    command: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    cmd: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    pattern: Option<Cow<'body, str>>,
    #[serde(borrow, default)]
    url: Option<Cow<'body, str>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_are_told_apart_by_tool_and_file() {
        let body = json!({
            "model": "claude-opus-5-5", "max_tokens": 32000, "stream": true,
            "system": [{"type": "text", "text": "You are…"}], "tools": [{"name": "Read"}],
            "messages": [
                {"role": "user", "content": "Fix it"},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "a", "name": "Read", "input": {"file_path": "/p/a.rs"}},
                    {"type": "tool_use", "id": "b", "name": "Bash", "input": {"command": "cargo test"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": "x".repeat(1000)},
                    {"type": "tool_result", "tool_use_id": "b", "content": "ok"},
                    {"type": "tool_result", "tool_use_id": "zzz", "content": "?"}]}]
        })
        .to_string();
        let head = read(Dialect::Messages, body.as_bytes()).unwrap();
        assert_eq!(
            (head.model.as_str(), head.max_tokens, head.stream),
            ("claude-opus-5-5", 32_000, true)
        );
        let profile = head.profile;
        assert_eq!((profile.messages, profile.assistant_messages), (3, 1));
        let first = &profile.tool_results[0];
        assert_eq!(
            (first.tool.as_str(), first.target.as_deref(), first.count),
            ("Read", Some("/p/a.rs"), 1)
        );
        assert!(first.bytes > 1000);
        assert!(
            profile
                .tool_results
                .iter()
                .any(|share| share.target.as_deref() == Some("cargo test"))
        );
        assert!(profile.tool_results.iter().any(|share| share.tool == "unknown"));
        let sum = profile.system_bytes
            + profile.tools_bytes
            + profile.user_bytes
            + profile.assistant_bytes
            + profile.tool_call_bytes
            + profile.other_bytes
            + profile.tool_results.iter().map(|share| share.bytes).sum::<u64>();
        assert_eq!(sum, body.len() as u64, "every byte is in exactly one place");
    }

    #[test]
    fn strange_but_whole_objects_are_read_and_others_are_refused() {
        for body in [
            "{}",
            r#"{"messages": 3, "model": null}"#,
            r#"{"messages": [{"content": [1, {"type": 2}]}]}"#,
        ] {
            assert!(read(Dialect::Messages, body.as_bytes()).is_ok(), "{body}");
        }
        for body in ["", "[]x", "{\"model\": 1}", "{\"stream\": \"yes\"}", "\u{0}"] {
            assert!(read(Dialect::Messages, body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn requests_of_openais_languages_are_told_apart_alike() {
        let responses = json!({
            "model": "gpt-5.5", "stream": true, "instructions": "You are…", "tools": [{"type": "function"}],
            "input": [
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "rules"}]},
                {"role": "user", "content": "Fix it"},
                {"type": "reasoning", "summary": [], "encrypted_content": "x"},
                {"type": "function_call", "call_id": "a", "name": "exec_command", "arguments": "{\"cmd\":\"cargo test\"}"},
                {"type": "function_call_output", "call_id": "a", "output": "x".repeat(1000)},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Done."}]},
                {"type": "item_reference", "id": "y"},
            ],
        })
        .to_string();
        let chat = json!({
            "model": "gpt-5.5", "stream": true, "max_completion_tokens": 7, "tools": [{"type": "function"}],
            "messages": [
                {"role": "system", "content": "You are…"},
                {"role": "user", "content": [{"type": "text", "text": "Fix it"}]},
                {"role": "assistant", "content": "I look.", "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "bash", "arguments": "{\"command\":\"cargo test\"}"}}]},
                {"role": "tool", "tool_call_id": "a", "content": "x".repeat(1000)},
                {"role": "assistant", "content": "Done."},
            ],
        })
        .to_string();
        for (dialect, body, tool, limit) in [
            (Dialect::Responses, responses, "exec_command", ASSUMED_OUTPUT_TOKENS),
            (Dialect::Chat, chat, "bash", 7),
        ] {
            let head = read(dialect, body.as_bytes()).unwrap();
            assert_eq!(
                (head.model.as_str(), head.max_tokens, head.stream),
                ("gpt-5.5", limit, true)
            );
            let profile = head.profile;
            let share = &profile.tool_results[0];
            assert_eq!(
                (share.tool.as_str(), share.target.as_deref()),
                (tool, Some("cargo test"))
            );
            assert_eq!(profile.assistant_messages, 2, "{dialect:?}");
            for bytes in [
                profile.system_bytes,
                profile.tools_bytes,
                profile.user_bytes,
                profile.assistant_bytes,
                profile.tool_call_bytes,
            ] {
                assert!(bytes > 0, "{dialect:?}: {profile:?}");
            }
            let sum = profile.system_bytes
                + profile.tools_bytes
                + profile.user_bytes
                + profile.assistant_bytes
                + profile.tool_call_bytes
                + profile.other_bytes
                + profile.tool_results.iter().map(|share| share.bytes).sum::<u64>();
            assert_eq!(sum, body.len() as u64, "every byte is in exactly one place");
        }
        for dialect in [Dialect::Responses, Dialect::Chat] {
            for body in [
                "{}",
                r#"{"input": 3, "messages": {}, "model": null}"#,
                r#"{"input": [1, {"type": 2}], "messages": [1]}"#,
            ] {
                assert!(read(dialect, body.as_bytes()).is_ok(), "{body}");
            }
            assert!(read(dialect, b"[]x").is_err());
        }
    }

    #[test]
    fn many_targets_are_summed() {
        let mut blocks = Vec::new();
        let mut results = Vec::new();
        for index in 0..100 {
            blocks.push(json!({"type": "tool_use", "id": index.to_string(), "name": "Read", "input": {"file_path": format!("/{index}")}}));
            results.push(json!({"type": "tool_result", "tool_use_id": index.to_string(), "content": "x"}));
        }
        let body =
            json!({"messages": [{"role": "assistant", "content": blocks}, {"role": "user", "content": results}]});
        let profile = read(Dialect::Messages, body.to_string().as_bytes()).unwrap().profile;
        assert_eq!(profile.tool_results.len(), MOST_TARGETS + 1);
        assert_eq!(profile.tool_results.iter().map(|share| share.count).sum::<u32>(), 100);
    }
}
