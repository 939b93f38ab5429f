//! How people come in, as anybody may know it before.

use super::Access;
use crate::accounts::PasswordSignIn;
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
        let config = &self.engine.accounts.config;
        let password = match config.password_sign_in {
            PasswordSignIn::On => Some(SignInWay::Password),
            PasswordSignIn::Off => None,
        };
        let magic_link = config.mailer.is_configured().then_some(SignInWay::MagicLink);
        let providers = self.engine.external.providers.iter();
        let has_operator = self.engine.store.read().await?.has_operator().await?;
        Ok(Entrance {
            sign_up: config.sign_up,
            operator: if has_operator {
                OperatorSeat::Taken
            } else {
                OperatorSeat::Vacant
            },
            ways: password.into_iter().chain(magic_link).collect(),
            providers: providers
                .map(|provider| (provider.id.clone(), provider.name.clone()))
                .collect(),
        })
    }
}
