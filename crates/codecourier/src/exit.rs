//! The exit codes, which scripts rely on. `--help` lists them.

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It did what was asked; a run is `completed`.
    Completed = 0,
    /// The run, or the command itself, failed.
    Failed = 1,
    /// What was asked for cannot be done as asked.
    Usage = 2,
    /// The run was cancelled.
    Cancelled = 3,
    /// This machine or its configuration lacks something.
    Environment = 4,
    /// The run has not ended: it goes on, or waits.
    NotEnded = 5,
}

/// The table for `--help`.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; a run is completed
  1  failed
  2  what was asked for cannot be done: usage, validation, no such run or repository
  3  the run was cancelled
  4  this machine lacks something: `codecourier doctor` says what
  5  the run has not ended: it is paused, or was left running

Environment:
  CODECOURIER_…                             every setting: `codecourier config explain` lists them
  ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN   the key for the model (the first one wins)
  ANTHROPIC_BASE_URL                        where the model's API is, without /v1
  OPENAI_API_KEY, OPENROUTER_API_KEY        the keys of the other providers
  OPENAI_BASE_URL                           where OpenAI's API is, or a server that speaks like it
  CODECOURIER_DATA_DIR                      where everything is kept
  CODECOURIER_LOG                           what the log holds: info (default), debug, codecourier_engine=trace
  NO_COLOR, CLICOLOR_FORCE                  colours never, or always";

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
