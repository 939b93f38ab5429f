//! What a tool did to files and to the plan, read from what the CLI says of a result beside the text for its model.
//!
//! Invariant: the line of the result says it all, whatever the call before it was, so that a parser that begins at this
//! line tells the same.

use codecourier_domain::event::{Event, FileChange, PlanEntry, PlanStatus};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::parse::bound;

/// What is read of `tool_use_result`. Each tool has a shape of its own; the whole text of the file before is skipped.
#[derive(Debug, Deserialize)]
struct ToolUseResult<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, rename = "filePath")]
    file_path: Option<&'a RawValue>,
    #[serde(borrow, rename = "structuredPatch")]
    structured_patch: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    notebook_path: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow, rename = "newTodos")]
    new_todos: Option<&'a RawValue>,
    #[serde(borrow)]
    tasks: Option<&'a RawValue>,
}

/// A part of a change.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hunk {
    old_start: u64,
    old_lines: u64,
    new_start: u64,
    new_lines: u64,
    lines: Vec<String>,
}

/// An entry of the todo list, or a task. The one has `content`, the other `subject`.
#[derive(Debug, Deserialize)]
struct Todo {
    #[serde(alias = "subject")]
    content: String,
    #[serde(default)]
    status: String,
}

/// What a tool that succeeded changed. `None` when it is none of those that change something.
pub(super) fn event(result: &RawValue) -> Option<Event> {
    let result: ToolUseResult<'_> = serde_json::from_str(result.get()).ok()?;
    // Tools that only read name a file too, but no change of it.
    if let (Some(path), Some(patch)) = (result.file_path, result.structured_patch) {
        let is_new = read::<String>(result.kind).is_some_and(|kind| kind == "create");
        let diff = if is_new {
            read::<String>(result.content).map(|text| added(&text))
        } else {
            read::<Vec<Hunk>>(Some(patch)).map(|hunks| unified(&hunks))
        };
        let change = if is_new {
            FileChange::Added
        } else {
            FileChange::Modified
        };
        return Some(changed(read(Some(path))?, change, diff));
    }
    if let Some(path) = read::<String>(result.notebook_path) {
        let failed = read::<String>(result.error).is_some_and(|error| !error.is_empty());
        return (!failed).then(|| changed(path, FileChange::Modified, None));
    }
    let todos: Vec<Todo> = read(result.new_todos.or(result.tasks))?;
    Some(Event::Plan {
        entries: todos.into_iter().take(bound::EVENTS).map(entry).collect(),
    })
}

fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

fn changed(path: String, change: FileChange, diff: Option<String>) -> Event {
    Event::FileChanged {
        path: bound::end(path, bound::NOTE),
        change,
        diff: diff
            .filter(|diff| !diff.is_empty())
            .map(|diff| bound::middle(diff, bound::OUTPUT).0),
    }
}

/// The whole text of a new file, as a change from nothing.
fn added(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut diff = format!("@@ -0,0 +1,{} @@\n", text.lines().count());
    for line in text.lines() {
        diff.push('+');
        diff.push_str(line);
        diff.push('\n');
    }
    diff
}

fn unified(hunks: &[Hunk]) -> String {
    let mut diff = String::new();
    for hunk in hunks {
        let Hunk {
            old_start,
            old_lines,
            new_start,
            new_lines,
            lines,
        } = hunk;
        diff.push_str(&format!("@@ -{old_start},{old_lines} +{new_start},{new_lines} @@\n"));
        for line in lines {
            diff.push_str(line);
            diff.push('\n');
        }
    }
    diff
}

fn entry(todo: Todo) -> PlanEntry {
    PlanEntry {
        status: match todo.status.as_str() {
            "completed" => PlanStatus::Completed,
            "in_progress" => PlanStatus::InProgress,
            _ => PlanStatus::Pending,
        },
        text: bound::end(todo.content, bound::NAME * 2),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(result: &serde_json::Value) -> Option<Event> {
        event(&serde_json::value::to_raw_value(result).unwrap())
    }

    #[test]
    fn a_notebook_and_a_list_of_tasks_are_told() {
        let notebook = json!({"notebook_path": "/w/a.ipynb", "edit_mode": "replace", "error": ""});
        assert_eq!(
            of(&notebook),
            Some(Event::FileChanged {
                path: "/w/a.ipynb".to_owned(),
                change: FileChange::Modified,
                diff: None
            })
        );
        assert_eq!(
            of(&json!({"notebook_path": "/w/a.ipynb", "error": "no such cell"})),
            None
        );
        let tasks = json!({"tasks": [{"id": "1", "subject": "Look", "status": "completed"}, {"subject": "Do"}]});
        let Some(Event::Plan { entries }) = of(&tasks) else {
            panic!("no plan")
        };
        let entries: Vec<_> = entries.into_iter().map(|entry| (entry.text, entry.status)).collect();
        assert_eq!(
            entries,
            [
                ("Look".to_owned(), PlanStatus::Completed),
                ("Do".to_owned(), PlanStatus::Pending)
            ]
        );
    }

    #[test]
    fn what_changes_nothing_or_has_another_shape_is_nothing() {
        for other in [
            json!("Error: no such file"),
            json!({"type": "text", "file": {"filePath": "/w/a", "content": "x"}}),
            json!({"stdout": "x", "stderr": ""}),
            json!({"filePath": 7, "structuredPatch": []}),
            json!({"newTodos": "none"}),
            json!([]),
            json!(null),
        ] {
            assert_eq!(of(&other), None, "{other}");
        }
    }
}
