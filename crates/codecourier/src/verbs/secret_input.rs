//! A secret that a person gives: asked for at a terminal without showing it, or read from standard input.
//!
//! Invariant: it never is an argument, which every user of the machine could see in the list of processes.

use std::io::{IsTerminal as _, Read as _};

use crate::config::value::Secret;
use crate::problem::Problem;

/// Reads a secret of at most so many bytes. Of standard input everything is read, without the line feed at its end.
pub(super) async fn read(what: &str, longest: usize) -> Result<Secret, Problem> {
    if std::io::stdin().is_terminal() {
        let question = what.to_owned();
        // Prompts wait for a person: the runtime's other threads go on.
        let asked = tokio::task::spawn_blocking(move || {
            inquire::Password::new(&question)
                .without_confirmation()
                .with_display_mode(inquire::PasswordDisplayMode::Hidden)
                .prompt()
        });
        let asked = asked.await.map_err(|error| Problem::internal("Asking", &error))?;
        let asked = asked.map_err(|error| Problem::usage(format!("Nothing was set: {error}.")))?;
        return Ok(Secret::new(asked));
    }
    let mut text = String::new();
    let limit = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(2);
    let read = std::io::stdin().lock().take(limit).read_to_string(&mut text);
    read.map_err(|error| Problem::usage(format!("{what} cannot be read from standard input: {error}.")))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Problem::usage(format!("{what}: there is nothing on standard input.")));
    }
    if text.len() > longest {
        return Err(Problem::usage(format!("{what} is longer than {longest} bytes.")));
    }
    Ok(Secret::new(text.to_owned()))
}
