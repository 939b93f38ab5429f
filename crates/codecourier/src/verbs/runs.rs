//! `codecourier runs`: the newest runs of the data directory.

use clap::Args;
use serde_json::json;

use codecourier_domain::run::RunStatus;
use codecourier_store::runs::RunSummary;

use super::load;
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
}

/// Lists them.
pub(crate) async fn runs(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Some(records) = platform::open_records(config).await? else {
        return match output {
            Output::Json => Ok(Exit::Completed),
            Output::People => Err(load::nothing_kept(config)),
        };
    };
    let runs = records.newest(arguments.limit).await?;
    match output {
        Output::Json => {
            for run in &runs {
                if data::json(&summary_json(run)) == data::Reader::Gone {
                    break;
                }
            }
        }
        Output::People => {
            let lines: Vec<Line> = runs.iter().map(line).collect();
            data::lines(config, &lines);
        }
    }
    Ok(Exit::Completed)
}

fn line(run: &RunSummary) -> Line {
    let took = match (run.started_at, run.finished_at) {
        (Some(from), Some(to)) => time::between(from, to),
        _ => String::new(),
    };
    Tone::Usable
        .line(&run.id.short())
        .and(status_tone(run.status), &format!("  {:9}", run.status.as_str()))
        .and(Tone::Quiet, &format!("  {}", time::local(run.created_at)))
        .and(
            Tone::Plain,
            &format!("  {took:>8}  {:>9}", run.totals.spent.to_string()),
        )
        .and(Tone::Quiet, &format!("  {:16}", run.workflow))
        .and(Tone::Plain, &format!("  {}", run.prompt_preview))
}

fn summary_json(run: &RunSummary) -> serde_json::Value {
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
        "tokens": run.totals.tokens,
        "costMicroUsd": run.totals.spent,
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
