//! The verbs of runs at a server: the same words and the same forms as in a data directory.
//!
//! The verbs call it when [`Place`](crate::client::place::Place) says so. Invariant: whatever is shown was read through
//! the API, which decides what the caller may see.

mod follow;
mod result;
pub(crate) mod runs;
pub(crate) mod start;
pub(crate) mod talk;
mod watch;

use codecourier_domain::id::RunId;
use codecourier_engine::ErrorCode;
use codecourier_wire::runs as wire;

use crate::client::Client;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::watch::Lane;

/// How many of the newest runs are looked through for the short end of an identifier.
const LOOKED_THROUGH: usize = 2_000;

/// A project on a server.
pub(crate) struct Remote {
    /// The server.
    pub(crate) client: Client,
    /// The project's slug.
    pub(crate) project: String,
}

impl Remote {
    /// The address of something in the project.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/projects/{}{rest}", self.project)
    }

    /// The address of something of a run.
    fn run_path(&self, run: RunId, rest: &str) -> String {
        self.path(&format!("/runs/{run}{rest}"))
    }

    /// Finds a run by its identifier or by the short end of it.
    async fn find(&self, text: &str) -> Result<RunId, Problem> {
        if let Ok(run) = text.parse::<RunId>() {
            return Ok(run);
        }
        let newest: Vec<wire::Run> = self.client.list(&self.path("/runs"), LOOKED_THROUGH).await?;
        let mut matching = newest.iter().filter(|run| run.id.short() == text).map(|run| run.id);
        let shown: String = text.chars().take(64).collect();
        match (matching.next(), matching.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(Problem::new(
                Exit::Usage,
                ErrorCode::NotFound,
                format!("There is no run `{shown}` in the project {}.", self.project),
            )
            .with_remedy("`codecourier runs` lists them; `--local` looks in the data directory of this machine.")),
            (Some(_), Some(_)) => Err(Problem::usage(format!(
                "`{shown}` names several runs. Give the whole identifier; `codecourier runs --json` has them."
            ))),
        }
    }

    /// One run.
    async fn get(&self, run: RunId) -> Result<wire::RunDetail, Problem> {
        self.client.get(&self.run_path(run, "")).await
    }
}

/// The steps of a run as they are named on the screen.
fn steps_of(detail: &wire::RunDetail) -> Vec<(codecourier_domain::id::StepId, Lane)> {
    let lane = |step: &wire::StepView| Lane {
        name: step.lane.clone(),
        iteration: step.iteration,
        attempt: step.attempt,
    };
    detail.steps.iter().map(|step| (step.id, lane(step))).collect()
}
