//! Sessions as credentials: looked up, prolonged, and given a new token from time to time.
//!
//! Invariants: a session is worth something for 90 days and for 30 without use; its use is written down at most once a
//! minute; a cookie's token older than a day is replaced at its next use, and the replaced one stays good for a minute,
//! for the requests that were sent beside the one that replaced it.

use codecourier_domain::time::Timestamp;
use codecourier_identity::secret_token::SessionToken;
use codecourier_store::accounts::{Delivery, Rotation, Touch};
use codecourier_store::ledger::TokenHash;

use super::credential::refusal;
use super::{Access, Person};
use crate::error::{Error, chain};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// For how long a session is worth something without use, in milliseconds.
pub(crate) const IDLE_LIMIT: i64 = 30 * DAY;
/// For how long it is worth something at all.
pub(crate) const ABSOLUTE_LIMIT: i64 = 90 * DAY;
/// How old a cookie's token may become.
const ROTATE_AFTER: i64 = DAY;
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
        let found = found.ok_or_else(refusal)?;
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

/// The token that takes another's place in the cookie.
#[derive(Debug)]
pub struct RenewedSession {
    /// The token.
    pub token: SessionToken,
    /// From when on the session is worth nothing, used or not.
    pub expires_at: Timestamp,
}
