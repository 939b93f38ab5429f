//! What a run was asked to do, pinned at its start. Stored with the run, read by every task of it.
//!
//! Invariant: nothing here changes after the start, so a run does the same after a restart, an upgrade of the defaults
//! or an edit of the project.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use codecourier_agents::Ability;

use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::branch::BranchName;
use codecourier_domain::check::CheckSpec;
use codecourier_domain::id::VariableId;
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::model_route;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::pipeline::Pipeline;
use codecourier_domain::provider::ModelProvider;

use super::images::{self, RunImage};
use crate::agents::AcpAgent;
use crate::agents::require::{Asked, can_be_started, require};
use crate::error::Error;
use crate::templates::TemplateName;

/// The longest prompt, in bytes.
pub const MAX_PROMPT_BYTES: usize = 200 * 1024;
/// The most checks a run may have.
pub const MAX_CHECKS: usize = 20;
/// The longest a check may take: as long as a sandbox may live.
pub const MAX_CHECK_SECONDS: u32 = 14_400;
/// The longest name of a check, in characters.
pub const MAX_CHECK_NAME: usize = 64;
/// The longest command of a check, in characters.
pub const MAX_CHECK_COMMAND: usize = 8_000;
/// The longest name or address of an author, in characters.
const MAX_AUTHOR: usize = 254;
/// The budget of a run when nobody says another.
pub const DEFAULT_BUDGET: MicroUsd = MicroUsd(20_000_000);

/// A run, as it is asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSpec {
    /// What to do.
    pub prompt: String,
    /// The name of the workflow it was started from.
    pub workflow: String,
    /// What is executed.
    pub pipeline: Pipeline,
    /// Where the repository comes from.
    pub repository: RepositorySource,
    /// The branch to start from; the repository's own default branch when absent.
    pub base_branch: Option<BranchName>,
    /// The agent of steps that name none.
    pub agent: AgentKind,
    /// The model of steps that name none.
    pub model: ModelName,
    /// The effort of steps that name none.
    pub effort: Option<Effort>,
    /// The commands that the platform runs on every change.
    pub checks: Vec<CheckSpec>,
    /// What the checker is told besides its role.
    pub checker_instructions: Option<String>,
    /// What each sandbox may use.
    pub limits: SandboxLimits,
    /// Whether sandboxes may be made without every guarantee.
    pub degraded: DegradedPolicy,
    /// Whose name the commits carry.
    pub author: Author,
    /// Where the model's answers come from.
    pub model_source: ModelSource,
    /// What the run may cost.
    pub budget: MicroUsd,
    /// How its sandboxes are set up.
    #[serde(default)]
    pub setup: RunSetup,
    /// How the agent `acp` is started, where a step has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acp: Option<AcpAgent>,
    /// The pictures that agents are shown with the prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<RunImage>,
}

/// How the sandboxes of a run are set up, as its project says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunSetup {
    /// What agents are told about how to work, beside their role.
    pub sandbox_prompt: Option<String>,
    /// The content of the instructions file, which agents find as `CLAUDE.md` or `AGENTS.md`.
    pub instructions: Option<String>,
    /// Commands that prepare a fresh copy of the repository, run by `bash` before the agent starts.
    pub setup_script: Option<String>,
    /// The environment of the project's commands and of the agent.
    pub variables: Vec<RunVariable>,
}

/// An environment variable of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: RunVariableValue,
}

/// The value of a run's environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RunVariableValue {
    /// As it was when the run started.
    Plain {
        /// The text.
        value: String,
    },
    /// Secret: looked up when a step begins, and stored nowhere else.
    Secret {
        /// Which of the project's variables.
        variable: VariableId,
    },
}

/// Where a repository comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RepositorySource {
    /// A repository on this machine. The result is delivered into it as a new branch.
    LocalPath {
        /// Its absolute path.
        path: PathBuf,
    },
    /// A repository behind a URL.
    Url {
        /// The URL, without credentials.
        url: String,
    },
}

/// Whether a sandbox may be made without every guarantee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DegradedPolicy {
    /// No: the run fails and says what is missing.
    #[default]
    Refuse,
    /// Yes: the run says what is degraded.
    Allow,
}

/// Whose name commits carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Author {
    /// The name.
    pub name: String,
    /// The email address.
    pub email: String,
}

impl Default for Author {
    fn default() -> Self {
        Self {
            name: "CodeCourier".to_owned(),
            email: "agent@codecourier.invalid".to_owned(),
        }
    }
}

/// Where the model's answers come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModelSource {
    /// The provider.
    Live,
    /// The provider, and every exchange is written down.
    Record {
        /// The cassette to write.
        cassette: PathBuf,
    },
    /// A cassette. No network is used.
    Replay {
        /// The cassette to read.
        cassette: PathBuf,
    },
}

impl RunSpec {
    /// The agents of its steps, each once.
    #[must_use]
    pub fn agents(&self) -> BTreeSet<AgentKind> {
        let steps = self.pipeline.steps().into_iter();
        steps.map(|step| step.agent.unwrap_or(self.agent)).collect()
    }

    /// The same run with the way the agent `acp` is started, where a step has that agent.
    #[must_use]
    pub fn with_acp(mut self, acp: Option<AcpAgent>) -> Self {
        self.acp = acp.filter(|_| self.agents().contains(&AgentKind::Acp));
        self
    }

