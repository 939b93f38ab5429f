//! Accounts and sessions as they are shown to their person.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{SessionId, UserId};
use codecourier_domain::time::Timestamp;
use codecourier_store::accounts::{Account, AccountStanding, Session};

use crate::access::Standing;

/// An account, as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// Its identifier.
    pub id: UserId,
    /// The address.
    pub email: Option<EmailAddress>,
    /// When the person proved to read the mail of that address.
    pub email_verified_at: Option<Timestamp>,
    /// The name as others see it.
    pub name: String,
    /// Whether the person runs this server.
    pub standing: Standing,
    /// Whether a password is set.
    pub has_password: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A session, as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// Its identifier.
    pub id: SessionId,
    /// What the device says it is.
    pub device: String,
    /// The network address where the person signed in.
    pub address: String,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// From when on it is worth nothing, used or not.
    pub expires_at: Timestamp,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            email: account.email,
            email_verified_at: account.email_verified_at,
            name: account.name,
            standing: account.standing.into(),
            has_password: account.has_password,
            created_at: account.created_at,
        }
    }
}

impl From<AccountStanding> for Standing {
    fn from(standing: AccountStanding) -> Self {
        match standing {
            AccountStanding::Operator => Self::Operator,
            AccountStanding::User => Self::User,
        }
    }
}

impl SessionView {
    pub(super) fn new(session: Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id,
            device: session.device,
            address: session.address,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            is_current: Some(session.id) == current,
        }
    }
}
