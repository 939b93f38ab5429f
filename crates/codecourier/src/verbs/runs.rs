//! `codecourier runs`: the runs of a project at a server, or of the data directory, newest first.

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
use crate::terminal::table::{Cell, table};
use crate::terminal::{Screen, Tone, data, time};
use crate::watch::Output;

/// The arguments of `runs`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How many to list at most
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    place: PlaceChoice,
}

/// Which runs.
#[derive(Debug, Default, Args)]
pub(crate) struct Filter {
    /// Only runs in this state
    #[arg(long, value_parser = ["pending", "running", "paused", "completed", "failed", "cancelled"])]
    status: Option<String>,
    /// Only runs of this workflow
    #[arg(long, value_name = "NAME")]
    workflow: Option<String>,
    /// Only runs with this in the beginning of their prompt
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Oldest first
    #[arg(long)]
    oldest: bool,
}

impl Filter {
    /// The filter as the API takes it.
    pub(crate) fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        query.extend(self.status.clone().map(|status| ("status", status)));
        query.extend(self.workflow.clone().map(|workflow| ("workflow", workflow)));
        query.extend(self.text.clone().map(|text| ("text", text)));
        query.extend(self.oldest.then(|| ("sort", "oldest".to_owned())));
        query
    }

    const fn is_empty(&self) -> bool {
        self.status.is_none() && self.workflow.is_none() && self.text.is_none() && !self.oldest
    }

    /// Whether a run of the data directory fits.
    fn takes(&self, run: &Listed) -> bool {
        let text = self.text.as_ref().map(|text| text.to_lowercase());
        self.status.as_ref().is_none_or(|status| run.status.as_str() == status)
            && self.workflow.as_ref().is_none_or(|workflow| run.workflow == *workflow)
            && text.is_none_or(|text| run.prompt_preview.to_lowercase().contains(&text))
    }
}

/// How many of the newest runs of a data directory are looked through by a filter.
const LOOKED_THROUGH: u32 = 10_000;

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
        return remote.list(&arguments.filter, arguments.limit, config, output).await;
    }
    let Some(records) = platform::open_records(config).await? else {
        return match output {
            Output::Json => Ok(Exit::Completed),
            Output::People => Err(load::nothing_kept(config)),
        };
    };
    let filter = &arguments.filter;
    let looked_through = if filter.is_empty() {
        arguments.limit
    } else {
        LOOKED_THROUGH
    };
    let runs = records.newest(looked_through).await?.into_iter().map(Listed::from);
    let mut runs: Vec<Listed> = runs.filter(|run| filter.takes(run)).collect();
    if filter.oldest {
        runs.reverse();
    }
    runs.truncate(arguments.limit as usize);
    show(&runs, config, output);
    Ok(Exit::Completed)
}

/// Shows a list of runs.
pub(crate) fn show(runs: &[Listed], config: &Config, output: Output) {
    match output {
        Output::Json => {
            for run in runs {
                if data::json(&summary_json(run)) == data::Reader::Gone {
                    break;
                }
            }
        }
        Output::People if runs.is_empty() => {
            let line = "No run is like that; `codecourier run` starts one.";
            Screen::standard_error(config).line(&Tone::Quiet.line(line));
        }
        Output::People => {
            data::lines(config, &table(runs.iter().map(row)));
        }
    }
}

fn row(run: &Listed) -> Vec<Cell> {
    let took = match (run.started_at, run.finished_at) {
        (Some(from), Some(to)) => time::between(from, to),
        _ => String::new(),
    };
    vec![
        (Tone::Usable, run.id.short()),
        (status_tone(run.status), run.status.as_str().to_owned()),
        (Tone::Quiet, time::local(run.created_at)),
        (Tone::Plain, took),
        (Tone::Plain, run.spent.to_string()),
        (Tone::Quiet, run.workflow.clone()),
        (Tone::Plain, run.prompt_preview.clone()),
    ]
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
