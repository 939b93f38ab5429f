//! Tokens of a trusted issuer as credentials: each request is vouched for by itself.
//!
//! Invariants: the issuer decides who has an account, so its people get one at first sight, if it has verified their
//! address; who has left at the issuer is refused at once, though their tokens live on for a while; why a token is
//! refused is in the log and nowhere else.

use codecourier_identity::jwt::Refused;
use secrecy::{ExposeSecret as _, SecretString};

use super::credential::refusal;
use super::{Access, Person};
use crate::error::{Error, ErrorCode, chain};
use crate::external::{Gate, WhyNot, admit, identity_of};

impl Access {
    /// The person whom a token of the trusted issuer stands for.
    pub(super) async fn jwt(&self, token: &SecretString) -> Result<Person, Error> {
        let Some(issuer) = &self.engine.external.trusted_issuer else {
            return Err(refusal());
        };
        let now = self.engine.clock.now();
        let person = match issuer.verify(token.expose_secret(), now).await {
            Ok(person) => person,
            Err(error @ Refused::KeysUnavailable(_)) => {
                let message = "The identity provider that vouches for people here does not answer. Try again later.";
                return Err(Error::new(ErrorCode::Unavailable, message).because(error));
            }
            Err(error) => {
                tracing::info!(reason = chain(&error), "A token of the identity provider was refused");
                return Err(refusal());
            }
        };
        let identity = identity_of(&person);
        let mut reader = self.engine.store.read().await?;
        if reader.has_departed(&identity, now).await? {
            return Err(refusal());
        }
        let linked = reader.account_of_identity(&identity).await?;
        drop(reader);
        if let Some(linked) = linked {
            return Ok(Person {
                user: linked.user,
                session: None,
                standing: linked.standing.into(),
            });
        }
        let admitted = self
            .engine
            .store
            .write_with(move |tx| Box::pin(async move { admit(tx, &person, Gate::Issuer, now).await }))
            .await;
        match admitted {
            Ok(account) => Ok(Person {
                user: account.id,
                session: None,
                standing: account.standing.into(),
            }),
            Err(error) if error.why == WhyNot::Failed => Err(Error::internal("Letting somebody in", error)),
            Err(error) => {
                tracing::info!(
                    reason = error.why.as_str(),
                    "Somebody whom the identity provider vouches for gets no account"
                );
                Err(refusal())
            }
        }
    }
}
