//! A run on a sample repository with replayed answers: what somebody tries who has no key yet.
//!
//! Who may call: the API, for a project, and the binary's own demonstration, for the same pinned run. Invariants: nothing
//! of such a run comes from the caller, be it a path, a task or an answer; no model is asked and nothing is spent.

use std::path::PathBuf;
use std::sync::Arc;

use codecourier_domain::agent::{AgentKind, InvalidModelName};
use codecourier_domain::check::CheckSpec;
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::model_route;
use codecourier_domain::pipeline::{DEFAULT_ITERATIONS, Pipeline};

use super::Runs;
use super::spec::{Author, DEFAULT_BUDGET, DegradedPolicy, ModelSource, RepositorySource, RunSetup, RunSpec};
use super::view::RunView;
use crate::access::ProjectGrant;
use crate::error::{Error, ErrorCode};
use crate::{Engine, Inner};

/// Makes samples. It writes files and starts programs: called where it may block.
pub trait Samples: Send + Sync + 'static {
    /// A fresh one, which nobody else has.
    fn make(&self) -> Result<Sample, Error>;
}

/// A repository with a task, and the answers of a model to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The repository.
    pub repository: PathBuf,
    /// The recorded answers.
    pub cassette: PathBuf,
    /// What is to be done.
    pub task: String,
    /// How one sees that it is done.
    pub check: CheckSpec,
}

impl Sample {
    /// The run on it.
    pub fn spec(self) -> Result<RunSpec, Error> {
        let agent = AgentKind::Claude;
        let model = model_route::default_model(agent)
            .parse()
            .map_err(|error: InvalidModelName| Error::internal("Naming the model", error))?;
        Ok(RunSpec {
            prompt: self.task,
            workflow: "designer-checker".to_owned(),
            pipeline: Pipeline::designer_and_checker(DEFAULT_ITERATIONS)
                .map_err(|error| Error::internal("Making the pipeline", error))?,
            repository: RepositorySource::LocalPath { path: self.repository },
            base_branch: None,
            agent,
            model,
            effort: None,
            checks: vec![self.check],
            checker_instructions: None,
            limits: SandboxLimits::DEFAULT,
            // A newcomer shall see it work; the run says what this machine cannot promise.
            degraded: DegradedPolicy::Allow,
            author: Author::default(),
            model_source: ModelSource::Replay {
                cassette: self.cassette,
            },
            budget: DEFAULT_BUDGET,
            setup: RunSetup::default(),
            acp: None,
            images: Vec::new(),
        })
    }
}

impl Engine {
    /// Lets people try a run without a key. Said once, by whoever starts the engine; later words change nothing.
    pub fn offer_samples(&self, samples: Arc<dyn Samples>) {
        let _already_offered = self.inner.samples.set(samples);
    }
}

impl Runs {
    /// Starts a run on a sample.
    pub async fn start_sample(&self, grant: &ProjectGrant) -> Result<RunView, Error> {
        let sample = make(&self.engine).await?;
        let run = self
            .start(grant.project, sample.spec()?, &grant.actor.to_string())
            .await?;
        self.get(grant.project, run).await
    }
}

async fn make(engine: &Inner) -> Result<Sample, Error> {
    let samples = engine.samples.get().cloned().ok_or_else(|| {
        Error::new(
            ErrorCode::Conflict,
            "This server has no sample to try. Set a provider key and start a run of your own.",
        )
    })?;
    tokio::task::spawn_blocking(move || samples.make())
        .await
        .map_err(|error| Error::internal("Making a sample", error))?
}
