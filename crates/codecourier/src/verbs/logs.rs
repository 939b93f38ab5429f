//! `codecourier logs`: everything that was said and done in a run, from the store.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;

use codecourier_domain::id::StepId;

use super::load::{self, Loaded};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::data::{self, Reader};
use crate::watch::describe::{self, Detail, Transcript};
use crate::watch::{self, Output};

/// How many events are read at a time.
const PAGE: u32 = 500;
/// How often a run of another process is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(400);

/// The arguments of `logs`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: its identifier, or the eight characters at its end
    run: String,
    /// Stay until the run has ended
    #[arg(long, short)]
    follow: bool,
    /// Cut long texts, as `run` does
    #[arg(long)]
    short: bool,
}

/// Shows them.
pub(crate) async fn logs(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Loaded {
        records,
        project,
        run,
        mut view,
    } = load::run(config, &arguments.run).await?;
    let detail = if arguments.short {
        Detail::Progress
    } else {
        Detail::Full
    };
    let mut transcript = Transcript::new(detail);
    let mut shown_step: Option<StepId> = None;
    let mut last = 0;
    loop {
        let has_ended = view.summary.status.has_ended();
        let lanes: HashMap<StepId, (String, u32, u32)> = view
            .steps
            .iter()
            .map(|step| {
                (
                    step.row.id,
                    (step.row.lane.clone(), step.row.iteration, step.row.attempt),
                )
            })
            .collect();
        loop {
            let events = records.events(project, run, last, PAGE).await?;
            let is_last_page = events.len() < PAGE as usize;
            for recorded in events {
                last = recorded.seq;
                let lane = recorded.step.and_then(|step| lanes.get(&step));
                let reader =
                    match output {
                        Output::Json => {
                            let name = lane.map(|(name, ..)| name.as_str());
                            data::json(&watch::event_json(
                                run,
                                recorded.seq,
                                recorded.step,
                                name,
                                recorded.at,
                                &recorded.event,
                            ))
                        }
                        Output::People => {
                            let mut lines = Vec::new();
                            if recorded.step.is_some() && recorded.step != shown_step {
                                shown_step = recorded.step;
                                lines.extend(lane.map(|(name, iteration, attempt)| {
                                    describe::step_heading(name, *iteration, *attempt)
                                }));
                            }
                            lines.extend(transcript.lines(recorded.step, &recorded.event, data::width(config)));
                            data::lines(config, &lines)
                        }
                    };
                if reader == Reader::Gone {
                    return Ok(Exit::Completed);
                }
            }
            if is_last_page {
                break;
            }
        }
        if has_ended || !arguments.follow {
            return Ok(Exit::Completed);
        }
        // The run belongs to another process, whose commits give no sign over here.
        tokio::time::sleep(LOOK_AGAIN).await;
        view = records.get(project, run).await?;
    }
}
