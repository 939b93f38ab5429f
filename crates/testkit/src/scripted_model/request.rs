//! What a Messages request says about the situation it was made in. Pure; unknown parts are ignored.

use serde_json::Value;

use super::script::{Situation, is_script};

/// The script a request carries, and the situation it is asked in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) model: String,
    pub(super) is_stream: bool,
    pub(super) script: String,
    pub(super) situation: Situation,
}

/// Reads a request.
pub(super) fn read(request: &Value) -> Asked {
    let mut script = String::new();
    let mut turn = 1;
    let mut results = 0;
    for message in request["messages"].as_array().into_iter().flatten() {
        if message["role"] != "user" {
            continue;
        }
        let results_here = count_results(&message["content"]);
        let text = text_of(&message["content"]);
        // Text beside tool results is the agent's own remark, not a person's message.
        if results_here > 0 {
            results += results_here;
            continue;
        }
        if text.trim().is_empty() {
            continue;
        }
        results = 0;
        if is_script(&text) || script.is_empty() {
            script = text;
            turn = 1;
        } else {
            turn += 1;
        }
    }
    let system = text_of(&request["system"]);
    let everything = [script.as_str(), system.as_str()];
    let field = |names: &[&str]| everything.iter().find_map(|text| last_field(text, names));
    Asked {
        model: request["model"].as_str().unwrap_or_default().to_owned(),
        is_stream: request["stream"].as_bool().unwrap_or(false),
        situation: Situation {
            role: field(&["Role:"]).map(|role| role.to_ascii_lowercase()),
            iteration: field(&["Iteration:"]).and_then(|number| number.split([' ', '/']).next()?.parse().ok()),
            turn,
            results,
            directory: directory(request, &system),
        },
        script,
    }
}

/// The agent's working directory, as its system prompt or its first reminder states it.
fn directory(request: &Value, system: &str) -> String {
    const NAMES: [&str; 2] = ["Primary working directory:", "Working directory:"];
    last_field(system, &NAMES)
        .or_else(|| {
            let messages = request["messages"].as_array()?;
            messages
                .iter()
                .find_map(|message| last_field(&raw_text_of(&message["content"]), &NAMES))
        })
        .unwrap_or_else(|| "/home/user/project".to_owned())
}

/// The value of the last line that starts with one of the names. Lines of the script do not count.
fn last_field(text: &str, names: &[&str]) -> Option<String> {
    let value = |line: &str| {
        let line = line.trim().trim_start_matches(['-', '*', ' ']);
        names
            .iter()
            .find_map(|name| line.strip_prefix(name))
            .map(|value| value.trim().to_owned())
    };
    text.lines().rev().find_map(value).filter(|value| !value.is_empty())
}

fn count_results(content: &Value) -> usize {
    content
        .as_array()
        .into_iter()
        .flatten()
        .filter(|block| block["type"] == "tool_result")
        .count()
}

fn text_of(content: &Value) -> String {
    without_reminders(&raw_text_of(content))
}

fn raw_text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts: Vec<_> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

fn without_reminders(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<system-reminder>") {
        kept.push_str(before);
        rest = after.split_once("</system-reminder>").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_situation_is_read_from_the_conversation() {
        let asked = read(&json!({
            "model": "m", "stream": true,
            "system": [{"type": "text", "text": "…\nPrimary working directory: /w\n"}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "<system-reminder>Role: none</system-reminder>"},
                    {"type": "text", "text": "Role: Designer\nIteration: 2\n@@bash ls"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "Bash", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "x"}, {"type": "text", "text": "@@say no"}]},
                {"role": "system", "content": "ignored"},
            ]
        }));
        assert_eq!(asked.script.lines().last(), Some("@@bash ls"));
        let expected = Situation {
            role: Some("designer".to_owned()),
            iteration: Some(2),
            turn: 1,
            results: 1,
            directory: "/w".to_owned(),
        };
        assert_eq!(asked.situation, expected);
        assert!(asked.is_stream);
    }

    #[test]
    fn a_later_message_without_a_script_is_the_next_turn_and_one_with_a_script_starts_anew() {
        let user = |text: &str| json!({"role": "user", "content": text});
        let model = json!({"role": "assistant", "content": "ok"});
        let asked = read(&json!({"messages": [user("@@say a"), model, user("Try again.")]}));
        assert_eq!((asked.situation.turn, asked.script.as_str()), (2, "@@say a"));
        let asked = read(&json!({"messages": [user("@@say a"), model, user("again"), model, user("@@say b")]}));
        assert_eq!((asked.situation.turn, asked.script.as_str()), (1, "@@say b"));
        assert_eq!(read(&json!({})).situation.results, 0);
    }
}
