//! `codecourier settings`: what a project's agents are told and given: shown, set one by one, or edited as a whole.
//!
//! Invariant: what others changed meanwhile is never overwritten: every change names the revision it was made from.

mod document;

use clap::{Args, Subcommand};
use codecourier_wire::settings::{Settings, UpdateSettings};
use serde_json::Value;

use super::answer;
use crate::client::place::PlaceChoice;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::remote::Remote;
use crate::spawn;
use crate::terminal::{Screen, Tone, data};
use crate::watch::Output;
use codecourier_engine::ErrorCode;

/// The arguments of `settings`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<SettingsVerb>,
    #[command(flatten)]
    place: PlaceChoice,
}

#[derive(Debug, Subcommand)]
enum SettingsVerb {
    /// Show all settings, or the value of one
    Get {
        /// Its name, such as `model` or `limits.memoryMb`
        name: Option<String>,
    },
    /// Change settings: `model=claude-opus-5-5`, `limits.cpus=4`, `setupScript=@setup.sh`; nothing after `=` means the default
    Set {
        /// What to change; a text from a file is written as `@FILE`, a list as JSON
        #[arg(required = true, value_name = "NAME=VALUE")]
        changes: Vec<String>,
    },
    /// Change the settings in an editor, which VISUAL or EDITOR names
    Edit,
}

/// Does it.
pub(crate) async fn settings(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let remote = arguments.place.remote(config)?;
    match arguments.verb.unwrap_or(SettingsVerb::Get { name: None }) {
        SettingsVerb::Get { name: None } => {
            let (settings, _) = read(&remote).await?;
            let rows = document::pairs(&settings)?;
            let rows = rows.iter().map(|(name, value)| answer::pair(name, first_line(value)));
            Ok(answer::show("settings", &settings, rows, config, output))
        }
        SettingsVerb::Get { name: Some(name) } => {
            let (settings, _) = read(&remote).await?;
            let value = document::one(&settings, &name)?;
            match (output, &value) {
                (Output::Json, value) => data::json(value),
                (Output::People, Value::String(text)) => data::bytes(format!("{text}\n").as_bytes()),
                (Output::People, value) => data::bytes(format!("{value:#}\n").as_bytes()),
            };
            Ok(Exit::Completed)
        }
        SettingsVerb::Set { changes } => {
            let (settings, revision) = read(&remote).await?;
            let change = document::change(&settings, &changes)?;
            let settings = write(&remote, &change, &revision).await?;
            Ok(said(&settings, &remote, config, output))
        }
        SettingsVerb::Edit => edit(&remote, config, output).await,
    }
}

async fn read(remote: &Remote) -> Result<(Settings, String), Problem> {
    remote.client.get_revised(&remote.path("/settings")).await
}

async fn write(remote: &Remote, change: &UpdateSettings, revision: &str) -> Result<Settings, Problem> {
    let path = remote.path("/settings");
    let written = remote.client.patch_revised(&path, change, revision).await;
    written.map_err(|problem| match problem.code {
        ErrorCode::PreconditionFailed => Problem::of_code(
            problem.code,
            "Somebody else changed the settings meanwhile. Nothing was changed.",
        )
        .with_remedy("Look at what they are now with `codecourier settings`, then try again."),
        _ => problem,
    })
}

async fn edit(remote: &Remote, config: &Config, output: Output) -> Result<Exit, Problem> {
    let (settings, revision) = read(remote).await?;
    let before = document::to_text(&settings)?;
    let file = tempfile(&before)?;
    loop {
        spawn::edit(config.client.editor.as_deref(), &file)?;
        let after = std::fs::read_to_string(&file).map_err(|error| Problem::file("read", &file, &error))?;
        if after == before {
            forget(&file);
            Screen::standard_error(config).line(&Tone::Quiet.line("Nothing was changed."));
            return Ok(Exit::Completed);
        }
        let written = match document::from_text(&settings, &after) {
            Ok(change) => write(remote, &change, &revision).await,
            Err(problem) => Err(problem),
        };
        match written {
            Ok(settings) => {
                forget(&file);
                return Ok(said(&settings, remote, config, output));
            }
            Err(problem) => {
                let can_be_mended = problem.code == ErrorCode::Validation && spawn::is_at_terminal();
                if !can_be_mended || !asks_again(&problem) {
                    let kept = format!("Your text is kept in {}.", file.display());
                    return Err(problem.with_remedy(kept));
                }
            }
        }
    }
}

fn asks_again(problem: &Problem) -> bool {
    let question = format!("{} Edit again?", problem.message);
    inquire::Confirm::new(&question)
        .with_default(true)
        .prompt()
        .unwrap_or(false)
}

/// A file for the editor, which nobody else can read.
fn tempfile(text: &str) -> Result<std::path::PathBuf, Problem> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let name = format!("codecourier-settings-{}.toml", hex::encode(rand::random::<[u8; 8]>()));
    let path = std::env::temp_dir().join(name);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Problem::file("write", &path, &error))?;
    Ok(path)
}

fn forget(path: &std::path::Path) {
    // A file that stays in the temporary directory harms nobody.
    let _ = std::fs::remove_file(path);
}

fn said(settings: &Settings, remote: &Remote, config: &Config, output: Output) -> Exit {
    let words = format!("changed the settings of {}", remote.project);
    answer::done(&words, &answer::object("settings", settings), config, output)
}

/// The first line of a text, with a sign that there is more.
fn first_line(text: &str) -> String {
    let mut lines = text.trim_end().lines();
    let first = lines.next().unwrap_or_default();
    match lines.count() {
        0 => first.to_owned(),
        more => format!("{first} … ({} lines)", more + 1),
    }
}
