//! Standard output: data, for people or for programs.

use std::io::{IsTerminal as _, Write as _};

use super::line::{Line, Paint};
use super::screen;
use crate::config::Config;

/// Whether somebody still reads standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Yes.
    Reads,
    /// No: the pipe is closed, or the disk is full.
    Gone,
}

/// Writes bytes as they are: a patch, a diff that goes to a program.
pub(crate) fn bytes(bytes: &[u8]) -> Reader {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Ok(()) => Reader::Reads,
        Err(_) => Reader::Gone,
    }
}

/// Writes one JSON value on one line.
pub(crate) fn json(value: &serde_json::Value) -> Reader {
    bytes(format!("{value}\n").as_bytes())
}

/// Writes lines for people. On a terminal they are cut to its width; elsewhere they are whole.
pub(crate) fn lines(config: &Config, lines: &[Line]) -> Reader {
    let (paint, width) = manner(config);
    let mut text = String::new();
    for line in lines {
        text.push_str(line.render(width, paint).trim_end());
        text.push('\n');
    }
    bytes(text.as_bytes())
}

/// Whether standard output is a terminal.
pub(crate) fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// How many columns a line on standard output may have.
pub(crate) fn width(config: &Config) -> usize {
    manner(config).1
}

fn manner(config: &Config) -> (Paint, usize) {
    let is_terminal = is_terminal();
    let width = if is_terminal {
        rustix::termios::tcgetwinsize(std::io::stdout())
            .ok()
            .map(|size| usize::from(size.ws_col))
            .filter(|columns| *columns > 0)
            .unwrap_or(80)
    } else {
        4_000
    };
    (screen::paint(config, is_terminal), width)
}
