//! The values that a placeholder can take: the few column types that both databases share.

use std::sync::Arc;

use codecourier_domain::id::{
    ApiKeyId, AuditEntryId, BootId, InputId, InvitationId, MailId, ProjectId, ReservationId, RunId, SandboxId,
    SessionId, StepId, TaskId, UserId, VariableId,
};
use codecourier_domain::money::MicroUsd;
use codecourier_domain::time::Timestamp;

/// A value on its way into the database; `None` is a typed NULL, which PostgreSQL insists on.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Option<Arc<str>>),
    Integer(Option<i64>),
    Boolean(Option<bool>),
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(Arc::from(value)))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(Arc::from(value)))
    }
}

impl From<Arc<str>> for Value {
    fn from(value: Arc<str>) -> Self {
        Self::Text(Some(value))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Boolean(Some(value))
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Integer(Some(value.0))
    }
}

impl From<MicroUsd> for Value {
    fn from(value: MicroUsd) -> Self {
        Self::Integer(Some(value.0))
    }
}

macro_rules! identifiers_as_text {
    ($($id:ty),*) => {$(
        impl From<$id> for Value {
            fn from(value: $id) -> Self {
                Self::Text(Some(Arc::from(value.to_string())))
            }
        }
        impl From<Option<$id>> for Value {
            fn from(value: Option<$id>) -> Self {
                Self::Text(value.map(|id| Arc::from(id.to_string())))
            }
        }
    )*};
}

identifiers_as_text!(
    ApiKeyId,
    AuditEntryId,
    MailId,
    BootId,
    InputId,
    InvitationId,
    ProjectId,
    ReservationId,
    RunId,
    SandboxId,
    SessionId,
    StepId,
    TaskId,
    UserId,
    VariableId
);

impl From<Option<Timestamp>> for Value {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Integer(value.map(|at| at.0))
    }
}

impl From<Option<MicroUsd>> for Value {
    fn from(value: Option<MicroUsd>) -> Self {
        Self::Integer(value.map(|amount| amount.0))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(Arc::from))
    }
}

impl From<Option<Arc<str>>> for Value {
    fn from(value: Option<Arc<str>>) -> Self {
        Self::Text(value)
    }
}

/// Counts come as unsigned from the domain and live as BIGINT; the cut at 2^63 is out of any reach.
pub(crate) fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
