//! The agent `acp`: any program that speaks the Agent Client Protocol, by a command of one's own.
//!
//! Whoever runs the server names one, and a project may name another. Invariant: the command runs in the sandbox of a
//! step and nowhere else, so naming one gives nobody more than a setup script does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use codecourier_agents::AcpCommand;
use codecourier_agents::session::EnvName;

use crate::error::Error;
use crate::templates::TemplateName;

/// The most variables of its environment.
const MAX_VARIABLES: usize = 50;
/// The longest value of one, in characters.
const MAX_VALUE: usize = 4_096;

/// How an agent that speaks the protocol is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcpAgent {
    /// The program and its arguments.
    pub command: AcpCommand,
    /// What its sandbox starts from: the program must be in it, or come with the project's setup script.
    #[serde(default)]
    pub template: TemplateName,
    /// Its environment, beside the project's variables, which win. For what is no secret.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

impl AcpAgent {
    /// Checks what types cannot. Names the fields below `acp`.
    ///
    /// # Errors
    /// When a variable is none.
    pub fn validate(&self) -> Result<(), Error> {
        let Self {
            command: _,
            template: _,
            environment,
        } = self;
        if environment.len() > MAX_VARIABLES {
            let message = format!("At most {MAX_VARIABLES} variables can be set here.");
            return Err(Error::validation(message).of_field("acp.environment"));
        }
        for (name, value) in environment {
            if name.parse::<EnvName>().is_err() {
                let message = "A variable's name has letters, digits and underscores, and begins with no digit.";
                return Err(Error::validation(message).of_field("acp.environment"));
            }
            if value.chars().count() > MAX_VALUE || value.contains('\0') {
                let message = format!("The value of `{name}` is a text of at most {MAX_VALUE} characters.");
                return Err(Error::validation(message).of_field(format!("acp.environment.{name}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str, value: &str) -> AcpAgent {
        AcpAgent {
            command: vec!["agent".to_owned()].try_into().unwrap(),
            template: TemplateName::default(),
            environment: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        }
    }

    #[test]
    fn an_environment_is_names_and_short_texts() {
        assert!(agent("MODE", "fast").validate().is_ok());
        let field = |agent: AcpAgent| agent.validate().unwrap_err().field;
        assert_eq!(field(agent("A=B", "x")).as_deref(), Some("acp.environment"));
        assert_eq!(field(agent("A", "x\0")).as_deref(), Some("acp.environment.A"));
        assert_eq!(
            field(agent("A", &"x".repeat(5_000))).as_deref(),
            Some("acp.environment.A")
        );
    }
}
