//! `codecourier migrate`: the database brought up to date, or a look at whether it is.

use clap::Args;
use codecourier_store::copy;
use serde_json::json;

use super::load;
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::exit::Exit;
use crate::platform;
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data};
use crate::watch::Output;

/// The arguments of `migrate`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only say whether there is anything to do: exit code 1 if so. Works while a server runs
    #[arg(long)]
    check: bool,
}

/// Migrates.
pub(crate) async fn migrate(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    if !config.has_records() {
        return Err(load::nothing_kept(config));
    }
    let state = copy::look_at_database(&config.store()?).await?;
    let (found, newest) = (state.schema.unwrap_or(0), state.newest);
    if !arguments.check && found < newest {
        let _lock = DataDirectory::at(&config.data_directory).lock("codecourier migrate")?;
        platform::open_store(config).await?.close().await;
    }
    let is_done = found == newest || !arguments.check;
    match output {
        Output::Json => {
            data::json(&json!({ "type": "result", "found": found, "newest": newest, "upToDate": is_done }));
        }
        Output::People => {
            let text = match (found == newest, arguments.check) {
                (true, _) => format!("The database is up to date: version {newest}."),
                (false, true) => format!("The database has version {found}; the next start makes it {newest}."),
                (false, false) => format!("The database had version {found} and has {newest} now."),
            };
            let tone = if is_done { Tone::Good } else { Tone::Warning };
            Screen::standard_error(config).line(&tone.line(&text));
        }
    }
    Ok(if is_done { Exit::Completed } else { Exit::Failed })
}
