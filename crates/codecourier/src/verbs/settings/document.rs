//! The settings as a document: names and values, changes of single ones, and the text that a person edits.
//!
//! Invariant: every name is one that the server's document has, so that the list of settings is nowhere repeated.

use codecourier_wire::settings::{Settings, UpdateSettings};
use serde_json::{Map, Value};

use crate::problem::Problem;

/// What is told and cannot be changed: the platform's own words, and who changed the settings last.
const TOLD: [&str; 5] = [
    "defaultSandboxPrompt",
    "defaultDiscoveryPrompt",
    "defaultModel",
    "updatedAt",
    "updatedBy",
];
/// What is a text, also when it has none now.
const TEXTS: [&str; 9] = [
    "sandboxPrompt",
    "discoveryPrompt",
    "instructions",
    "setupScript",
    "agent",
    "model",
    "effort",
    "gitAuthor.name",
    "gitAuthor.email",
];
/// The longest file that is taken as a value.
const LONGEST: u64 = 1 << 20;

const HEAD: &str = "\
# The settings of the project. Save and close to change them; change nothing to leave them.
# What is left out, or has a `#` before it, is as the platform has it by default.
";

/// Every setting by its whole name, with its value for people.
pub(super) fn pairs(settings: &Settings) -> Result<Vec<(String, String)>, Problem> {
    let mut pairs = Vec::new();
    for (name, value) in &object(settings)? {
        match value {
            Value::Object(fields) if !TOLD.contains(&name.as_str()) => {
                let fields = fields.iter().filter(|(_, value)| !value.is_null());
                pairs.extend(fields.map(|(field, value)| (format!("{name}.{field}"), shown(value))));
            }
            value => pairs.push((name.clone(), shown(value))),
        }
    }
    Ok(pairs)
}

/// One setting.
pub(super) fn one(settings: &Settings, name: &str) -> Result<Value, Problem> {
    let settings = Value::Object(object(settings)?);
    let pointer = format!("/{}", name.replace('.', "/"));
    let found = settings.pointer(&pointer);
    found.cloned().ok_or_else(|| unknown(name))
}

/// The change that assignments make.
pub(super) fn change(settings: &Settings, assignments: &[String]) -> Result<UpdateSettings, Problem> {
    let present = object(settings)?;
    let mut change = Map::new();
    for assignment in assignments {
        let Some((name, text)) = assignment.split_once('=') else {
            return Err(Problem::usage(format!("`{assignment}` is not NAME=VALUE.")));
        };
        let (first, rest) = match name.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (name, None),
        };
        let Some(now) = present.get(first).filter(|_| !TOLD.contains(&first)) else {
            return Err(unknown(name));
        };
        match (rest, now) {
            (None, _) => {
                change.insert(first.to_owned(), value(name, text)?);
            }
            (Some(field), Value::Object(fields)) if fields.contains_key(field) && !field.contains('.') => {
                let value = value(name, text)?;
                // Such a group is changed as a whole: session types are not, each stands for itself.
                let group = change.entry(first.to_owned()).or_insert_with(|| match first {
                    "sessionTypes" => Value::Object(Map::new()),
                    _ => now.clone(),
                });
                if let Value::Object(group) = group {
                    group.insert(field.to_owned(), value);
                }
            }
            (Some(_), _) => return Err(unknown(name)),
        }
    }
    taken(change)
}

/// The settings as a text to edit.
pub(super) fn to_text(settings: &Settings) -> Result<String, Problem> {
    let mut fields = object(settings)?;
    fields.retain(|name, value| !TOLD.contains(&name.as_str()) && !value.is_null());
    if let Some(Value::Object(types)) = fields.get_mut("sessionTypes") {
        types.retain(|_, value| !value.is_null());
    }
    let text = toml::to_string_pretty(&fields).map_err(|error| Problem::internal("Writing the settings", &error))?;
    Ok(format!("{HEAD}\n{text}"))
}

