//! What is wrong with a pipeline, by where it is wrong: `pipeline.0.nodes.1.role`.
//!
//! [`Pipeline::new`] says whether a tree is valid and stops at the first fault; people who edit one want all of them,
//! each with its place. Invariant: what has no fault here is a pipeline, and what has one is none.

use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::pipeline::{Gate, MAX_DEPTH, MAX_ITERATIONS, MAX_STEPS, OnExhausted, Pipeline};
use codecourier_domain::role::Role;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::agents::require::{Asked, require};

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineFault {
    /// Where: a path from `pipeline` on.
    pub path: String,
    /// What, for people.
    pub message: String,
}

/// The longest text in a step.
const MAX_TEXT: usize = 20_000;

/// The pipeline that a JSON value describes, or everything that is wrong with it.
pub fn faults(value: &Value) -> Result<Pipeline, Vec<PipelineFault>> {
    let mut found = Finder::default();
    match value.as_array() {
        None => found.add("pipeline", "A pipeline is a list of nodes."),
        Some(nodes) if nodes.is_empty() => found.add("pipeline", "A pipeline needs at least one step."),
        Some(nodes) => found.nodes(nodes, "pipeline", 0),
    }
    if found.steps > MAX_STEPS {
        found.add("pipeline", &format!("A pipeline has at most {MAX_STEPS} steps."));
    }
    if !found.faults.is_empty() {
        return Err(found.faults);
    }
    // The last word is the domain's.
    serde_json::from_value(value.clone()).map_err(|error| {
        vec![PipelineFault {
            path: "pipeline".to_owned(),
            message: crate::error::sentence(&error.to_string()),
        }]
    })
}

#[derive(Default)]
struct Finder {
    faults: Vec<PipelineFault>,
    steps: usize,
}

impl Finder {
    fn add(&mut self, path: &str, message: &str) {
        // Enough for whoever mends them.
        if self.faults.len() < 50 {
            self.faults.push(PipelineFault {
                path: path.to_owned(),
                message: message.to_owned(),
            });
        }
    }

    fn nodes(&mut self, nodes: &[Value], path: &str, depth: usize) {
        if depth > MAX_DEPTH {
            self.add(path, &format!("Loops may be nested at most {MAX_DEPTH} deep."));
            return;
        }
        for (index, node) in nodes.iter().enumerate() {
            let path = format!("{path}.{index}");
            let Some(node) = node.as_object() else {
                self.add(&path, "A node is an object.");
                continue;
            };
            match node.get("type").and_then(Value::as_str) {
                Some("step") => self.step(node, &path),
                Some("loop") => self.group(node, &path, depth),
                Some("candidates") => self.add(&format!("{path}.type"), "Candidates are not executed by this version."),
                _ => self.add(&format!("{path}.type"), "A node is a `step` or a `loop`."),
            }
        }
    }

    fn step(&mut self, node: &Map<String, Value>, path: &str) {
        self.steps += 1;
        self.only(
            node,
            path,
            &["type", "role", "name", "agent", "model", "effort", "instructions"],
        );
        match node.get("role") {
            None => self.add(&format!("{path}.role"), "A step needs a role."),
            Some(_) => self.word::<Role>(node, path, "role", "This is no role."),
        }
        self.word::<AgentKind>(node, path, "agent", "This is no agent.");
        self.word::<ModelName>(node, path, "model", "This cannot name a model.");
        self.word::<Effort>(
            node,
            path,
            "effort",
            "An effort is `low`, `medium`, `high`, `xhigh` or `max`.",
        );
        self.asked_of_agent(node, path);
        for (key, longest) in [("name", 100), ("instructions", MAX_TEXT)] {
            let is_sound = |value: &Value| value.as_str().is_some_and(|text| text.chars().count() <= longest);
            if node.get(key).is_some_and(|value| !value.is_null() && !is_sound(value)) {
                self.add(
                    &format!("{path}.{key}"),
                    &format!("This is a text of at most {longest} characters."),
                );
            }
        }
    }

    /// What a step asks of an agent that it names itself. Of another one it is asked when a run starts.
    fn asked_of_agent(&mut self, node: &Map<String, Value>, path: &str) {
        fn read<T: DeserializeOwned>(node: &Map<String, Value>, key: &str) -> Option<T> {
            serde_json::from_value(node.get(key)?.clone()).ok()
        }
        let Some(agent) = read::<AgentKind>(node, "agent") else {
            return;
        };
        let model = read::<ModelName>(node, "model");
        let asked = Asked {
            model: model.as_ref(),
            effort: read(node, "effort"),
            abilities: &[],
        };
        if let Err(error) = require(agent, asked) {
            let field = error.field.as_deref().unwrap_or("agent");
            self.add(&format!("{path}.{field}"), &error.message);
        }
    }

