//! How people come in, as anybody may know it before.

use super::Access;
use crate::error::Error;

/// How people come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    /// Who may make an account.
    pub sign_up: SignUpPolicy,
    /// Whether there is no account yet.
    pub operator: OperatorSeat,
    /// The ways to sign in that do not need another provider.
    pub ways: Vec<SignInWay>,
    /// Outside providers: their names in addresses, and for people.
    pub providers: Vec<(String, String)>,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUpPolicy {
    /// Anybody.
    Open,
    /// Whoever was invited.
    Invitation,
    /// Nobody.
    Closed,
}

/// Whether somebody runs the server already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorSeat {
    /// Whoever signs up first will.
    Vacant,
    /// Somebody does.
    Taken,
}

/// A way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInWay {
    /// With a password.
    Password,
    /// With a link in a mail.
    MagicLink,
}

impl Access {
    /// How people come in.
    pub async fn entrance(&self) -> Result<Entrance, Error> {
        let _ = &self.engine;
        Ok(Entrance {
            sign_up: SignUpPolicy::Open,
            operator: OperatorSeat::Vacant,
            ways: vec![SignInWay::Password],
            providers: Vec::new(),
        })
    }
}
