//! The log of one build: every line goes to a file as it comes, the last ones are also kept for an error message.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::error::Error;

/// How many lines an error message shows.
const TAIL: usize = 12;

#[derive(Debug)]
pub(super) struct BuildLog {
    path: PathBuf,
    file: File,
    tail: VecDeque<String>,
}

impl BuildLog {
    /// Starts an empty log.
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let file = File::create(&path).map_err(|error| Error::host("create", &path, error))?;
        Ok(Self {
            path,
            file,
            tail: VecDeque::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line. A full disk must not hide what the build itself says, so a failed write is not an error.
    pub(super) fn line(&mut self, line: &str) {
        let _ = writeln!(self.file, "{line}");
        if self.tail.len() == TAIL {
            self.tail.pop_front();
        }
        self.tail.push_back(line.to_owned());
    }

    /// Begins a stage: what came before is no longer its last lines.
    pub(super) fn stage(&mut self, line: &str) {
        let _ = writeln!(self.file, "== {line}");
        self.tail.clear();
    }

    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.iter().cloned().collect()
    }
}
