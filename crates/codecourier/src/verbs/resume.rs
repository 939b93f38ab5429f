//! `codecourier resume`: take up what a crash, a restart or a second `Ctrl-C` left, and follow it to its end.

use clap::Args;

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::run::{PauseReason, RunStatus};
use codecourier_engine::ErrorCode;
use codecourier_engine::records::Records;
use codecourier_gateway::ReplayPacing;
use codecourier_store::runs::RunSummary;

use super::execute::{self, Executed};
use super::load;
use crate::config::Config;
use crate::exit::Exit;
use crate::platform::{self, Platform, Purpose};
use crate::problem::Problem;
use crate::terminal::Tone;
use crate::watch::interrupts::Interrupts;
use crate::watch::{self, Output};

const COMMAND: &str = "codecourier resume";

/// The arguments of `resume`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run to follow; all unfinished ones when absent
    run: Option<String>,
    /// Give replayed answers at once, without the pauses of the recording
    #[arg(long)]
    no_pacing: bool,
}

/// A run to follow, and the event it had come to before this process took it up.
struct Unfinished {
    project: ProjectId,
    run: RunId,
    preview: String,
    head: u64,
}

/// Follows them.
pub(crate) async fn resume(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    if !config.has_records() {
        return Err(load::nothing_kept(config));
    }
    let held = platform::hold(config, COMMAND).await?;
    let mut screen = execute::screen(config, output);
    let mut unfinished = Vec::new();
    let named = match &arguments.run {
        Some(text) => Some(held.records.find(text).await?),
        None => None,
    };
    for run in held.records.unfinished().await? {
        let is_wanted = named.is_none_or(|(_, named)| named == run.id);
        if run.status == RunStatus::Paused && waits_for_a_person(&held.records, &run).await? {
            if is_wanted {
                let line = format!(
                    "Run {} is paused and waits for a person: see `codecourier show`.",
                    run.id.short()
                );
                screen.line(&Tone::Warning.line(&line));
            }
            continue;
        }
        if is_wanted {
            unfinished.push(Unfinished {
                project: run.project,
                run: run.id,
                preview: run.prompt_preview.clone(),
                head: held.records.event_head(run.project, run.id).await?,
            });
        }
    }
    if unfinished.is_empty() {
        return match named {
            None => {
                screen.line(&Tone::Plain.line("No run waits to be taken up."));
                Ok(Exit::Completed)
            }
            Some((project, run)) => {
                let status = held.records.get(project, run).await?.summary.status;
                if status == RunStatus::Paused {
                    return Ok(Exit::NotEnded);
                }
                Err(Problem::new(
                    Exit::Usage,
                    ErrorCode::Conflict,
                    format!("Run {} has ended already: it is {status}.", run.short()),
                ))
            }
        };
    }
    let purpose = Purpose {
        command: COMMAND,
        pacing: if arguments.no_pacing {
            ReplayPacing::None
        } else {
            ReplayPacing::AsRecorded
        },
        ending: None,
    };
    let platform = Platform::start(config, held, purpose).await?;
    let followed = follow(&platform, &unfinished, config, output).await;
    platform.shut_down().await;
    followed
}

async fn waits_for_a_person(records: &Records, run: &RunSummary) -> Result<bool, Problem> {
    let view = records.get(run.project, run.id).await?;
    Ok(view.state.pause().is_some_and(PauseReason::waits_for_a_person))
}

/// Follows one after the other; the engine carries them all on at once.
async fn follow(
    platform: &Platform,
    unfinished: &[Unfinished],
    config: &Config,
    output: Output,
) -> Result<Exit, Problem> {
    let mut interrupts = Interrupts::listen()?;
    let mut worst = Exit::Completed;
    for Unfinished {
        project,
        run,
        preview,
        head,
    } in unfinished
    {
        let mut screen = execute::screen(config, output);
        screen.line(
            &Tone::Strong
                .line(&format!("run {}", run.short()))
                .and(Tone::Quiet, &format!("  taken up again: {preview}")),
        );
        let watched = watch::to_end(platform, (*project, *run), *head, &mut screen, &mut interrupts, output).await?;
        drop(screen);
        let executed = execute::finish(platform, watched, output).await?;
        let exit = execute::present(&executed, config, output);
        worst = worst.max(exit);
        if matches!(executed, Executed::Left) {
            break;
        }
    }
    Ok(worst)
}