    fn group(&mut self, node: &Map<String, Value>, path: &str, depth: usize) {
        self.only(node, path, &["type", "nodes", "maxIterations", "onExhausted", "gate"]);
        match node.get("nodes").and_then(Value::as_array) {
            Some(nodes) if !nodes.is_empty() => self.nodes(nodes, &format!("{path}.nodes"), depth + 1),
            _ => self.add(&format!("{path}.nodes"), "A loop needs at least one step in it."),
        }
        let in_range = |value: &Value| {
            value
                .as_u64()
                .is_some_and(|times| (1..=u64::from(MAX_ITERATIONS)).contains(&times))
        };
        if node.get("maxIterations").is_some_and(|value| !in_range(value)) {
            let message = format!("A loop goes round 1 to {MAX_ITERATIONS} times.");
            self.add(&format!("{path}.maxIterations"), &message);
        }
        self.word::<OnExhausted>(node, path, "onExhausted", "This is `fail` or `continue`.");
        self.word::<Gate>(node, path, "gate", "This is `checks` or `verdict`.");
    }

    fn word<T: DeserializeOwned>(&mut self, node: &Map<String, Value>, path: &str, key: &str, message: &str) {
        if let Some(value) = node.get(key)
            && serde_json::from_value::<T>(value.clone()).is_err()
        {
            self.add(&format!("{path}.{key}"), message);
        }
    }

    fn only(&mut self, node: &Map<String, Value>, path: &str, known: &[&str]) {
        for key in node.keys().filter(|key| !known.contains(&key.as_str())) {
            let shown: String = key.chars().filter(|letter| !letter.is_control()).take(64).collect();
            self.add(&format!("{path}.{shown}"), "Nothing of this name belongs here.");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn paths(value: &Value) -> Vec<String> {
        faults(value).unwrap_err().into_iter().map(|fault| fault.path).collect()
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        let value = json!([
            {"type": "step", "role": "wizard", "extra": 1},
            {"type": "loop", "maxIterations": 11, "nodes": [
                {"type": "step", "role": "designer", "effort": "much"},
                {"type": "step"},
                {"type": "candidates", "nodes": [], "count": 2},
            ]},
            {"type": "loop", "nodes": []},
            7,
        ]);
        assert_eq!(
            paths(&value),
            [
                "pipeline.0.extra",
                "pipeline.0.role",
                "pipeline.1.nodes.0.effort",
                "pipeline.1.nodes.1.role",
                "pipeline.1.nodes.2.type",
                "pipeline.1.maxIterations",
                "pipeline.2.nodes",
                "pipeline.3",
            ]
        );
        let unreachable = json!([{"type": "step", "role": "designer", "agent": "claude", "model": "gpt-5.5"}]);
        let [fault] = faults(&unreachable).unwrap_err().try_into().unwrap();
        assert_eq!(fault.path, "pipeline.0.model");
        assert!(
            fault.message.ends_with("agents that can are opencode, codex, pi, acp."),
            "{fault:?}"
        );
        assert_eq!(paths(&json!([])), ["pipeline"]);
        assert_eq!(paths(&json!({})), ["pipeline"]);
    }

    #[test]
    fn what_has_no_fault_is_a_pipeline() {
        let value = json!([{"type": "loop", "gate": "verdict", "nodes": [
            {"type": "step", "role": "designer", "name": "Writes", "agent": "claude"},
            {"type": "step", "role": "checker"},
        ]}]);
        assert!(faults(&value).is_ok());
        let deep = (0..=MAX_DEPTH).fold(
            json!({"type": "step", "role": "designer"}),
            |inner, _| json!({"type": "loop", "nodes": [inner]}),
        );
        assert!(!paths(&json!([deep])).is_empty());
        let long: Vec<Value> = (0..=MAX_STEPS)
            .map(|_| json!({"type": "step", "role": "designer"}))
            .collect();
        assert_eq!(paths(&Value::Array(long)), ["pipeline"]);
    }

    proptest! {
        /// Whatever the domain would take or refuse, so does this.
        #[test]
        fn the_domain_agrees(rounds in 0_u32..13, role in "designer|checker|wizard", depth in 0_usize..7) {
            let step = json!({"type": "step", "role": role});
            let tree = (0..depth).fold(step, |inner, _| json!({"type": "loop", "maxIterations": rounds, "nodes": [inner]}));
            let value = json!([tree]);
            prop_assert_eq!(faults(&value).is_ok(), serde_json::from_value::<Pipeline>(value).is_ok());
        }
    }
}