    /// What the sandboxes of an agent's steps start from.
    #[must_use]
    pub fn template_of(&self, agent: AgentKind) -> TemplateName {
        TemplateName::of(agent, self.acp.as_ref())
    }

    /// The providers that its steps reach their models at, each once.
    #[must_use]
    pub fn providers(&self) -> BTreeSet<ModelProvider> {
        let steps = self.pipeline.steps().into_iter();
        let routes = steps.filter_map(|step| {
            let model = step.model.as_ref().unwrap_or(&self.model);
            model_route::route(step.agent.unwrap_or(self.agent), model).ok()
        });
        routes.map(|route| route.provider).collect()
    }

    /// The same run with a model for every step: a step whose agent cannot reach the run's model gets its agent's default.
    #[must_use]
    pub fn with_reachable_models(mut self) -> Self {
        let run_model = self.model.clone();
        self.pipeline = self.pipeline.with_steps(|step| {
            let Some(agent) = step.agent else { return };
            if step.model.is_none() && model_route::route(agent, &run_model).is_err() {
                step.model = model_route::default_model(agent).parse().ok();
            }
        });
        self
    }

    /// Checks what types cannot: sizes, and names that must differ.
    pub fn validate(&self) -> Result<(), Error> {
        if self.prompt.trim().is_empty() && self.pipeline != Pipeline::interactive() {
            return Err(Error::validation(
                "A run needs a prompt: say what the result should be.",
            ));
        }
        if self.prompt.len() > MAX_PROMPT_BYTES {
            return Err(Error::validation(format!(
                "The prompt has {} bytes, and at most {MAX_PROMPT_BYTES} are taken. Put long material into the \
                 repository and name it in the prompt.",
                self.prompt.len()
            )));
        }
        validate_checks(&self.checks)?;
        if let Some(acp) = &self.acp {
            acp.validate()?;
        }
        validate_steps(self)?;
        images::validate(&self.images)?;
        if self.budget <= MicroUsd::ZERO {
            return Err(Error::validation(
                "The budget must be more than nothing: a run that may spend nothing cannot begin.",
            ));
        }
        if let RepositorySource::LocalPath { path } = &self.repository
            && !path.is_absolute()
        {
            return Err(Error::validation(format!(
                "The path of the repository must be absolute, and `{}` is not.",
                path.display()
            )));
        }
        validate_author(&self.author).map_err(|error| {
            let field = format!("author.{}", error.field.as_deref().unwrap_or_default());
            error.of_field(field)
        })
    }
}

/// Checks the commands of a run, or of a project's settings.
pub(crate) fn validate_checks(checks: &[CheckSpec]) -> Result<(), Error> {
    if checks.len() > MAX_CHECKS {
        return Err(Error::validation(format!("A run has at most {MAX_CHECKS} checks.")).of_field("checks"));
    }
    for (index, check) in checks.iter().enumerate() {
        let refused = |field: &str, message: String| {
            let field = format!("checks.{index}.{field}");
            Err(Error::validation(message).of_field(field))
        };
        let CheckSpec {
            name,
            command,
            requirement: _,
            timeout_seconds,
        } = check;
        if name.trim().is_empty() {
            return refused("name", "A check needs a name.".to_owned());
        }
        if name.chars().count() > MAX_CHECK_NAME || name.chars().any(char::is_control) {
            let message = format!("The name of a check is one line of at most {MAX_CHECK_NAME} characters.");
            return refused("name", message);
        }
        if !(1..=MAX_CHECK_SECONDS).contains(timeout_seconds) {
            let message = format!(
                "The check `{name}` may take 1 to {MAX_CHECK_SECONDS} seconds, and {timeout_seconds} were asked for."
            );
            return refused("timeoutSeconds", message);
        }
        if command.trim().is_empty() {
            return refused("command", format!("The check `{name}` has no command."));
        }
        if command.chars().count() > MAX_CHECK_COMMAND || command.contains('\0') {
            let message = format!(
                "The command of the check `{name}` is text of at most {MAX_CHECK_COMMAND} characters. Put more into a \
                 script in the repository."
            );
            return refused("command", message);
        }
        if checks[..index].iter().any(|earlier| earlier.name == *name) {
            return refused("name", format!("Two checks are called `{name}`."));
        }
    }
    Ok(())
}

/// Checks whose name commits shall carry.
pub(crate) fn validate_author(author: &Author) -> Result<(), Error> {
    for (field, what, text) in [
        ("name", "name", &author.name),
        ("email", "email address", &author.email),
    ] {
        let forbidden = |character: char| character.is_control() || matches!(character, '<' | '>');
        if text.trim().is_empty() || text.chars().count() > MAX_AUTHOR || text.chars().any(forbidden) {
            let message = format!("The author's {what} cannot stand in a Git commit.");
            return Err(Error::validation(message).of_field(field));
        }
    }
    Ok(())
}

/// That each step's agent can be started, reach its model and do what is asked of it, be these its own or the run's.
fn validate_steps(spec: &RunSpec) -> Result<(), Error> {
    for step in spec.pipeline.steps() {
        let agent = step.agent.unwrap_or(spec.agent);
        can_be_started(agent, spec.acp.as_ref())?;
        let asked = Asked {
            model: Some(step.model.as_ref().unwrap_or(&spec.model)),
            effort: step.effort.or(spec.effort),
            abilities: if spec.images.is_empty() {
                &[]
            } else {
                &[("images", Ability::Images)]
            },
        };
        require(agent, asked)?;
    }
    Ok(())
}
