//! What a step asks of an agent session. The engine fills it in from the run's pinned settings; adapters only read it.
//!
//! Invariant: everything that could be mistaken for a flag, a path out of its directory or an environment trick is a
//! validated type, so that [`crate::Agent::launch`] cannot fail.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use codecourier_domain::agent::{Effort, ModelName};
pub use codecourier_domain::image::ImageType;
use codecourier_domain::provider::ModelProvider;
use serde::{Deserialize, Serialize};

use crate::path::{RelativePath, SandboxPath};

/// One session of an agent: a conversation that later messages and later processes can continue.
#[derive(Debug, Clone)]
pub struct SessionSpec {
    /// The session's id, chosen by the engine before the start, so that a crash can never leave it unknown.
    pub session: SessionId,
    /// A new conversation, or the next process of one that exists in the sandbox's home.
    pub start: SessionStart,
    /// The model that does the work, by the name that the gateway's provider knows.
    pub model: ModelName,
    /// How hard it thinks; the agent's own default when absent.
    pub effort: Option<Effort>,
    /// The home directory of the agent's user, `/home/user`.
    pub home: SandboxPath,
    /// The directory the agent works in, `/home/user/project`.
    pub workspace: SandboxPath,
    /// Rules of the project and the role, added to the agent's own system prompt. Frozen when the session starts:
    /// what changes from step to step belongs into the prompt.
    pub system_prompt: Option<String>,
    /// The first message.
    pub prompt: Prompt,
    /// Where the model is reached, and with what.
    pub gateway: GatewayAccess,
    /// Model calls after which the agent ends the turn by itself.
    pub max_turns: Option<u32>,
    /// The MCP servers of the run. Only these: the repository's own are off.
    pub mcp: BTreeMap<McpName, McpServer>,
    /// Instructions, skills and commands that the session starts with.
    pub knowledge: Knowledge,
    /// Further environment variables of the project. What an adapter needs for itself wins over them.
    pub env: BTreeMap<EnvName, String>,
}

/// The id of a session in the agent's own words: a UUID in lower case, with hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SessionId(String);

/// How a process takes up its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionStart {
    /// The session is new.
    New,
    /// The session exists: a process before this one was ended or killed. The handle is the last that its output gave,
    /// or [`SessionHandle::of`] when there was none.
    Resume(SessionHandle),
}

/// What messages to a session that has begun must name. Comes from the agent's output, and is kept with its offset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionHandle {
    /// The session in the agent's own words.
    pub session: String,
    /// The turn that is under way, where the agent names turns.
    pub turn: Option<String>,
}

impl SessionHandle {
    /// The handle of a session whose agent has not said another yet.
    #[must_use]
    pub fn of(session: &SessionId) -> Self {
        Self {
            session: session.as_str().to_owned(),
            turn: None,
        }
    }
}

/// A message to the agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompt {
    /// The text.
    pub text: String,
    /// Pictures that belong to it, put before the text.
    pub images: Vec<Image>,
}

impl Prompt {
    /// A message of text alone.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            images: Vec::new(),
        }
    }
}

/// A picture in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What the bytes are.
    pub media_type: ImageType,
    /// The bytes in base64.
    pub base64: String,
}

/// The gateway as one step sees it.
#[derive(Debug, Clone)]
pub struct GatewayAccess {
    /// The provider whose interface is spoken there.
    pub provider: ModelProvider,
    /// The base URL of the provider's routes, without a trailing slash and without `/v1`.
    pub base_url: String,
    /// The step's token. It stands where the agent expects an API key.
    pub token: StepToken,
}

/// The token of one step, good only at the gateway. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct StepToken(String);

impl StepToken {
    /// Wraps a token that the gateway's store has issued.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    /// The token itself, for the agent's environment only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StepToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StepToken(…)")
    }
}

/// An MCP server that the session may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum McpServer {
    /// A program that speaks on its standard streams.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// Its environment, beside the agent's.
        env: BTreeMap<EnvName, String>,
    },
    /// A server reached by streamable HTTP.
    Http {
        /// Its URL.
        url: String,
        /// Headers of each request.
        headers: BTreeMap<String, String>,
    },
}

/// What the session knows from the start.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    /// The instructions file: what `CLAUDE.md` and `AGENTS.md` are for. Written outside the repository.
    pub instructions: Option<String>,
    /// Skills by name.
    pub skills: BTreeMap<AssetName, Skill>,
    /// Commands by name: markdown with `$ARGUMENTS`.
    pub commands: BTreeMap<AssetName, String>,
}

