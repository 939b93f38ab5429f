//! What a run takes from its project unless whoever starts it says otherwise.

use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::check::CheckSpec;
use codecourier_domain::id::ProjectId;
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::money::MicroUsd;

use super::Settings;
use super::document::DEFAULT_SANDBOX_PROMPT;
use crate::access::ProjectGrant;
use crate::agents::AcpAgent;
use crate::error::Error;
use crate::runs::spec::{Author, RunSetup};
use crate::variables;

/// What a run takes from its project: the fields of a [`RunSpec`](crate::runs::spec::RunSpec) by the same names.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDefaults {
    /// The agent.
    pub agent: AgentKind,
    /// The model, if the project names one; else the agent's own default counts.
    pub model: Option<ModelName>,
    /// How hard it thinks.
    pub effort: Option<Effort>,
    /// How the agent `acp` is started, if anybody says.
    pub acp: Option<AcpAgent>,
    /// The commands that the platform runs on every change.
    pub checks: Vec<CheckSpec>,
    /// Whose name commits carry.
    pub author: Author,
    /// What each sandbox may use.
    pub limits: SandboxLimits,
    /// What the run may cost.
    pub budget: MicroUsd,
    /// How its sandboxes are set up: prompt, instructions, script, variables.
    pub setup: RunSetup,
}

impl Settings {
    /// How the agent `acp` is started in a project, if anybody says.
    pub(crate) async fn acp_of(&self, project: ProjectId) -> Result<Option<AcpAgent>, Error> {
        let document = self.of_project(project).await?.document;
        Ok(document.acp.or_else(|| self.engine.acp.clone()))
    }

    /// What a run of the project takes unless whoever starts it says otherwise. Pinned into the run's
    /// [`RunSpec`](crate::runs::spec::RunSpec): a later change of settings alters no run that was started.
    pub async fn run_defaults(&self, grant: &ProjectGrant) -> Result<RunDefaults, Error> {
        let document = self.of_project(grant.project).await?.document;
        let variables = self.engine.store.read().await?.variables(grant.project).await?;
        let some_text = |text: String| (!text.trim().is_empty()).then_some(text);
        Ok(RunDefaults {
            agent: document.agent,
            model: document.model,
            effort: document.effort,
            acp: document.acp.or_else(|| self.engine.acp.clone()),
            checks: document.checks,
            author: document.git_author,
            limits: document.limits,
            budget: document.run_budget,
            setup: RunSetup {
                sandbox_prompt: some_text(
                    document
                        .sandbox_prompt
                        .unwrap_or_else(|| DEFAULT_SANDBOX_PROMPT.to_owned()),
                ),
                instructions: some_text(document.instructions),
                setup_script: some_text(document.setup_script),
                variables: variables.into_iter().map(variables::pinned).collect(),
            },
        })
    }
}
