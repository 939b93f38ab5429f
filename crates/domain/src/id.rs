//! Identifiers: prefixed UUIDv7 text, one newtype per entity. Anyone may use them; only the engine mints them.
//!
//! Invariants: an identifier in memory is always well formed, since parsing is the only way in from text; two
//! identifiers of different entities cannot be mixed up; they sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Text that is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an identifier that starts with `{prefix}_`")]
pub struct InvalidId {
    /// The prefix that was expected, without the underscore.
    pub prefix: &'static str,
    /// The text as given, cut to 64 characters.
    pub text: String,
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The text before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The identifier that carries this UUID.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside.
            #[must_use]
            pub const fn uuid(&self) -> Uuid {
                self.0
            }

            /// The last eight hexadecimal digits: the random end, for people and branch names.
            #[must_use]
            pub fn short(&self) -> String {
                let text = self.0.simple().to_string();
                text[text.len() - 8..].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_uuid(text, $prefix).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

identifiers! {
    /// A project.
    ProjectId = "prj";
    /// A run.
    RunId = "run";
    /// A step of a run.
    StepId = "stp";
    /// A durable task of the engine; also the idempotency key of the outside effect it stands for.
    TaskId = "tsk";
    /// A sandbox.
    SandboxId = "sbx";
    /// Something that a person told a step's agent; also the name under which the sandbox takes it once.
    InputId = "inp";
    /// A reservation in the ledger.
    ReservationId = "rsv";
    /// One start of the server; leases and owners carry it.
    BootId = "bot";
    /// A person with an account.
    UserId = "usr";
    /// One device where a person is signed in.
    SessionId = "ses";
    /// An invitation into a project.
    InvitationId = "inv";
    /// A key of a project for its API. The identifier is no secret.
    ApiKeyId = "key";
    /// An environment variable of a project.
    VariableId = "var";
    /// An entry of the audit log.
    AuditEntryId = "aud";
    /// A mail on its way.
    MailId = "mail";
}

impl SandboxId {
    /// The sandbox of a step. Deriving it, rather than minting one, is what makes creation idempotent: after a crash
    /// the engine asks for the same sandbox again.
    #[must_use]
    pub const fn of_step(step: &StepId) -> Self {
        Self(step.0)
    }
}

/// Reads `<prefix>_<32 lower-case hexadecimal digits>` and nothing else.
fn parse_uuid(text: &str, prefix: &'static str) -> Result<Uuid, InvalidId> {
    let invalid = || InvalidId {
        prefix,
        text: text.chars().take(64).collect(),
    };
    let digits = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .ok_or_else(invalid)?;
    let canonical = digits.len() == 32 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !canonical {
        return Err(invalid());
    }
    Uuid::try_parse(digits).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_identifier_are_each_others_inverse() {
        let run = RunId::from_uuid(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_dead_beef));
        assert_eq!(run.to_string(), "run_019300000000700080000000deadbeef");
        assert_eq!(run.to_string().parse::<RunId>(), Ok(run));
        assert_eq!(run.short(), "deadbeef");
        assert_eq!(
            serde_json::to_string(&run).unwrap(),
            "\"run_019300000000700080000000deadbeef\""
        );
    }

    #[test]
    fn foreign_or_sloppy_text_is_refused() {
        for text in [
            "",
            "run_",
            "stp_019300000000700080000000deadbeef",
            "run_019300000000700080000000DEADBEEF",
            "run_01930000-0000-7000-8000-0000deadbeef",
            "run_019300000000700080000000deadbeef ",
            "run_../../../../etc/passwd0000000000",
        ] {
            assert!(text.parse::<RunId>().is_err(), "{text:?} was taken for a run");
        }
    }

    #[test]
    fn a_sandbox_is_derived_from_its_step() {
        let step = StepId::from_uuid(Uuid::from_u128(7));
        assert_eq!(SandboxId::of_step(&step), SandboxId::of_step(&step));
        assert_eq!(SandboxId::of_step(&step).uuid(), step.uuid());
    }
}