/// The change that an edited text makes.
pub(super) fn from_text(settings: &Settings, text: &str) -> Result<UpdateSettings, Problem> {
    let edited: Map<String, Value> = toml::from_str(text).map_err(|error| {
        let at = error
            .span()
            .map_or(0, |span| text[..span.start.min(text.len())].lines().count());
        Problem::usage(format!("Line {at} cannot be read: {}.", error.message()))
    })?;
    let mut present = object(settings)?;
    present.retain(|name, _| !TOLD.contains(&name.as_str()));
    if let Some(name) = edited.keys().find(|name| !present.contains_key(*name)) {
        return Err(unknown(name));
    }
    let mut change = Map::new();
    for (name, before) in present {
        let after = match (edited.get(&name), name.as_str()) {
            (Some(Value::Object(types)), "sessionTypes") => all_types(&before, types),
            (Some(after), _) => after.clone(),
            (None, "sessionTypes") => all_types(&before, &Map::new()),
            (None, _) => empty_like(&before),
        };
        if after != before {
            change.insert(name, after);
        }
    }
    taken(change)
}

/// Every session type, `null` for those that are not written.
fn all_types(before: &Value, written: &Map<String, Value>) -> Value {
    let mut types = written.clone();
    if let Value::Object(before) = before {
        for name in before.keys() {
            types.entry(name.clone()).or_insert(Value::Null);
        }
    }
    Value::Object(types)
}

/// What is left out is as before anybody set it.
fn empty_like(value: &Value) -> Value {
    match value {
        Value::Array(_) => Value::Array(Vec::new()),
        _ => Value::Null,
    }
}

fn taken(change: Map<String, Value>) -> Result<UpdateSettings, Problem> {
    serde_json::from_value(Value::Object(change))
        .map_err(|error| Problem::usage(format!("The settings cannot be like that: {error}.")))
}

fn object(settings: &Settings) -> Result<Map<String, Value>, Problem> {
    match serde_json::to_value(settings) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Ok(Map::new()),
        Err(error) => Err(Problem::internal("Reading the settings", &error)),
    }
}

/// A value as it is written on the command line.
fn value(name: &str, text: &str) -> Result<Value, Problem> {
    let text = match text.strip_prefix('@') {
        Some(path) => read(path)?,
        None => text.to_owned(),
    };
    if TEXTS.contains(&name) {
        let has_no_default = ["instructions", "setupScript"].contains(&name) || name.contains('.');
        return Ok(if text.is_empty() && !has_no_default {
            Value::Null
        } else {
            Value::String(text)
        });
    }
    if text.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|_| {
        Problem::usage(format!(
            "`{name}` cannot be `{}`.",
            text.chars().take(80).collect::<String>()
        ))
        .with_remedy(format!(
            "It is written as JSON; `codecourier settings get {name}` shows how."
        ))
    })
}

fn read(path: &str) -> Result<String, Problem> {
    use std::io::Read as _;
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
    read.map_err(|error| Problem::file("read", std::path::Path::new(path), &error))?;
    Ok(text)
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        value => value.to_string(),
    }
}

