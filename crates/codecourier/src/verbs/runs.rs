//! `codecourier runs`: the newest runs of the data directory.

use clap::Args;
use serde_json::json;

use codecourier_domain::id::RunId;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Timestamp;
use codecourier_domain::usage::Tokens;
use codecourier_store::runs::RunSummary;

use super::load;
use crate::client::place::{Place, PlaceChoice};
use crate::config::Config;
use crate::exit::Exit;
use crate::platform;
use crate::problem::Problem;
use crate::terminal::{Line, Tone, data, time};
use crate::watch::Output;

/// The arguments of `runs`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many to list at most
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    place: PlaceChoice,
}

/// A run in a list, wherever it was read.
pub(crate) struct Listed {
    /// Its identifier.
    pub(crate) id: RunId,
    /// Its project: an identifier, or a slug where there is one.
    pub(crate) project: String,
    /// Its status.
    pub(crate) status: RunStatus,
    /// The name of its workflow.
    pub(crate) workflow: String,
    /// The beginning of its prompt.
    pub(crate) prompt_preview: String,
    /// When it was asked for.
    pub(crate) created_at: Timestamp,
    /// When work on it began.
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended.
    pub(crate) finished_at: Option<Timestamp>,
    /// What it has used.
    pub(crate) tokens: Tokens,
    /// What it has cost.
    pub(crate) spent: MicroUsd,
}

impl From<RunSummary> for Listed {
    fn from(run: RunSummary) -> Self {
        Self {
            id: run.id,
            project: run.project.to_string(),
            status: run.status,
            workflow: run.workflow,
            prompt_preview: run.prompt_preview,
            created_at: run.created_at,
            started_at: run.started_at,
            finished_at: run.finished_at,
            tokens: run.totals.tokens,
            spent: run.totals.spent,
        }
    }
}

/// Lists them.
pub(crate) async fn runs(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    if let Place::Remote(remote) = arguments.place.decide(config)? {
        return remote.list(arguments.limit, config, output).await;
    }
    let Some(records) = platform::open_records(config).await? else {
        return match output {
            Output::Json => Ok(Exit::Completed),
            Output::People => Err(load::nothing_kept(config)),
        };
    };
    let runs = records.newest(arguments.limit).await?;
    show(runs.into_iter().map(Listed::from), config, output);
    Ok(Exit::Completed)
}

/// Shows a list of runs.
pub(crate) fn show(runs: impl Iterator<Item = Listed>, config: &Config, output: Output) {
    match output {
        Output::Json => {
            for run in runs {
                if data::json(&summary_json(&run)) == data::Reader::Gone {
                    break;
                }
            }
        }
        Output::People => {
            let lines: Vec<Line> = runs.map(|run| line(&run)).collect();
            data::lines(config, &lines);
        }
    }
}

fn line(run: &Listed) -> Line {
    let took = match (run.started_at, run.finished_at) {
        (Some(from), Some(to)) => time::between(from, to),
        _ => String::new(),
    };
    Tone::Usable
        .line(&run.id.short())
        .and(status_tone(run.status), &format!("  {:9}", run.status.as_str()))
        .and(Tone::Quiet, &format!("  {}", time::local(run.created_at)))
        .and(Tone::Plain, &format!("  {took:>8}  {:>9}", run.spent.to_string()))
        .and(Tone::Quiet, &format!("  {:16}", run.workflow))
        .and(Tone::Plain, &format!("  {}", run.prompt_preview))
}

fn summary_json(run: &Listed) -> serde_json::Value {
    json!({
        "type": "run",
        "run": run.id,
        "project": run.project,
        "status": run.status,
        "workflow": run.workflow,
        "promptPreview": run.prompt_preview,
        "createdAt": time::rfc3339(run.created_at),
        "startedAt": run.started_at.map(time::rfc3339),
        "finishedAt": run.finished_at.map(time::rfc3339),
        "tokens": run.tokens,
        "costMicroUsd": run.spent,
    })
}

/// The tone of a status.
const fn status_tone(status: RunStatus) -> Tone {
    match status {
        RunStatus::Completed => Tone::Good,
        RunStatus::Failed => Tone::Bad,
        RunStatus::Running => Tone::Usable,
        RunStatus::Cancelled | RunStatus::Paused => Tone::Warning,
        RunStatus::Pending => Tone::Quiet,
    }
}
