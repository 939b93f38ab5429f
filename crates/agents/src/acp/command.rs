//! The command that starts an ACP agent: a program and its arguments, never a line for a shell.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most words.
const MAX_WORDS: usize = 64;
/// The longest word, in bytes.
const MAX_WORD: usize = 4_096;

/// A program and its arguments.
///
/// Invariant: 1 to 64 words of at most 4096 bytes without NUL; the first names a program, so it is not empty, has no
/// blank in it, and is no flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct AcpCommand(Vec<String>);

/// Words that are no command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAcpCommand {
    /// There is no program.
    #[error("a command is a list of words, the first of them the program")]
    Empty,
    /// The first word is no program.
    #[error(
        "the first word of a command is a program's name or path, without blanks: its arguments are words of their own"
    )]
    NoProgram,
    /// Too many words.
    #[error("a command has at most {MAX_WORDS} words")]
    TooManyWords,
    /// A word that no command line has.
    #[error("a word of a command has at most {MAX_WORD} bytes, and no NUL character")]
    Word,
}

impl AcpCommand {
    /// The program and its arguments.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for AcpCommand {
    type Error = InvalidAcpCommand;

    fn try_from(words: Vec<String>) -> Result<Self, InvalidAcpCommand> {
        let program = words.first().ok_or(InvalidAcpCommand::Empty)?;
        if program.is_empty() || program.starts_with('-') || program.chars().any(char::is_whitespace) {
            return Err(InvalidAcpCommand::NoProgram);
        }
        if words.len() > MAX_WORDS {
            return Err(InvalidAcpCommand::TooManyWords);
        }
        if words.iter().any(|word| word.len() > MAX_WORD || word.contains('\0')) {
            return Err(InvalidAcpCommand::Word);
        }
        Ok(Self(words))
    }
}

impl From<AcpCommand> for Vec<String> {
    fn from(command: AcpCommand) -> Self {
        command.0
    }
}

/// As people read it; not for a shell.
impl fmt::Display for AcpCommand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(words: &[&str]) -> Result<AcpCommand, InvalidAcpCommand> {
        AcpCommand::try_from(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_command_is_words_and_no_line_for_a_shell() {
        assert_eq!(command(&["opencode", "acp"]).unwrap().to_string(), "opencode acp");
        assert!(command(&["/opt/agent", "--flag", "", "a b"]).is_ok());
        assert_eq!(command(&[]), Err(InvalidAcpCommand::Empty));
        for no_program in ["", "opencode acp", "-x", "a\tb"] {
            assert_eq!(
                command(&[no_program]),
                Err(InvalidAcpCommand::NoProgram),
                "{no_program:?}"
            );
        }
        assert_eq!(command(&["a", "b\0"]), Err(InvalidAcpCommand::Word));
        assert_eq!(command(&["a", &"b".repeat(4_097)]), Err(InvalidAcpCommand::Word));
        assert_eq!(command(&["a"; 65]), Err(InvalidAcpCommand::TooManyWords));
        assert!(serde_json::from_str::<AcpCommand>(r#"["a b"]"#).is_err());
    }
}
