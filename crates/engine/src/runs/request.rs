//! Runs as people and programs ask for them over the network: in a project, from its repository or from a Git URL, with
//! the project's settings where nothing else is said.
//!
//! Invariant: nothing that is asked for over the network names a path on this machine.

use std::sync::Arc;

use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::branch::BranchName;
use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::id::RunId;
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::model_route;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::pipeline::Pipeline;

use super::Runs;
use super::spec::{DegradedPolicy, ModelSource, RunSpec};
use super::view::RunView;
use crate::access::ProjectGrant;
use crate::error::{Error, sentence};
use crate::projects::{Origin, read_branch, read_repository};
use crate::settings::Settings;

/// A run that somebody asks for. What is absent comes from the project.
#[derive(Debug, Clone, Default)]
pub struct RunRequest {
    /// What to do.
    pub prompt: String,
    /// The name of the workflow.
    pub workflow: String,
    /// Another repository than the project's.
    pub repository: Option<String>,
    /// The branch to start from.
    pub base_branch: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The agent of steps that check.
    pub checker_agent: Option<String>,
    /// The model of steps that check.
    pub checker_model: Option<String>,
    /// The effort.
    pub effort: Option<String>,
    /// The checks.
    pub checks: Option<Vec<CheckSpec>>,
    /// What the checker is told.
    pub checker_instructions: Option<String>,
    /// What each sandbox may use.
    pub limits: Option<SandboxLimits>,
    /// What it may cost.
    pub budget: Option<MicroUsd>,
    /// The pictures that agents are shown, by name.
    pub images: Vec<String>,
}

/// The name that stands where a run names its workflow, when a person started a sandbox to talk to an agent in.
pub const SANDBOX_WORKFLOW: &str = "sandbox";

/// What a run does otherwise than the one it repeats.
#[derive(Debug, Clone, Default)]
pub struct RunOverrides {
    /// Another prompt.
    pub prompt: Option<String>,
    /// Another branch to start from.
    pub base_branch: Option<String>,
    /// Another agent of steps that name none; with its own default model, unless that is another one, too.
    pub agent: Option<String>,
    /// Another model.
    pub model: Option<String>,
    /// Another effort.
    pub effort: Option<String>,
    /// Other instructions for the checker.
    pub checker_instructions: Option<String>,
    /// Another budget.
    pub budget: Option<MicroUsd>,
    /// Other pictures, by name: all of them.
    pub images: Option<Vec<String>>,
}

impl Runs {
    /// Starts a run in a project.
    pub async fn start_requested(&self, grant: &ProjectGrant, request: RunRequest) -> Result<RunView, Error> {
        let pipeline = self.pipeline_of(grant, &request.workflow).await?;
        self.start_with(grant, request, pipeline).await
    }

    /// Starts a conversation with an agent in a sandbox of its own: a run of one step that ends when a person says so.
    /// Without a prompt the agent waits for the first message.
    pub(crate) async fn start_conversation(
        &self,
        grant: &ProjectGrant,
        mut request: RunRequest,
    ) -> Result<RunView, Error> {
        SANDBOX_WORKFLOW.clone_into(&mut request.workflow);
        self.start_with(grant, request, Pipeline::interactive()).await
    }