fn unknown(name: &str) -> Problem {
    Problem::usage(format!("There is no setting `{name}`.")).with_remedy("`codecourier settings` lists them all.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings() -> Settings {
        serde_json::from_value(json!({
            "sandboxPrompt": null,
            "defaultSandboxPrompt": "Work well.",
            "instructions": "# House\nBe kind.\n",
            "discoveryPrompt": "Look.",
            "defaultDiscoveryPrompt": "Find.",
            "gitAuthor": { "name": "Ada", "email": "ada@example.org" },
            "checks": [{ "name": "tests", "command": "make test", "required": true, "timeoutSeconds": 600 }],
            "setupScript": "",
            "agent": "claude",
            "model": null,
            "defaultModel": "claude-opus-5-5",
            "effort": "high",
            "limits": { "memoryMb": 2048, "cpus": 2, "processes": 1024, "diskMb": 10240, "timeoutSeconds": 3600 },
            "runBudgetMicroUsd": 20_000_000,
            "sessionTypes": { "issue": null, "answering": null, "learning": null, "merging": null, "evaluator": null,
                              "judge": { "model": "m", "contexts": [], "skills": [], "commands": [], "scripts": [] } },
            "updatedAt": null,
            "updatedBy": null,
        }))
        .unwrap()
    }

    fn changed(assignments: &[&str]) -> Result<Value, Problem> {
        let assignments: Vec<String> = assignments.iter().map(|text| (*text).to_owned()).collect();
        change(&settings(), &assignments).map(|change| serde_json::to_value(change).unwrap())
    }

    #[test]
    fn a_setting_is_changed_by_its_name_and_the_rest_stays() {
        let change = changed(&[
            "model=claude-sonnet-4-5",
            "limits.cpus=4",
            "effort=",
            "gitAuthor.name=Bea",
        ])
        .unwrap();
        assert_eq!(
            change,
            json!({
                "model": "claude-sonnet-4-5",
                "effort": null,
                "limits": { "memoryMb": 2048, "cpus": 4, "processes": 1024, "diskMb": 10240, "timeoutSeconds": 3600 },
                "gitAuthor": { "name": "Bea", "email": "ada@example.org" },
            })
        );
        assert_eq!(changed(&["instructions="]).unwrap(), json!({ "instructions": "" }));
        assert_eq!(
            changed(&["sessionTypes.judge="]).unwrap(),
            json!({ "sessionTypes": { "judge": null } })
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "set -e\nmake\n").unwrap();
        let from_file = changed(&[&format!("setupScript=@{}", file.path().display())]).unwrap();
        assert_eq!(from_file, json!({ "setupScript": "set -e\nmake\n" }));
    }

    #[test]
    fn what_is_no_setting_or_no_value_is_refused_by_name() {
        for (assignment, words) in [
            ("modell=x", "no setting `modell`"),
            ("defaultModel=x", "no setting `defaultModel`"),
            ("limits.gpus=1", "no setting `limits.gpus`"),
            ("model.name=1", "no setting `model.name`"),
            ("limits.cpus=many", "`limits.cpus` cannot be `many`"),
            ("limits.cpus=-1", "cannot be like that"),
            ("model", "is not NAME=VALUE"),
            ("setupScript=@/nonexistent/file", "/nonexistent/file"),
        ] {
            let problem = changed(&[assignment]).unwrap_err();
            assert!(problem.message.contains(words), "{assignment}: {}", problem.message);
        }
        assert!(one(&settings(), "limits.cpus").unwrap() == json!(2));
        assert!(one(&settings(), "nothing").is_err());
    }

    #[test]
    fn the_text_that_is_edited_changes_what_was_edited() {
        let settings = settings();
        let text = to_text(&settings).unwrap();
        assert!(
            text.contains("Be kind.") && !text.contains("Work well.") && !text.contains("updatedAt"),
            "{text}"
        );
        let unchanged = from_text(&settings, &text).unwrap();
        assert_eq!(unchanged, UpdateSettings::default());

        let edited = text.replace("Be kind.", "Be quick.").replace("effort = \"high\"\n", "");
        let change = from_text(&settings, &edited).unwrap();
        assert_eq!(
            serde_json::to_value(change).unwrap(),
            json!({ "instructions": "# House\nBe quick.\n", "effort": null })
        );
        let without = text.split("[sessionTypes").next().unwrap();
        let change = serde_json::to_value(from_text(&settings, without).unwrap()).unwrap();
        assert_eq!(change["sessionTypes"]["judge"], Value::Null);

        let broken = from_text(&settings, "agent = claude").unwrap_err();
        assert!(
            broken.message.starts_with("Line 1 cannot be read"),
            "{}",
            broken.message
        );
        assert!(from_text(&settings, "gpu = 1").unwrap_err().message.contains("`gpu`"));
    }

    #[test]
    fn every_setting_has_a_name_and_a_value_for_people() {
        let pairs = pairs(&settings()).unwrap();
        let value = |name: &str| {
            pairs
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(value("limits.cpus"), Some("2"));
        assert_eq!(value("gitAuthor.email"), Some("ada@example.org"));
        assert_eq!(value("model"), Some(""));
        assert!(value("checks").unwrap().contains("make test"));
        assert!(value("sessionTypes.judge").unwrap().contains("\"m\"") && value("sessionTypes.issue").is_none());
    }
}
