//! `codecourier patch`: the change of a run as a patch, byte for byte.

use clap::Args;

use codecourier_forge::PatchFormat;

use super::load;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data};

/// The arguments of `patch`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: its identifier, or the eight characters at its end
    run: String,
}

/// Writes it.
pub(crate) async fn patch(arguments: &Arguments, config: &Config) -> Result<Exit, Problem> {
    let loaded = load::run(config, &arguments.run).await?;
    let Some(patch) = loaded.records.patch(loaded.project, loaded.run).await? else {
        return Err(Problem::usage(
            "The run has not come so far that it could have a change.",
        ));
    };
    if data::is_terminal() {
        return Err(Problem::usage("A patch is bytes, and standard output is a terminal.")
            .with_remedy("Send it to a file or to `git am`; `codecourier diff` is for reading."));
    }
    data::bytes(&patch.bytes);
    if patch.format == PatchFormat::Diff {
        Screen::standard_error(config)
            .line(&Tone::Warning.line("The history has merges, so this is one diff: apply it with `git apply`."));
    }
    Ok(Exit::Completed)
}
