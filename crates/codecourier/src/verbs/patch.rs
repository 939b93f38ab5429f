//! `codecourier patch`: the change of a run as a patch, byte for byte.

use clap::Args;

use codecourier_forge::PatchFormat;

use super::load;
use crate::client::place::{Place, PlaceChoice};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data};

/// The arguments of `patch`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: its identifier, or the eight characters at its end
    run: String,
    #[command(flatten)]
    place: PlaceChoice,
}

/// Writes it.
pub(crate) async fn patch(arguments: &Arguments, config: &Config) -> Result<Exit, Problem> {
    if let Place::Remote(remote) = arguments.place.decide(config)? {
        return remote.patch(&arguments.run, config).await;
    }
    let loaded = load::run(config, &arguments.run).await?;
    let Some(patch) = loaded.records.patch(loaded.project, loaded.run, None).await? else {
        return Err(Problem::usage(
            "The run has not come so far that it could have a change.",
        ));
    };
    if data::is_terminal() {
        return Err(to_a_terminal());
    }
    data::bytes(&patch.bytes);
    if patch.format == PatchFormat::Diff {
        say_it_is_a_diff(config);
    }
    Ok(Exit::Completed)
}

/// A patch is not for a terminal.
pub(crate) fn to_a_terminal() -> Problem {
    Problem::usage("A patch is bytes, and standard output is a terminal.")
        .with_remedy("Send it to a file or to `git am`; `codecourier diff` is for reading.")
}

/// Says how such a patch is applied.
pub(crate) fn say_it_is_a_diff(config: &Config) {
    Screen::standard_error(config)
        .line(&Tone::Warning.line("The history has merges, so this is one diff: apply it with `git apply`."));
}
