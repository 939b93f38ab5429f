//! `codecourier diff`: the change of a run.

use clap::Args;
use codecourier_engine::records::ChangeOf;
use serde_json::json;

use super::load;
use crate::client::place::{Place, PlaceChoice};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::text::{self, LineFeeds};
use crate::terminal::{Line, Tone, data};
use crate::watch::Output;

/// The most bytes of a diff that are shown.
const LIMIT: u64 = 64 << 20;

/// The arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The run: its identifier, or the eight characters at its end
    run: String,
    #[command(flatten)]
    place: PlaceChoice,
    /// Only the files and their numbers
    #[arg(long)]
    stat: bool,
}

/// Shows it.
pub(crate) async fn diff(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    if let Place::Remote(remote) = arguments.place.decide(config)? {
        return remote.diff(&arguments.run, arguments.stat, config, output).await;
    }
    let loaded = load::run(config, &arguments.run).await?;
    let limit = if arguments.stat { 0 } else { LIMIT };
    let Some(diff) = loaded
        .records
        .diff(loaded.project, loaded.run, &ChangeOf::default(), limit)
        .await?
    else {
        return Err(no_change());
    };
    if output == Output::Json {
        data::json(&json!({ "type": "diff", "run": loaded.run, "diff": diff }));
        return Ok(Exit::Completed);
    }
    if arguments.stat {
        let files = diff.files.iter();
        let lines = files.map(|file| stat_line(&file.path, file.additions, file.deletions));
        data::lines(config, &lines.collect::<Vec<_>>());
    } else {
        show_unified(config, &diff.unified);
    }
    Ok(Exit::Completed)
}

/// There is nothing to compare yet.
pub(crate) fn no_change() -> Problem {
    Problem::usage("The run has not come so far that it could have a change.")
}

/// A file and its numbers.
pub(crate) fn stat_line(path: &str, additions: Option<u64>, deletions: Option<u64>) -> Line {
    match (additions, deletions) {
        (Some(added), Some(removed)) => Tone::Good
            .line(&format!("+{added:<6}"))
            .and(Tone::Bad, &format!(" −{removed:<6}"))
            .and(Tone::Plain, &format!(" {path}")),
        _ => Tone::Quiet.line("binary         ").and(Tone::Plain, path),
    }
}

/// The change as text. A program gets it as it is; a terminal gets nothing that it would act on.
pub(crate) fn show_unified(config: &Config, unified: &str) {
    if data::is_terminal() {
        let clean = text::clean(unified, LineFeeds::Keep);
        let lines: Vec<Line> = clean.lines().map(diff_line).collect();
        data::lines(config, &lines);
    } else {
        data::bytes(unified.as_bytes());
    }
}

fn diff_line(line: &str) -> Line {
    let tone = if line.starts_with("+++") || line.starts_with("---") || line.starts_with("diff ") {
        Tone::Strong
    } else if line.starts_with('+') {
        Tone::Good
    } else if line.starts_with('-') {
        Tone::Bad
    } else if line.starts_with("@@") {
        Tone::Usable
    } else {
        Tone::Plain
    };
    tone.line(line)
}