    async fn start_with(
        &self,
        grant: &ProjectGrant,
        request: RunRequest,
        pipeline: Pipeline,
    ) -> Result<RunView, Error> {
        let origin = self.origin_of(grant).await?;
        let base_branch = request.base_branch.as_deref().map(branch).transpose()?;
        // The project's branch is one of the project's repository.
        let (repository, base_branch) = match &request.repository {
            Some(url) => (read_repository(url)?, base_branch),
            None => (
                origin.repository.ok_or_else(no_repository)?,
                base_branch.or(origin.default_branch),
            ),
        };
        let settings = Settings {
            engine: Arc::clone(&self.engine),
        };
        let defaults = settings.run_defaults(grant).await?;
        let effort = request.effort.as_deref().map(self::effort).transpose()?;
        let agent = request.agent.as_deref().map_or(Ok(defaults.agent), agent)?;
        let model = match (request.model.as_deref(), defaults.model) {
            (Some(name), _) => model(name)?,
            (None, Some(name)) => name,
            (None, None) => model(model_route::default_model(agent))?,
        };
        let field = |error: Error, field| error.of_field(field);
        let checker_agent = request.checker_agent.as_deref().map(self::agent).transpose();
        let checker_agent = checker_agent.map_err(|error| field(error, "checkerAgent"))?;
        let checker_model = request.checker_model.as_deref().map(self::model).transpose();
        let checker_model = checker_model.map_err(|error| field(error, "checkerModel"))?;
        let pipeline = pipeline.with_checker(checker_agent, checker_model.as_ref());
        let mut checks = request.checks.unwrap_or(defaults.checks);
        if request.workflow == SANDBOX_WORKFLOW {
            // They are run and shown. Whether the work is good enough is what the person says by ending it.
            for check in &mut checks {
                check.requirement = Requirement::Advisory;
            }
        }
        let spec = RunSpec {
            prompt: request.prompt,
            workflow: request.workflow,
            pipeline,
            repository,
            base_branch,
            agent,
            model,
            effort: effort.or(defaults.effort),
            checks,
            checker_instructions: request.checker_instructions,
            limits: request.limits.unwrap_or(defaults.limits),
            degraded: DegradedPolicy::Refuse,
            author: defaults.author,
            model_source: ModelSource::Live,
            budget: request.budget.unwrap_or(defaults.budget),
            setup: defaults.setup,
            acp: None,
            images: self.named_images(grant.project, &request.images).await?,
        };
        let spec = spec.with_acp(defaults.acp);
        self.begin(grant, spec).await
    }

    /// Starts a run like another one, with changes.
    pub async fn rerun(&self, grant: &ProjectGrant, run: RunId, changes: RunOverrides) -> Result<RunView, Error> {
        let mut spec = self.get(grant.project, run).await?.spec;
        let RunOverrides {
            prompt,
            base_branch,
            agent,
            model,
            effort,
            checker_instructions,
            budget,
            images,
        } = changes;
        if let Some(prompt) = prompt {
            spec.prompt = prompt;
        }
        if let Some(name) = base_branch {
            spec.base_branch = Some(branch(&name)?);
        }
        if let Some(name) = agent {
            let other = self::agent(&name)?;
            if other != spec.agent {
                spec.agent = other;
                spec.model = self::model(model_route::default_model(other))?;
            }
        }
        if let Some(name) = model {
            spec.model = self::model(&name)?;
        }
        if let Some(word) = effort {
            spec.effort = Some(self::effort(&word)?);
        }
        if checker_instructions.is_some() {
            spec.checker_instructions = checker_instructions;
        }
        if let Some(budget) = budget {
            spec.budget = budget;
        }
        if let Some(names) = images {
            spec.images = self.named_images(grant.project, &names).await?;
        }
        if spec.acp.is_none() && spec.agents().contains(&AgentKind::Acp) {
            let settings = Settings {
                engine: Arc::clone(&self.engine),
            };
            spec = spec.with_acp(settings.run_defaults(grant).await?.acp);
        }
        self.begin(grant, spec).await
    }

    async fn begin(&self, grant: &ProjectGrant, spec: RunSpec) -> Result<RunView, Error> {
        let run = self.start(grant.project, spec, &grant.actor.to_string()).await?;
        self.get(grant.project, run).await
    }

    /// The project's own repository and branch.
    async fn origin_of(&self, grant: &ProjectGrant) -> Result<Origin, Error> {
        let found = self.engine.store.read().await?.project(grant.project).await?;
        Origin::of(&found.ok_or_else(|| Error::not_found("There is no such project."))?)
    }
}

fn no_repository() -> Error {
    Error::validation("The project has no repository. Give it one, or name one for this run.").of_field("repository")
}

fn branch(text: &str) -> Result<BranchName, Error> {
    read_branch("baseBranch", text)
}

fn agent(text: &str) -> Result<AgentKind, Error> {
    text.parse().map_err(|error| refused("agent", &error))
}

fn model(text: &str) -> Result<ModelName, Error> {
    text.parse().map_err(|error| refused("model", &error))
}

fn effort(text: &str) -> Result<Effort, Error> {
    use Effort::{High, Low, Max, Medium, Xhigh};
    [Low, Medium, High, Xhigh, Max]
        .into_iter()
        .find(|effort| effort.as_str() == text)
        .ok_or_else(|| Error::validation("An effort is `low`, `medium`, `high`, `xhigh` or `max`.").of_field("effort"))
}

fn refused(field: &str, error: &dyn std::fmt::Display) -> Error {
    Error::validation(sentence(&error.to_string())).of_field(field)
}
