//! Accounts: how people get in, stay in and go, and prove who they are.
//!
//! The API calls this; what a session then opens is [`crate::access`]'s to say.
//!
//! Invariants:
//! - No answer tells whether an address has an account. Where mail is configured, what is asked about an address is
//!   answered to that address, and the caller hears the same either way, after the same work.
//! - Every attempt is counted before it is made: by the network it comes from, by the account, and by both together.
//! - A password, a token or a link is in no log, no error and no change.
//! - The first account on a server is its operator's, whoever else signs up at that moment, and owns what the command
//!   line made before it.
//! - Whoever proves to read the mail of an address that was never proved takes the account over: the password and the
//!   sessions of whoever made it are gone.

mod background;
mod delete;
mod links;
mod password;
mod profile;
mod sessions;
mod sign_in;
mod sign_up;
mod throttles;
mod view;
mod visitor;

use std::sync::Arc;

use codecourier_identity::mail::{Mailer, NoMail};
use codecourier_identity::password::Passwords;
use tokio_util::sync::CancellationToken;

use crate::access::SignUpPolicy;
use crate::{Engine, Inner};

pub use links::Verified;
pub use sign_in::SignedIn;
pub use sign_up::{SignUp, SignUpOutcome};
pub use view::{AccountView, SessionView};
pub use visitor::{Delivery, Visitor};

pub(crate) use background::sweep;
pub(crate) use delete::erase;
pub(crate) use links::{NewLink, letter_of};
pub(crate) use sessions::{end_sessions_but, tell};
pub(crate) use sign_in::{BegunSession, begin};
pub(crate) use sign_up::{demand_allowed, make};
pub(crate) use throttles::{Throttle, admit};

/// How people get in.
#[derive(Clone)]
pub struct AccountsConfig {
    /// Who may make an account. The first one is made by whoever is there first.
    pub sign_up: SignUpPolicy,
    /// Whether people sign in with passwords of this server.
    pub password_sign_in: PasswordSignIn,
    /// What sends mail.
    pub mailer: Arc<dyn Mailer>,
    /// Where people find this server: links in mail begin with it.
    pub public_url: String,
    /// How many passwords are hashed at once.
    pub hashing_places: usize,
}

/// Whether people sign in with passwords of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordSignIn {
    /// They may.
    On,
    /// They sign in with an outside provider.
    Off,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            sign_up: SignUpPolicy::Invitation,
            password_sign_in: PasswordSignIn::On,
            mailer: Arc::new(NoMail),
            public_url: "http://localhost".to_owned(),
            hashing_places: 2,
        }
    }
}

/// What accounts share in one engine.
pub(crate) struct AccountsState {
    pub(crate) config: AccountsConfig,
    passwords: Passwords,
    pub(crate) stop: CancellationToken,
}

impl AccountsState {
    pub(crate) fn new(config: AccountsConfig, stop: CancellationToken) -> Self {
        Self {
            passwords: Passwords::new(config.hashing_places),
            config,
            stop,
        }
    }
}

/// The use cases of accounts.
#[derive(Clone)]
pub struct Accounts {
    engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of accounts.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        Accounts {
            engine: Arc::clone(&self.inner),
        }
    }
}

impl Accounts {
    fn config(&self) -> &AccountsConfig {
        &self.engine.accounts.config
    }
}
