//! What Codex does, item by item: each begins, and ends whole.

use codecourier_domain::event::{Event, FileChange};
use serde_json::{Value, json};

use crate::parse::Picture;
use crate::parse::bound::{self, name, notice, unknown};
use crate::parse::field::{take, take_list, take_text, text};
use crate::parse::given::Given;

/// An item began: a call of a tool is shown.
pub(super) fn started(mut item: Value) -> Vec<Event> {
    let call = name(text(&item, "id"));
    let (tool, input) = match text(&item, "type") {
        "commandExecution" => (
            "shell".to_owned(),
            json!({"command": take(&mut item, "command"), "cwd": take(&mut item, "cwd")}),
        ),
        "fileChange" => ("apply_patch".to_owned(), json!({"changes": changed_paths(&item)})),
        "mcpToolCall" => (
            format!("mcp__{}__{}", text(&item, "server"), text(&item, "tool")),
            take(&mut item, "arguments"),
        ),
        "dynamicToolCall" => (text(&item, "tool").to_owned(), take(&mut item, "arguments")),
        "webSearch" => ("web_search".to_owned(), json!({"query": take(&mut item, "query")})),
        "imageView" => ("view_image".to_owned(), json!({"path": take(&mut item, "path")})),
        "imageGeneration" => ("image_generation".to_owned(), json!({})),
        "sleep" => ("sleep".to_owned(), json!({"durationMs": take(&mut item, "durationMs")})),
        "collabAgentToolCall" => (
            text(&item, "tool").to_owned(),
            json!({"prompt": take(&mut item, "prompt")}),
        ),
        // The others come whole at their end.
        _ => return Vec::new(),
    };
    vec![Event::ToolCall {
        call,
        name: name(tool),
        input: bound::arguments(input),
        parent_call: None,
    }]
}

/// An item ended, and is whole.
pub(super) fn completed(mut item: Value, line: &[u8], pictures: &mut Vec<Picture>) -> Vec<Event> {
    match text(&item, "type") {
        // Ours, or what the agent shows its model besides.
        "userMessage" | "hookPrompt" | "functionCallOutput" => Vec::new(),
        "agentMessage" => vec![Event::Text {
            text: bound::middle(take_text(&mut item, "text"), bound::TEXT).0,
            partial: false,
            parent_call: None,
        }],
        "plan" => vec![Event::Text {
            text: bound::middle(take_text(&mut item, "text"), bound::TEXT).0,
            partial: false,
            parent_call: None,
        }],
        "reasoning" => thought(item),
        "commandExecution" => {
            let exit = item.get("exitCode").and_then(Value::as_i64);
            let output = take_text(&mut item, "aggregatedOutput");
            let output = match exit {
                Some(code) if code != 0 => format!("{output}\n[exit code {code}]"),
                _ => output,
            };
            let succeeded = is_completed(&item) && exit.unwrap_or(0) == 0;
            vec![result(&item, succeeded, Given::words(output), pictures)]
        }
        "fileChange" => file_changes(item, pictures),
        "mcpToolCall" => {
            let error = item.get("error").map(|error| text(error, "message").to_owned());
            let error = error.filter(|error| !error.is_empty());
            let content = item.get_mut("result").map(|result| take_list(result, "content"));
            let failed = error.is_some() || !is_completed(&item);
            let given = error.map_or_else(|| Given::blocks(content.unwrap_or_default()), Given::words);
            vec![result(&item, !failed, given, pictures)]
        }
        "dynamicToolCall" => {
            let given = Given::blocks(take_list(&mut item, "contentItems"));
            vec![result(&item, is_completed(&item), given, pictures)]
        }
        "webSearch" | "imageView" | "sleep" | "imageGeneration" | "collabAgentToolCall" => {
            let succeeded = !matches!(text(&item, "status"), "failed" | "declined");
            let output = take_text(&mut item, "savedPath");
            vec![result(&item, succeeded, Given::words(output), pictures)]
        }
        "subAgentActivity" => Vec::new(),
        "contextCompaction" => vec![notice("The conversation was compacted to fit the model's context.")],
        "enteredReviewMode" | "exitedReviewMode" => vec![notice(take_text(&mut item, "review"))],
        kind => {
            let reason = format!("unknown item `{}`", bound::end(kind.to_owned(), 64));
            vec![unknown(line, &reason)]
        }
    }
}

fn thought(mut item: Value) -> Vec<Event> {
    let parts = |field: Vec<Value>| -> Vec<String> {
        let texts = field.into_iter().filter_map(|part| match part {
            Value::String(text) => Some(text),
            _ => None,
        });
        texts.collect()
    };
    let mut thought = parts(take_list(&mut item, "content"));
    if thought.is_empty() {
        thought = parts(take_list(&mut item, "summary"));
    }
    vec![Event::Thinking {
        text: bound::middle(thought.join("\n\n"), bound::OUTPUT).0,
        partial: false,
        parent_call: None,
    }]
}

fn file_changes(mut item: Value, pictures: &mut Vec<Picture>) -> Vec<Event> {
    let changes = take_list(&mut item, "changes");
    let completed = is_completed(&item);
    let output = match text(&item, "status") {
        "completed" => String::new(),
        status => format!("The patch was not applied: {status}."),
    };
    let mut events = vec![result(&item, completed, Given::words(output), pictures)];
    if completed {
        events.extend(changes.into_iter().take(bound::EVENTS / 2).map(file_change));
    }
    events
}

fn file_change(mut change: Value) -> Event {
    let kind = change.get("kind").map_or("", |kind| text(kind, "type"));
    let change_kind = match kind {
        "add" => FileChange::Added,
        "delete" => FileChange::Deleted,
        _ => FileChange::Modified,
    };
    let diff = take_text(&mut change, "diff");
    Event::FileChanged {
        path: bound::end(take_text(&mut change, "path"), bound::NOTE),
        change: change_kind,
        diff: (!diff.is_empty()).then(|| bound::middle(diff, bound::OUTPUT).0),
    }
}

fn changed_paths(item: &Value) -> Vec<Value> {
    let changes = item.get("changes").and_then(Value::as_array).map(Vec::as_slice);
    let changes = changes.unwrap_or_default().iter().take(bound::EVENTS);
    changes
        .map(|change| {
            let kind = change.get("kind").map_or("", |kind| text(kind, "type"));
            json!({"path": text(change, "path"), "kind": kind})
        })
        .collect()
}

fn is_completed(item: &Value) -> bool {
    text(item, "status") == "completed"
}

fn result(item: &Value, succeeded: bool, given: Given, pictures: &mut Vec<Picture>) -> Event {
    given.result(name(text(item, "id")), succeeded, pictures)
}
