//! The devices where a person is signed in: seeing and ending them.

use codecourier_domain::id::{SessionId, UserId};
use codecourier_domain::time::Timestamp;
use codecourier_store::Tx;
use codecourier_store::changes::ChangeOp;

use super::{Accounts, SessionView};
use crate::access::Person;
use crate::deed::Deed;
use crate::error::Error;

impl Accounts {
    /// Where a person is signed in, newest first.
    pub async fn sessions(&self, person: &Person) -> Result<Vec<SessionView>, Error> {
        let now = self.engine.clock.now();
        let sessions = self.engine.store.read().await?.sessions(person.user, now).await?;
        let views = sessions
            .into_iter()
            .map(|session| SessionView::new(session, person.session));
        Ok(views.collect())
    }

    /// Signs a person out of one device.
    pub async fn end_session(&self, person: &Person, session: SessionId) -> Result<(), Error> {
        let (user, now) = (person.user, self.engine.clock.now());
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                if !tx.end_session(user, session).await? {
                    return Err(Error::not_found("There is no such session."));
                }
                Ok(tell_session(tx, user, session, ChangeOp::Delete, now).await?)
            })
        });
        write.await
    }

    /// Signs a person out of every device but the one that asks. Gives how many there were.
    pub async fn end_other_sessions(&self, person: &Person) -> Result<usize, Error> {
        let (user, keep, now) = (person.user, person.session, self.engine.clock.now());
        let write = self
            .engine
            .store
            .write(move |tx| Box::pin(async move { end_sessions_but(tx, user, keep, now).await }));
        Ok(write.await?)
    }
}

/// Ends every session of a person but one.
pub(crate) async fn end_sessions_but(
    tx: &mut Tx,
    user: UserId,
    keep: Option<SessionId>,
    now: Timestamp,
) -> Result<usize, codecourier_store::Error> {
    let ended = tx.end_other_sessions(user, keep).await?;
    for session in &ended {
        tell_session(tx, user, *session, ChangeOp::Delete, now).await?;
    }
    Ok(ended.len())
}

/// Tells the person's other devices of a session that began or ended.
pub(super) async fn tell_session(
    tx: &mut Tx,
    user: UserId,
    session: SessionId,
    op: ChangeOp,
    now: Timestamp,
) -> Result<(), codecourier_store::Error> {
    tell(tx, user, ("session", session.to_string()), op, now).await
}

/// Tells the person's devices that something of theirs is different or gone. Whoever hears it asks for the account or the
/// sessions: both are short, and neither is anybody else's.
pub(crate) async fn tell(
    tx: &mut Tx,
    user: UserId,
    of: (&'static str, String),
    op: ChangeOp,
    now: Timestamp,
) -> Result<(), codecourier_store::Error> {
    let deed = Deed::of(user.into(), now);
    match op {
        ChangeOp::Put => deed.put_for(tx, user, of, &serde_json::json!({})).await,
        ChangeOp::Delete => deed.gone_for(tx, user, of).await,
    }
}
