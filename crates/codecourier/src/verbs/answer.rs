//! How the verbs that talk to a server answer: a list, one thing, or that something was done, for people and for programs.
//!
//! Rules: a list is data and goes to standard output, a row each; that a list is empty, and that something was done, is
//! news and goes to standard error; for programs everything is one object a line, with its `type`.

use serde::Serialize;
use serde_json::json;

use crate::config::Config;
use crate::exit::Exit;
use crate::terminal::data::Reader;
use crate::terminal::table::{Cell, table};
use crate::terminal::{Line, Screen, Tone, data};
use crate::watch::Output;

/// What is said of a list.
pub(super) struct Listing<'a> {
    /// The `type` of each object, and the name of what it holds.
    pub(super) kind: &'a str,
    /// What people read when there is nothing.
    pub(super) nothing: &'a str,
}

impl Listing<'_> {
    /// Shows a list.
    pub(super) fn show<T: Serialize>(
        &self,
        rows: &[T],
        cells: impl Fn(&T) -> Vec<Cell>,
        config: &Config,
        output: Output,
    ) -> Exit {
        match output {
            Output::Json => {
                for row in rows {
                    if data::json(&object(self.kind, row)) == Reader::Gone {
                        break;
                    }
                }
            }
            Output::People if rows.is_empty() => {
                Screen::standard_error(config).line(&Tone::Quiet.line(self.nothing));
            }
            Output::People => {
                data::lines(config, &table(rows.iter().map(cells)));
            }
        }
        Exit::Completed
    }
}

/// Shows one thing as names and values.
pub(super) fn show<T: Serialize>(
    kind: &str,
    thing: &T,
    rows: impl IntoIterator<Item = Vec<Cell>>,
    config: &Config,
    output: Output,
) -> Exit {
    match output {
        Output::Json => {
            data::json(&object(kind, thing));
        }
        Output::People => {
            data::lines(config, &table(rows));
        }
    }
    Exit::Completed
}

/// A name and its value, for [`show`].
pub(super) fn pair(name: &str, value: impl Into<String>) -> Vec<Cell> {
    vec![(Tone::Quiet, name.to_owned()), (Tone::Plain, value.into())]
}

/// Says that something was done.
pub(super) fn done(words: &str, object: &serde_json::Value, config: &Config, output: Output) -> Exit {
    match output {
        Output::Json => {
            data::json(object);
        }
        Output::People => {
            let line: Line = Tone::Good.line("✓ ").and(Tone::Plain, words);
            Screen::standard_error(config).line(&line);
        }
    }
    Exit::Completed
}

/// A thing with its type.
pub(super) fn object<T: Serialize>(kind: &str, thing: &T) -> serde_json::Value {
    json!({ "type": kind, kind: thing })
}
