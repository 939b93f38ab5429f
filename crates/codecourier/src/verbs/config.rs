//! `codecourier config`: what is configured, where it comes from, and what could be.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::config::Config;
use crate::config::example::example;
use crate::config::given::{Flags, Source};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Line, Tone, data};
use crate::watch::Output;

/// The arguments of `config`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: ConfigVerb,
}

#[derive(Debug, Subcommand)]
enum ConfigVerb {
    /// Show each setting, its value and where it comes from; secrets only as `set`
    Explain {
        /// A setting by name, as for `serve`
        #[arg(long, value_name = "NAME=VALUE")]
        set: Vec<String>,
    },
    /// Write a configuration file with every setting and what it means
    Example,
}

impl Arguments {
    /// The settings that the command line names.
    pub(crate) fn flags(&self) -> Result<Flags, Problem> {
        match &self.verb {
            ConfigVerb::Explain { set } => Flags::default().with_sets(set),
            ConfigVerb::Example => Ok(Flags::default()),
        }
    }
}

/// Shows it.
pub(crate) fn config(arguments: &Arguments, config: &Config, output: Output) -> Exit {
    match (&arguments.verb, output) {
        (ConfigVerb::Example, _) => {
            data::bytes(example().as_bytes());
        }
        (ConfigVerb::Explain { .. }, Output::Json) => {
            for entry in &config.explained {
                let line = json!({
                    "type": "setting",
                    "name": entry.name,
                    "value": entry.value,
                    "source": entry.source.words(),
                });
                if data::json(&line) == data::Reader::Gone {
                    break;
                }
            }
        }
        (ConfigVerb::Explain { .. }, Output::People) => {
            data::lines(config, &explain(config));
        }
    }
    Exit::Completed
}

fn explain(config: &Config) -> Vec<Line> {
    let file = match &config.file {
        Some(path) => path.display().to_string(),
        None => "none".to_owned(),
    };
    let mut lines = vec![
        Tone::Quiet.line("configuration file: ").and(Tone::Plain, &file),
        Line::new(),
    ];
    let names = config.explained.iter().map(|entry| entry.name.len());
    let widest_name = names.max().unwrap_or(0);
    let values = config.explained.iter().filter_map(|entry| entry.value.as_ref());
    let widest_value = values.map(|value| value.chars().count()).max().unwrap_or(0).min(44);
    for entry in &config.explained {
        let name = format!("{:widest_name$}  ", entry.name);
        let (tone, value) = match &entry.value {
            Some(value) if value.is_empty() => (Tone::Quiet, "none"),
            Some(value) => (Tone::Plain, value.as_str()),
            None => (Tone::Quiet, "not set"),
        };
        let line = Tone::Usable.line(&name).and(tone, &format!("{value:widest_value$}"));
        lines.push(match &entry.source {
            Source::Default => line,
            source => line.and(Tone::Quiet, &format!("  {}", source.words())),
        });
    }
    for (name, meant) in &config.unknown_variables {
        let Some(meant) = meant else { continue };
        lines.push(Tone::Warning.line(&format!("{name} is set and is no setting; {meant} may be meant.")));
    }
    lines
}
