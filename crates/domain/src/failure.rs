//! Why something failed, as a class. Each class has one fixed reaction and one page in `docs/errors/`.
//!
//! Invariant: whoever finds a failure classes it once, where it is found; nobody guesses from a text later.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The class of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailureClass {
    /// The provider refuses the key, or there is none.
    ProviderAuth,
    /// The account has used up what it may use until a stated time.
    ProviderQuota,
    /// Too many requests in a short time; the provider says when to come back.
    ProviderRateLimit,
    /// The provider is overloaded or has an error of its own.
    ProviderOverload,
    /// The provider refuses the request itself: malformed, too long, or against its content policy.
    ProviderRequest,
    /// The provider cannot be reached.
    ProviderUnreachable,
    /// No recorded answer matches the request.
    CassetteMismatch,
    /// The sandbox could not be made, or ended by itself.
    Sandbox,
    /// The template could not be built.
    Template,
    /// The sandbox needed more memory than it may have.
    OutOfMemory,
    /// The sandbox wrote more than it may.
    DiskLimit,
    /// The step took longer than it may.
    Timeout,
    /// The agent's program ended early, or spoke something else than its protocol.
    AgentProtocol,
    /// The agent went on without getting anywhere.
    Stuck,
    /// What the agent left behind is refused: a path, a link, a size, a reference.
    Policy,
    /// The agent's structured result stayed wrong after it was asked again.
    StructuredResult,
    /// The budget is used up.
    Budget,
    /// The repository cannot be used as asked: no such path, branch or access.
    Repository,
    /// The work itself did not succeed: the checker's last word was `fail`, or a required check failed.
    Task,
    /// The platform's own fault.
    Internal,
}

/// What the platform does about a failure, without asking anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The run fails at once; trying again would give the same.
    Fail,
    /// The step is done once more in a new sandbox, that many times at the most.
    RetryStep {
        /// How many more times.
        at_most: u32,
    },
    /// The run pauses until a person acts or a stated time comes.
    Pause,
}

impl FailureClass {
    /// Every class, for documents and tests.
    pub const ALL: [Self; 20] = [
        Self::ProviderAuth,
        Self::ProviderQuota,
        Self::ProviderRateLimit,
        Self::ProviderOverload,
        Self::ProviderRequest,
        Self::ProviderUnreachable,
        Self::CassetteMismatch,
        Self::Sandbox,
        Self::Template,
        Self::OutOfMemory,
        Self::DiskLimit,
        Self::Timeout,
        Self::AgentProtocol,
        Self::Stuck,
        Self::Policy,
        Self::StructuredResult,
        Self::Budget,
        Self::Repository,
        Self::Task,
        Self::Internal,
    ];

    /// The fixed reaction to this class.
    #[must_use]
    pub const fn reaction(self) -> Reaction {
        match self {
            Self::Sandbox | Self::AgentProtocol => Reaction::RetryStep { at_most: 1 },
            Self::Budget => Reaction::Pause,
            Self::ProviderAuth
            | Self::ProviderQuota
            | Self::ProviderRateLimit
            | Self::ProviderOverload
            | Self::ProviderRequest
            | Self::ProviderUnreachable
            | Self::CassetteMismatch
            | Self::Template
            | Self::OutOfMemory
            | Self::DiskLimit
            | Self::Timeout
            | Self::Stuck
            | Self::Policy
            | Self::StructuredResult
            | Self::Repository
            | Self::Task
            | Self::Internal => Reaction::Fail,
        }
    }

    /// The code people search for; also the name of the class's page in `docs/errors/`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::ProviderAuth => "PROVIDER_AUTH",
            Self::ProviderQuota => "PROVIDER_QUOTA",
            Self::ProviderRateLimit => "PROVIDER_RATE_LIMIT",
            Self::ProviderOverload => "PROVIDER_OVERLOAD",
            Self::ProviderRequest => "PROVIDER_REQUEST",
            Self::ProviderUnreachable => "PROVIDER_UNREACHABLE",
            Self::CassetteMismatch => "CASSETTE_MISMATCH",
            Self::Sandbox => "SANDBOX",
            Self::Template => "TEMPLATE",
            Self::OutOfMemory => "OUT_OF_MEMORY",
            Self::DiskLimit => "DISK_LIMIT",
            Self::Timeout => "TIMEOUT",
            Self::AgentProtocol => "AGENT_PROTOCOL",
            Self::Stuck => "STUCK",
            Self::Policy => "POLICY",
            Self::StructuredResult => "STRUCTURED_RESULT",
            Self::Budget => "BUDGET",
            Self::Repository => "REPOSITORY",
            Self::Task => "TASK",
            Self::Internal => "INTERNAL",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// A failure as it is recorded and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Its class.
    pub class: FailureClass,
    /// What happened and what to do, in a sentence or two for people. Holds no secret.
    pub message: String,
}

impl Failure {
    /// A failure of a class with its message.
    #[must_use]
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_the_name_in_data() {
        for class in FailureClass::ALL {
            assert_eq!(serde_json::to_string(&class).unwrap(), format!("\"{}\"", class.code()));
        }
    }
}
