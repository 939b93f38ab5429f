//! What a run was asked to do, pinned at its start. Stored with the run, read by every task of it.
//!
//! Invariant: nothing here changes after the start, so a run does the same after a restart, an upgrade of the defaults
//! or an edit of the project.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::branch::BranchName;
use codecourier_domain::check::CheckSpec;
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::pipeline::{Node, Pipeline};

use crate::error::Error;

/// The longest prompt, in bytes.
pub const MAX_PROMPT_BYTES: usize = 200 * 1024;
/// The most checks a run may have.
pub const MAX_CHECKS: usize = 20;
/// The longest a check may take: as long as a sandbox may live.
pub const MAX_CHECK_SECONDS: u32 = 14_400;
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
    /// Checks what types cannot: sizes, and names that must differ.
    pub fn validate(&self) -> Result<(), Error> {
        if self.prompt.trim().is_empty() {
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
        if self.checks.len() > MAX_CHECKS {
            return Err(Error::validation(format!("A run has at most {MAX_CHECKS} checks.")));
        }
        let mut agents = own_agents(self.pipeline.nodes());
        agents.retain(|agent| *agent != self.agent);
        agents.push(self.agent);
        for agent in agents {
            if codecourier_agents::adapter(agent).is_none() {
                return Err(Error::validation(format!(
                    "This version cannot drive the agent `{agent}`. Use `claude`."
                )));
            }
        }
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
        for (index, check) in self.checks.iter().enumerate() {
            if check.name.trim().is_empty() {
                return Err(Error::validation("A check needs a name."));
            }
            if !(1..=MAX_CHECK_SECONDS).contains(&check.timeout_seconds) {
                return Err(Error::validation(format!(
                    "The check `{}` may take 1 to {MAX_CHECK_SECONDS} seconds, and {} were asked for.",
                    check.name, check.timeout_seconds
                )));
            }
            if check.command.trim().is_empty() {
                return Err(Error::validation(format!("The check `{}` has no command.", check.name)));
            }
            if self.checks[..index].iter().any(|earlier| earlier.name == check.name) {
                return Err(Error::validation(format!("Two checks are called `{}`.", check.name)));
            }
        }
        for (what, text) in [("name", &self.author.name), ("email address", &self.author.email)] {
            let forbidden = |character: char| character.is_control() || matches!(character, '<' | '>');
            if text.trim().is_empty() || text.chars().any(forbidden) {
                return Err(Error::validation(format!(
                    "The author's {what} cannot stand in a Git commit."
                )));
            }
        }
        Ok(())
    }
}

/// The agents that steps name themselves.
fn own_agents(nodes: &[Node]) -> Vec<AgentKind> {
    let agents_of = |node: &Node| match node {
        Node::Step(step) => step.agent.into_iter().collect(),
        Node::Loop(inner) => own_agents(&inner.nodes),
        Node::Candidates(inner) => own_agents(&inner.nodes),
    };
    nodes.iter().flat_map(agents_of).collect()
}
