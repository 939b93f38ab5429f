//! `codecourier backup`: everything that is kept, in one directory.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::load;
use crate::backup::{self, MasterKeys, Summary};
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Line, Screen, Tone, data, time};
use crate::watch::Output;

/// The arguments of `backup`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The directory to make; it must not exist
    directory: PathBuf,
    /// Put the master key into it too: whoever has the backup can then read every secret
    #[arg(long)]
    with_master_key: bool,
}

/// Takes one.
pub(crate) async fn backup(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    if !config.has_records() {
        return Err(load::nothing_kept(config));
    }
    let keys = match arguments.with_master_key {
        true => MasterKeys::Included,
        false => MasterKeys::LeftOut,
    };
    let summary = backup::take(config, &arguments.directory, keys).await?;
    match output {
        Output::Json => {
            data::json(&json!({ "type": "result", "backup": summary, "directory": arguments.directory }));
        }
        Output::People => {
            let mut screen = Screen::standard_error(config);
            screen.line(&line(&summary, &format!("in {}", arguments.directory.display())));
            if keys == MasterKeys::LeftOut {
                screen.line(&Tone::Quiet.line("  The master key is not in it: keep a copy of it elsewhere."));
            }
        }
    }
    Ok(Exit::Completed)
}

/// What is in a backup, in one line.
pub(super) fn line(summary: &Summary, place: &str) -> Line {
    let Summary {
        rows,
        blobs,
        repositories,
        bytes,
        has_master_key: _,
    } = summary;
    let text = format!(
        "{}, {}, {}: {} {place}",
        time::plural(*rows, "row", "rows"),
        time::plural(*blobs, "long text", "long texts"),
        time::plural(*repositories, "repository", "repositories"),
        size(*bytes),
    );
    Tone::Good.line("✓ ").and(Tone::Plain, &text)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} kB", bytes.div_ceil(1_024)),
        _ => format!("{} MB", time::count(bytes >> 20)),
    }
}
