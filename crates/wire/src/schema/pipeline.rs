//! The schema of a pipeline's nodes. The server reads pipelines itself, to name every fault with its place, so there is
//! no type to derive it from.
//!
//! Invariant: what it takes, the server takes; what it refuses is a fault. Deeper nesting than a description can show in
//! numbers is left to the server.

use std::borrow::Cow;

use codecourier_domain::role::Role;
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::settings::{AgentName, EffortName};

/// A node of a pipeline. Only for the description.
#[derive(Debug)]
pub enum PipelineNode {}

/// A step of a pipeline. Only for the description.
#[derive(Debug)]
pub enum PipelineStep {}

/// Steps that repeat. Only for the description.
#[derive(Debug)]
pub enum PipelineLoop {}

impl PartialSchema for PipelineNode {
    fn schema() -> RefOr<Schema> {
        read(json!({
            "description": "A node of a pipeline.",
            "oneOf": [
                { "$ref": "#/components/schemas/PipelineStep" },
                { "$ref": "#/components/schemas/PipelineLoop" },
            ],
        }))
    }
}

impl PartialSchema for PipelineStep {
    fn schema() -> RefOr<Schema> {
        let roles: Vec<&str> = Role::ALL.into_iter().map(Role::as_str).collect();
        read(json!({
            "type": "object",
            "description": "One step.",
            "additionalProperties": false,
            "required": ["type", "role"],
            "properties": {
                "type": { "type": "string", "enum": ["step"] },
                "role": { "type": "string", "enum": roles, "description": "The part the agent plays." },
                "name": { "type": ["string", "null"], "maxLength": 100, "description": "What people call it." },
                "agent": { "$ref": "#/components/schemas/AgentName" },
                "model": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 128,
                    "pattern": "^[!-,.-~][!-~]*$",
                    "description": "The model, if it is another than the run's.",
                },
                "effort": { "$ref": "#/components/schemas/EffortName" },
                "instructions": {
                    "type": ["string", "null"],
                    "maxLength": 20_000,
                    "description": "What it is told besides the prompt.",
                },
            },
        }))
    }
}

impl PartialSchema for PipelineLoop {
    fn schema() -> RefOr<Schema> {
        read(json!({
            "type": "object",
            "description": "Steps that repeat until a checker passes.",
            "additionalProperties": false,
            "required": ["type", "nodes"],
            "properties": {
                "type": { "type": "string", "enum": ["loop"] },
                "nodes": {
                    "type": "array",
                    "minItems": 1,
                    "items": { "$ref": "#/components/schemas/PipelineNode" },
                    "description": "What is repeated. Loops may be nested.",
                },
                "maxIterations": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 10,
                    "description": "How often at the most.",
                },
                "onExhausted": {
                    "type": "string",
                    "enum": ["fail", "continue"],
                    "description": "What happens when nothing has passed by then.",
                },
                "gate": {
                    "type": "string",
                    "enum": ["checks", "verdict"],
                    "description": "What must be good besides the verdict.",
                },
            },
        }))
    }
}

macro_rules! named {
    ($($name:ident: $($part:ty),*;)*) => {$(
        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
                $(schemas.push((<$part>::name().into_owned(), <$part>::schema()));)*
            }
        }
    )*};
}

// Each names all that it refers to, at any depth: asking them in turn would go round in circles.
named! {
    PipelineNode: PipelineStep, PipelineLoop, AgentName, EffortName;
    PipelineStep: AgentName, EffortName;
    PipelineLoop: PipelineNode, PipelineStep, AgentName, EffortName;
}

fn read(schema: Value) -> RefOr<Schema> {
    RefOr::T(serde_json::from_value(schema).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_are_as_they_are_written() {
        let shown = |schema: RefOr<Schema>| serde_json::to_value(&schema).unwrap();
        assert_eq!(
            shown(PipelineNode::schema())["oneOf"][1]["$ref"],
            "#/components/schemas/PipelineLoop"
        );
        let step = shown(PipelineStep::schema());
        assert_eq!(
            (&step["additionalProperties"], &step["required"]),
            (&json!(false), &json!(["type", "role"]))
        );
        let roles = step["properties"]["role"]["enum"].as_array().unwrap();
        assert!(roles.contains(&json!("deep-dive")) && roles.contains(&json!("designer")));
        assert_eq!(shown(PipelineLoop::schema())["properties"]["nodes"]["minItems"], 1);
    }
}
