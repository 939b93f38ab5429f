//! `codecourier restore`: a backup into an empty data directory, or a look at whether it is whole.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::backup::line;
use crate::backup;
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data};
use crate::watch::Output;

/// The arguments of `restore`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The backup's directory
    directory: PathBuf,
    /// Only read it from end to end and say whether it is whole
    #[arg(long)]
    check: bool,
}

/// Restores it.
pub(crate) async fn restore(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let Arguments { directory, check } = arguments;
    let summary = match check {
        true => backup::check(directory).await?,
        false => backup::restore(config, directory).await?,
    };
    match output {
        Output::Json => {
            data::json(&json!({ "type": "result", "backup": summary, "restored": !check }));
        }
        Output::People => {
            let mut screen = Screen::standard_error(config);
            let place = match check {
                true => "and all of it is whole".to_owned(),
                false => format!("restored into {}", config.data_directory.display()),
            };
            screen.line(&line(&summary, &place));
            let has_key =
                config.settings.master_key.is_some() || DataDirectory::at(&config.data_directory).master_key().exists();
            if !check && !has_key {
                let text = "  There is no master key yet: put yours into the data directory as `master.key`, mode 600, \
                            before the server starts. Without it no secret can be opened.";
                screen.line(&Tone::Warning.line(text));
            }
        }
    }
    Ok(Exit::Completed)
}
