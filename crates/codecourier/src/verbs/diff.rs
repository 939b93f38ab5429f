//! `codecourier diff`: the change of a run.

use clap::Args;
use serde_json::json;

use super::load;
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
    /// Only the files and their numbers
    #[arg(long)]
    stat: bool,
}

/// Shows it.
pub(crate) async fn diff(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let loaded = load::run(config, &arguments.run).await?;
    let limit = if arguments.stat { 0 } else { LIMIT };
    let Some(diff) = loaded.records.diff(loaded.project, loaded.run, limit).await? else {
        return Err(Problem::usage(
            "The run has not come so far that it could have a change.",
        ));
    };
    if output == Output::Json {
        data::json(&json!({ "type": "diff", "run": loaded.run, "diff": diff }));
        return Ok(Exit::Completed);
    }
    if arguments.stat {
        let lines: Vec<Line> = diff
            .files
            .iter()
            .map(|file| match (file.additions, file.deletions) {
                (Some(added), Some(removed)) => Tone::Good
                    .line(&format!("+{added:<6}"))
                    .and(Tone::Bad, &format!(" −{removed:<6}"))
                    .and(Tone::Plain, &format!(" {}", file.path)),
                _ => Tone::Quiet.line("binary         ").and(Tone::Plain, &file.path),
            })
            .collect();
        data::lines(config, &lines);
        return Ok(Exit::Completed);
    }
    // A program gets the diff as it is; a terminal gets nothing that it would act on.
    if data::is_terminal() {
        let clean = text::clean(&diff.unified, LineFeeds::Keep);
        let lines: Vec<Line> = clean.lines().map(diff_line).collect();
        data::lines(config, &lines);
    } else {
        data::bytes(diff.unified.as_bytes());
    }
    Ok(Exit::Completed)
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
