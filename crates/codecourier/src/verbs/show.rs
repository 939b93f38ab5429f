//! `codecourier show`: what came out of a run.

use clap::Args;

use super::load;
use crate::client::place::{Place, PlaceChoice};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::data;
use crate::terminal::{Line, Tone};
use crate::watch::Output;
use crate::watch::describe;
use crate::watch::result::{RunResult, recorded_isolation};

/// The arguments of `show`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: its identifier, or the eight characters at its end
    run: String,
    #[command(flatten)]
    place: PlaceChoice,
}

/// Shows it.
pub(crate) async fn show(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    if let Place::Remote(remote) = arguments.place.decide(config)? {
        return remote.show(&arguments.run, config, output).await;
    }
    let loaded = load::run(config, &arguments.run).await?;
    let isolation = recorded_isolation(&loaded.records, &loaded.view).await?;
    let prompt = loaded.view.spec.prompt.clone();
    let result = RunResult::gather(&loaded.records, loaded.view, isolation).await?;
    present(&prompt, || result.json(), |width| result.lines(width), config, output);
    Ok(Exit::Completed)
}

/// Writes what came out of a run, below the beginning of what was asked for.
pub(crate) fn present(
    prompt: &str,
    json: impl FnOnce() -> serde_json::Value,
    lines: impl FnOnce(usize) -> Vec<Line>,
    config: &Config,
    output: Output,
) {
    match output {
        Output::Json => {
            data::json(&json());
        }
        Output::People => {
            let width = data::width(config);
            let mut shown = describe::paragraph(Tone::Strong, prompt, width.min(110));
            shown.truncate(10);
            shown.push(Line::new());
            shown.extend(lines(width));
            data::lines(config, &shown);
        }
    }
}
