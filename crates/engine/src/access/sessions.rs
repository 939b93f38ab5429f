//! Sessions as credentials: looked up, prolonged, and given a new token from time to time.
//!
//! Invariants: a session is worth something for 90 days and for 30 without use; its use is written down at most once a
//! minute; a cookie's token older than a day is replaced at its next use, and the replaced one stays good for a minute,
//! for the requests that were sent beside the one that replaced it. A program's token is good for 30 days and is replaced
//! when the program asks; who brings one that was replaced, after that minute, has it from somewhere it should not be,
//! and ends the session, for themselves and for whoever has the newer one.

use codecourier_domain::time::Timestamp;
use codecourier_identity::secret_token::SessionToken;
use codecourier_store::accounts::{Delivery, FoundSession, Rotation, Touch};
use codecourier_store::changes::ChangeOp;
use codecourier_store::ledger::TokenHash;

use super::credential::refusal;
use super::{Access, Person};
use crate::accounts::tell;
use crate::error::{Error, ErrorCode, chain};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// For how long a session is worth something without use, in milliseconds.
pub(crate) const IDLE_LIMIT: i64 = 30 * DAY;
/// For how long it is worth something at all.
pub(crate) const ABSOLUTE_LIMIT: i64 = 90 * DAY;
/// How old a cookie's token may become.
const ROTATE_AFTER: i64 = DAY;
/// For how long the token of a program is good.
const TOKEN_LIFE: i64 = 30 * DAY;
/// How many replaced tokens of a program are remembered.
const REPLACED_REMEMBERED: u32 = 100;
/// How long a replaced token stays good.
const REPLACED_STAYS_GOOD: i64 = MINUTE;
/// Uses are written down this far apart.
const USE_PRECISION: i64 = MINUTE;

impl Access {
    /// The person whom a session's token belongs to.
    pub(super) async fn session(&self, token: &SessionToken) -> Result<Person, Error> {
        let (store, now) = (&self.engine.store, self.engine.clock.now());
        let hash = TokenHash::from_bytes(token.sha256());
        let found = store.read().await?.session_by_token(hash, now).await?;
        let Some(found) = found else {
            self.end_if_replayed(hash, now).await?;
            return Err(refusal());
        };
        if is_too_old(&found, now) {
            return Err(refusal());
        }
        if now.since(found.session.last_used_at) >= USE_PRECISION {
            let touch = Touch {
                session: found.session.id,
                at: now,
                unless_after: now.plus_milliseconds(-USE_PRECISION),
                idle_limit: IDLE_LIMIT,
            };
            let touched = store.write(move |tx| Box::pin(async move { tx.touch_session(touch).await }));
            if let Err(error) = touched.await {
                // Reading goes on while the disk is full; the next use is noted again.
                tracing::warn!(session = %found.session.id, error = chain(&error), "the use of a session was not noted");
            }
        }
        Ok(Person {
            user: found.user,
            session: Some(found.session.id),
            standing: found.standing.into(),
        })
    }

    /// Ends the session of a program whose token was replaced and is brought all the same: it was copied, or what
    /// replaced it was. Nobody can tell who of the two is the right one.
    async fn end_if_replayed(&self, token: TokenHash, now: Timestamp) -> Result<(), Error> {
        let store = &self.engine.store;
        let Some((user, session)) = store.read().await?.session_of_ended_token(token, now).await? else {
            return Ok(());
        };
        let ended = store.write(move |tx| {
            Box::pin(async move {
                if tx.end_session(user, session).await? {
                    tell(tx, user, ("session", session.to_string()), ChangeOp::Delete, now).await?;
                }
                Ok(())
            })
        });
        ended.await?;
        tracing::warn!(%session, %user, "a token that was replaced was used again: the session was ended");
        Ok(())
    }

    /// A new token for the session of a program. The present one stays good for a minute.
    pub async fn rotate_session(&self, token: &SessionToken) -> Result<RotatedSession, Error> {
        let (store, now) = (&self.engine.store, self.engine.clock.now());
        let old = TokenHash::from_bytes(token.sha256());
        let found = store.read().await?.session_by_token(old, now).await?;
        let found = found.filter(|found| !is_too_old(found, now)).ok_or_else(refusal)?;
        if found.session.delivery != Delivery::Token {
            let message =
                "The token of a cookie is replaced by itself. This is for tokens that were given to programs.";
            return Err(Error::new(ErrorCode::Conflict, message));
        }
        let renewed = SessionToken::mint().map_err(|error| Error::internal("Making a token", error))?;
        let rotation = Rotation {
            session: found.session.id,
            old,
            new: TokenHash::from_bytes(renewed.sha256()),
            at: now,
            old_ends_at: now.plus_milliseconds(REPLACED_STAYS_GOOD),
        };
        // Also whoever brings the one before the present one, within its minute: the answer with the present one may
        // have been lost on the way.
        let rotated = store
            .write(move |tx| Box::pin(async move { tx.replace_session_tokens(rotation, REPLACED_REMEMBERED).await }));
        if !rotated.await? {
            return Err(refusal());
        }
        let token_expires_at = now.plus_milliseconds(TOKEN_LIFE).min(found.session.expires_at);
        Ok(RotatedSession {
            token: renewed,
            token_expires_at,
            expires_at: found.session.expires_at,
        })
    }

    /// A new token for the session of a cookie whose token is old; `None` where there is nothing to do. The answer to
    /// the request that carried the old one must carry it.
    pub async fn renew_session(&self, token: &SessionToken) -> Result<Option<RenewedSession>, Error> {
        let (store, now) = (&self.engine.store, self.engine.clock.now());
        let old = TokenHash::from_bytes(token.sha256());
        let Some(found) = store.read().await?.session_by_token(old, now).await? else {
            return Ok(None);
        };
        let is_due = now.since(found.token_created_at) >= ROTATE_AFTER;
        if found.token_replaced || !is_due || found.session.delivery != Delivery::Cookie {
            return Ok(None);
        }
        let renewed = SessionToken::mint().map_err(|error| Error::internal("Making a token", error))?;
        let rotation = Rotation {
            session: found.session.id,
            old,
            new: TokenHash::from_bytes(renewed.sha256()),
            at: now,
            old_ends_at: now.plus_milliseconds(REPLACED_STAYS_GOOD),
        };
        let rotated = store.write(move |tx| Box::pin(async move { tx.rotate_session_token(rotation).await }));
        Ok(rotated.await?.then_some(RenewedSession {
            token: renewed,
            expires_at: found.session.expires_at,
        }))
    }
}

/// Whether the token of a program was not replaced for too long.
fn is_too_old(found: &FoundSession, now: Timestamp) -> bool {
    found.session.delivery == Delivery::Token && now.since(found.token_created_at) >= TOKEN_LIFE
}

/// The token that takes another's place in a program.
#[derive(Debug)]
pub struct RotatedSession {
    /// The token.
    pub token: SessionToken,
    /// From when on the token is worth nothing, unless another takes its place before.
    pub token_expires_at: Timestamp,
    /// From when on the session is worth nothing, used or not.
    pub expires_at: Timestamp,
}

/// The token that takes another's place in the cookie.
#[derive(Debug)]
pub struct RenewedSession {
    /// The token.
    pub token: SessionToken,
    /// From when on the session is worth nothing, used or not.
    pub expires_at: Timestamp,
}
