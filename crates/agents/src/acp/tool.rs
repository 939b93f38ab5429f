//! What an agent tells of its tools: a call that is announced, gets its arguments and ends, in updates of one id.

use codecourier_domain::event::{Event, FileChange, PlanEntry, PlanStatus};
use serde_json::Value;

use crate::parse::bound::{self, name};
use crate::parse::field::{take, take_list, take_text, text};
use crate::parse::given::Given;
use crate::parse::{Join, Meaning, Picture};

/// A call is announced, or told whole.
pub(super) fn announced(mut update: Value) -> Meaning {
    let id = name(text(&update, "toolCallId"));
    let input = take(&mut update, "rawInput");
    let is_named = has_arguments(&input);
    let call = Event::ToolCall {
        call: id.clone(),
        name: name(text(&update, "title")),
        input: bound::arguments(input),
        parent_call: None,
    };
    if is_over(&update) {
        let mut meaning = Meaning::from(vec![call]);
        meaning.events.extend(ended(update, &mut meaning.pictures));
        return meaning;
    }
    Meaning {
        events: vec![call],
        join: (!is_named).then_some(Join::CallWaits(id)),
        ..Meaning::default()
    }
}

/// More is known of a call, or it ended.
pub(super) fn updated(mut update: Value) -> Meaning {
    let call = name(text(&update, "toolCallId"));
    let input = take(&mut update, "rawInput");
    let arguments = has_arguments(&input).then(|| bound::arguments(input));
    let over = is_over(&update);
    if !over && arguments.is_none() {
        return Meaning::default();
    }
    // OpenCode says its plan with a tool, and not as the protocol would have it.
    let todos = arguments
        .as_ref()
        .filter(|_| !over && text(&update, "title") == "todowrite");
    let todos = todos.and_then(|arguments| arguments.get("todos")?.as_array().cloned());
    let mut pictures = Vec::new();
    Meaning {
        events: if over {
            ended(update, &mut pictures)
        } else {
            todos.map(plan).into_iter().collect()
        },
        pictures,
        join: Some(Join::Arguments { call, input: arguments }),
        ..Meaning::default()
    }
}

/// A plan, from its entries.
pub(super) fn plan(entries: Vec<Value>) -> Event {
    Event::Plan {
        entries: entries.into_iter().take(bound::EVENTS).map(plan_entry).collect(),
    }
}

fn plan_entry(mut entry: Value) -> PlanEntry {
    PlanEntry {
        status: match text(&entry, "status") {
            "completed" => PlanStatus::Completed,
            "in_progress" => PlanStatus::InProgress,
            _ => PlanStatus::Pending,
        },
        text: bound::end(take_text(&mut entry, "content"), bound::NAME * 2),
    }
}

fn ended(mut update: Value, pictures: &mut Vec<Picture>) -> Vec<Event> {
    let call = name(text(&update, "toolCallId"));
    let mut output = take(&mut update, "rawOutput");
    // A command's own exit code, where an agent calls it completed whatever it was.
    let exit = output
        .get("metadata")
        .and_then(|metadata| metadata.get("exit")?.as_i64());
    let succeeded = text(&update, "status") == "completed" && exit.unwrap_or(0) == 0;
    let (mut said, mut changes) = (Vec::new(), Vec::new());
    for mut part in take_list(&mut update, "content") {
        match text(&part, "type") {
            "content" => said.push(take(&mut part, "content")),
            "diff" => changes.push(file_change(part)),
            _ => {}
        }
    }
    let mut given = Given::blocks(said);
    given.say_if_wordless(|| match &mut output {
        Value::String(text) => std::mem::take(text),
        output @ Value::Object(_) => take_text(output, "output"),
        _ => String::new(),
    });
    let result = given.result(call, succeeded, pictures);
    let changes = changes.into_iter().take(bound::EVENTS / 2).filter(|_| succeeded);
    std::iter::once(result).chain(changes).collect()
}

fn file_change(mut diff: Value) -> Event {
    let old = diff.get("oldText").and_then(Value::as_str);
    Event::FileChanged {
        change: match old {
            None | Some("") => FileChange::Added,
            Some(_) => FileChange::Modified,
        },
        path: bound::end(take_text(&mut diff, "path"), bound::NOTE),
        diff: None,
    }
}

fn is_over(update: &Value) -> bool {
    matches!(text(update, "status"), "completed" | "failed")
}

/// Whether arguments are there, and not only where the tool runs.
fn has_arguments(input: &Value) -> bool {
    match input {
        Value::Null => false,
        Value::Object(fields) => fields.keys().any(|field| field != "cwd"),
        _ => true,
    }
}
