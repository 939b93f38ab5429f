//! What an adapter wants done to start a session. The engine carries it out in the sandbox, in this order: files,
//! process, first input.

use std::fmt;

use crate::path::SandboxPath;

/// Everything that starting a session takes.
#[derive(Clone, PartialEq, Eq)]
pub struct Launch {
    /// Files to write first, owned by the agent's user. Directories above them are made.
    pub files: Vec<FileToWrite>,
    /// The program and its arguments. Never a prompt: that goes in by [`Launch::initial_input`].
    pub command: Vec<String>,
    /// The environment, beside the sandbox's own. No name twice.
    pub env: Vec<(String, String)>,
    /// Where the program runs.
    pub directory: SandboxPath,
    /// Bytes for the program's standard input, which stays open after them.
    pub initial_input: Vec<u8>,
}

/// A file the agent needs.
#[derive(Clone, PartialEq, Eq)]
pub struct FileToWrite {
    /// Where.
    pub path: SandboxPath,
    /// Its permission bits.
    pub mode: u32,
    /// Its bytes.
    pub contents: Vec<u8>,
}

/// Values of the environment and bytes of files stay out: they hold the step's token and the project's secrets.
impl fmt::Debug for Launch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.env.iter().map(|(name, _)| name.as_str()).collect();
        formatter
            .debug_struct("Launch")
            .field("files", &self.files)
            .field("command", &self.command)
            .field("env", &names)
            .field("directory", &self.directory)
            .field("initial_input_bytes", &self.initial_input.len())
            .finish()
    }
}

impl fmt::Debug for FileToWrite {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("FileToWrite")
            .field("path", &self.path)
            .field("mode", &format_args!("{:o}", self.mode))
            .field("bytes", &self.contents.len())
            .finish()
    }
}
