//! Setting another password: by whoever knows the present one, and by whoever reads the mail.
//!
//! Invariant: with a new password every other device is signed out, every link in a mail is dead, and the person is told
//! by mail where there is any.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{SessionId, UserId};
use codecourier_domain::time::Timestamp;
use codecourier_identity::password::Comparison;
use codecourier_store::Tx;
use codecourier_store::accounts::{OneTimePurpose, PasswordHash};
use codecourier_store::changes::ChangeOp;
use secrecy::SecretString;

use super::links::{dead_link, follow, parse};
use super::sessions::{end_sessions_but, tell};
use super::sign_in::hashing_failed;
use super::sign_up::fit;
use super::throttles::Throttle;
use super::{Accounts, Visitor};
use crate::access::Person;
use crate::error::{Error, ErrorCode};
use crate::mail::Post;
use crate::mail::order::{Content, Letter, Order};

impl Accounts {
    /// Sets another password. Whoever has one must know it; whoever has none must have signed in otherwise.
    pub async fn change_password(
        &self,
        person: &Person,
        present: Option<&SecretString>,
        new: SecretString,
        visitor: &Visitor,
    ) -> Result<(), Error> {
        self.demand_password_sign_in()?;
        let account = self.account_of(person).await?;
        let email = account.email.ok_or_else(gone)?;
        let new = fit(new, &email, &account.name)?;
        let now = self.engine.clock.now();
        let stored = self.prove_password(person, present, visitor).await?;
        let hash = self.passwords().hash(&new).await.map_err(hashing_failed)?;
        let hash = PasswordHash::new(hash);
        let (user, keep, post) = (person.user, person.session, self.engine.post());
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                if tx.read().password_of(user).await? != stored {
                    return Err(Error::new(
                        ErrorCode::Conflict,
                        "The password was changed by somebody else meanwhile. Nothing was changed.",
                    ));
                }
                set(tx, user, &hash, keep, now).await?;
                tx.revoke_one_time_tokens(&email).await?;
                tell_of_change(tx, &post, user, email, now).await
            })
        });
        write.await
    }

    /// Proves that a person knows their password, if they have one, and gives its hash. Attempts are counted as those
    /// to sign in: a device that was left signed in is no way around the throttle.
    pub(super) async fn prove_password(
        &self,
        person: &Person,
        present: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<Option<PasswordHash>, Error> {
        let account = self.account_of(person).await?;
        let email = account.email.ok_or_else(gone)?;
        let stored = self.engine.store.read().await?.password_of(person.user).await?;
        let Some(stored) = stored else {
            return Ok(None);
        };
        let wrong = || Error::new(ErrorCode::Forbidden, "The present password is wrong.").of_field("currentPassword");
        let present = present.ok_or_else(wrong)?;
        let now = self.engine.clock.now();
        let throttles = Throttle::sign_in(&email, visitor);
        self.admit(&throttles, now).await?;
        match self
            .passwords()
            .compare(present, Some(stored.as_str()))
            .await
            .map_err(hashing_failed)?
        {
            Comparison::Different => return Err(wrong()),
            Comparison::Same | Comparison::SameButOld { .. } => {}
        }
        let write = self.engine.store.write(move |tx| {
            Box::pin(async move {
                for throttle in &throttles {
                    throttle.take_back(tx).await?;
                }
                Ok(())
            })
        });
        write.await?;
        Ok(Some(stored))
    }

    /// Sets another password for whoever followed the link in a mail. They sign in with it everywhere anew.
    pub async fn confirm_password_reset(&self, token: &str, new: SecretString, visitor: &Visitor) -> Result<(), Error> {
        self.demand_password_sign_in()?;
        let hash = parse(token)?;
        let now = self.engine.clock.now();
        let mut reader = self.engine.store.read().await?;
        let found = reader.one_time_token(hash, OneTimePurpose::PasswordReset, now).await?;
        let found = found.ok_or_else(dead_link)?;
        let account = reader
            .account(found.user.ok_or_else(dead_link)?)
            .await?
            .ok_or_else(dead_link)?;
        drop(reader);
        // A password that is not taken must not use the link up.
        let fit = fit(new, &found.email, &account.name)?;
        let password = self.passwords().hash(&fit).await.map_err(hashing_failed)?;
        let password = PasswordHash::new(password);
        let (post, throttles) = (self.engine.post(), Throttle::sign_in(&found.email, visitor));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let account = follow(tx, hash, OneTimePurpose::PasswordReset, now).await?;
                set(tx, account.id, &password, None, now).await?;
                tx.revoke_one_time_tokens(&found.email).await?;
                // Whoever reads the mail need not wait for what others tried before.
                let [_, of_pair, of_account] = &throttles;
                of_pair.clear(tx).await?;
                of_account.clear(tx).await?;
                tell_of_change(tx, &post, account.id, found.email, now).await
            })
        });
        write.await
    }
}

/// Tells a person by mail that the password is another one.
async fn tell_of_change(tx: &mut Tx, post: &Post, user: UserId, to: EmailAddress, now: Timestamp) -> Result<(), Error> {
    let letter = Letter {
        to,
        user: Some(user),
        content: Content::PasswordChanged,
    };
    post.put(tx, &Order::Letter(letter), now).await
}

async fn set(
    tx: &mut Tx,
    user: UserId,
    hash: &PasswordHash,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<(), codecourier_store::Error> {
    tx.set_password(user, hash, now).await?;
    end_sessions_but(tx, user, keep, now).await?;
    tell(tx, user, ("account", user.to_string()), ChangeOp::Put, now).await
}

/// The answer to somebody whose account was deleted while they asked.
pub(super) fn gone() -> Error {
    Error::not_found("This account was deleted.")
}
