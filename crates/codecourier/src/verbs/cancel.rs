//! `codecourier cancel`: end a run, whoever works on it.
//!
//! When another process holds the data directory it is asked over its control socket; else this one takes the lock,
//! starts the engine and cancels.

use clap::Args;
use serde_json::json;

use codecourier_domain::id::RunId;
use codecourier_domain::run::RunStatus;
use codecourier_engine::ErrorCode;
use codecourier_gateway::ReplayPacing;

use super::load;
use crate::client::place::{Place, PlaceChoice};
use crate::config::Config;
use crate::control::{Answer, Request, client};
use crate::data_directory::DataDirectory;
use crate::exit::Exit;
use crate::logging;
use crate::platform::{self, Platform, Purpose};
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data};
use crate::watch::Output;

const COMMAND: &str = "codecourier cancel";

/// The arguments of `cancel`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: its identifier, or the eight characters at its end
    run: String,
    #[command(flatten)]
    place: PlaceChoice,
}

/// Cancels it.
pub(crate) async fn cancel(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    if let Place::Remote(remote) = arguments.place.decide(config)? {
        logging::start(config, logging::Target::StandardError)?;
        return remote.cancel(&arguments.run, config, output).await;
    }
    let directory = DataDirectory::at(&config.data_directory);
    if !config.has_records() {
        return Err(load::nothing_kept(config));
    }
    logging::start(config, logging::Target::File(&directory.log()))?;
    let (run, status) = match directory.try_lock(COMMAND)? {
        Err(_in_use) => {
            let request = Request::Cancel {
                run: arguments.run.clone(),
            };
            match client::ask(directory.path(), &request).await? {
                Answer::Ended { run, status } => (run, status),
                Answer::Refused { code, message } => return Err(client::refused(&code, message)),
            }
        }
        Ok(lock) => {
            let held = platform::open_held(config, directory, lock).await?;
            let (project, run) = held.records.find(&arguments.run).await?;
            let status = held.records.get(project, run).await?.summary.status;
            if status.has_ended() {
                return Err(Problem::new(
                    Exit::Usage,
                    ErrorCode::Conflict,
                    format!("The run has ended already: it is {status}."),
                ));
            }
            let purpose = Purpose {
                command: COMMAND,
                pacing: ReplayPacing::AsRecorded,
                ending: Some(run),
            };
            let platform = Platform::start(config, held, purpose).await?;
            let runs = platform.engine.runs();
            let ended = async {
                runs.cancel(project, run, "cli").await?;
                runs.wait(project, run).await
            };
            let status = ended.await;
            platform.shut_down().await;
            (run, status?)
        }
    };
    tell(run, status, config, output);
    Ok(Exit::Completed)
}

/// Says how it ended.
pub(crate) fn tell(run: RunId, status: RunStatus, config: &Config, output: Output) {
    match output {
        Output::Json => {
            data::json(&json!({ "type": "cancelled", "run": run, "status": status }));
        }
        Output::People => {
            let words = match status {
                RunStatus::Cancelled => format!("Run {} is cancelled; none of its processes is left.", run.short()),
                other => format!("Run {} ended before it could be cancelled: it is {other}.", run.short()),
            };
            Screen::standard_error(config).line(&Tone::Plain.line(&words));
        }
    }
}
