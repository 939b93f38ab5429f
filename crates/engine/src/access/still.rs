//! Whether somebody who proved who they are once still is: for connections that outlive their first request.
//!
//! Invariant: what ends a credential (a sign-out, a revocation, the end of an account, time) ends it here too; the
//! replacement of a cookie's token by a newer one does not.

use codecourier_store::accounts::AccountStanding;

use super::credential::refusal;
use super::{Access, Credential, Person, Principal, Standing};
use crate::error::Error;

impl Access {
    /// Who `known` is now. `AUTH_INVALID` if they are nobody any more.
    pub(crate) async fn still(&self, known: &Principal, credential: &Credential) -> Result<Principal, Error> {
        let Principal::Person(Person {
            user,
            session: Some(session),
            ..
        }) = known
        else {
            return self.authenticate(credential).await;
        };
        let mut reader = self.engine.store.snapshot().await?;
        let account = reader
            .account(*user)
            .await?
            .filter(|account| account.deleted_at.is_none());
        let sessions = reader.sessions(*user, self.engine.clock.now()).await?;
        let is_there = sessions.iter().any(|found| found.id == *session);
        let account = account.filter(|_| is_there).ok_or_else(refusal)?;
        Ok(Principal::Person(Person {
            user: *user,
            session: Some(*session),
            standing: match account.standing {
                AccountStanding::Operator => Standing::Operator,
                AccountStanding::User => Standing::User,
            },
        }))
    }
}