/// A skill: a directory with a `SKILL.md` and what it needs beside it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Skill {
    /// The files by their path in the skill's directory. `SKILL.md` is one of them.
    pub files: BTreeMap<RelativePath, SkillFile>,
}

/// One file of a skill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkillFile {
    /// Its bytes.
    pub contents: Vec<u8>,
    /// Whether it may be run.
    pub executable: Executable,
}

/// Whether a file may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executable {
    /// It is a program.
    Yes,
    /// It is read only.
    No,
}

/// Text that cannot be the name it was meant for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: {rule}")]
pub struct InvalidName {
    /// The text, shortened.
    pub text: String,
    /// What it was meant for.
    pub what: &'static str,
    /// What such a name looks like.
    pub rule: &'static str,
}

impl FromStr for SessionId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths_fit = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
        let hexadecimal = text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
        if lengths_fit && hexadecimal {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName::of(
                text,
                "session id",
                "it is a UUID in lower case, with hyphens",
            ))
        }
    }
}

impl SessionId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SessionId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<SessionId> for String {
    fn from(id: SessionId) -> Self {
        id.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl InvalidName {
    fn of(text: &str, what: &'static str, rule: &'static str) -> Self {
        Self {
            text: text.chars().take(64).collect(),
            what,
            rule,
        }
    }
}

macro_rules! name {
    ($(#[$docs:meta])* $name:ident, $what:literal, $rule:literal, $most:literal, $first:pat, $rest:pat) => {
        $(#[$docs])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let first = text.bytes().next().is_some_and(|byte| matches!(byte, $first));
                if first && text.len() <= $most && text.bytes().all(|byte| matches!(byte, $rest)) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName::of(text, $what, $rule))
                }
            }
        }
    };
}

name!(
    /// The name of a skill or command: it becomes a file or directory name and a word after `/`.
    AssetName, "name of a skill or command",
    "1 to 64 characters of a-z, 0-9, `-` and `_`, the first a letter or digit", 64,
    b'a'..=b'z' | b'0'..=b'9', b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'
);
name!(
    /// The name of an MCP server: it becomes a part of its tools' names.
    McpName, "name of an MCP server",
    "1 to 64 characters of a-z, A-Z, 0-9, `-` and `_`, the first a letter or digit", 64,
    b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9', b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_'
);
name!(
    /// The name of an environment variable.
    EnvName, "name of an environment variable",
    "1 to 128 characters of A-Z, a-z, 0-9 and `_`, the first no digit", 128,
    b'a'..=b'z' | b'A'..=b'Z' | b'_', b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_'
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_in_debug_output() {
        let access = GatewayAccess {
            provider: ModelProvider::Anthropic,
            base_url: "http://127.0.0.1:4180".into(),
            token: StepToken::new("cc_step_secret"),
        };
        assert!(!format!("{access:?}").contains("secret"));
    }

    #[test]
    fn a_picture_is_what_its_bytes_are() {
        assert_eq!(ImageType::of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0"), Some(ImageType::Png));
        assert_eq!(ImageType::of(b"\xff\xd8\xff\xe0"), Some(ImageType::Jpeg));
        assert_eq!(ImageType::of(b"GIF89a"), Some(ImageType::Gif));
        assert_eq!(ImageType::of(b"RIFF\x10\0\0\0WEBPVP8 "), Some(ImageType::Webp));
        for other in [
            &b""[..],
            b"<svg onload=x>",
            b"GIF8",
            b"\x89PNG",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"%PDF-1.7",
        ] {
            assert_eq!(ImageType::of(other), None, "{other:?}");
        }
    }

    #[test]
    fn names_that_could_be_paths_or_flags_are_refused() {
        for bad in ["", "..", "a/b", "-a", "A", "a b", "a.b", &"a".repeat(65)] {
            assert!(bad.parse::<AssetName>().is_err(), "{bad:?} was taken");
        }
        for bad in ["", "1A", "A=B", "A B", "A\0"] {
            assert!(bad.parse::<EnvName>().is_err(), "{bad:?} was taken");
        }
        for bad in [
            "",
            "x",
            "11111111-1111-4111-8111-11111111111G",
            "--11111-1111-4111-8111-111111111111",
        ] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?} was taken");
        }
        assert!("11111111-1111-4111-8111-111111111111".parse::<SessionId>().is_ok());
    }
}
