//! Sessions: the devices where people are signed in.
//!
//! Invariants: a session is found by the hash of its token only, and only while it is worth something; a person reaches
//! their own sessions only.

use codecourier_domain::id::{SessionId, UserId};
use codecourier_domain::time::Timestamp;

use super::AccountStanding;
use crate::error::Result;
use crate::ledger::TokenHash;
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::words::words;
use crate::writer::Tx;

words! {
    /// How the token of a session reached its device.
    pub Delivery {
        /// In a cookie, which answers can replace.
        Cookie = "cookie",
        /// In the body of an answer, for programs, which ask for the next one themselves.
        Token = "token",
    }
}

/// A session to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its identifier.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// The hash of its token.
    pub token: TokenHash,
    /// How the token reaches the device.
    pub delivery: Delivery,
    /// What the device says it is.
    pub device: String,
    /// The network address that it came from.
    pub address: String,
    /// When.
    pub at: Timestamp,
    /// From when on it is worth nothing, used or not.
    pub expires_at: Timestamp,
    /// From when on it is worth nothing if it is not used again.
    pub ends_at: Timestamp,
}

/// A session, as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its identifier.
    pub id: SessionId,
    /// How the token reached the device.
    pub delivery: Delivery,
    /// What the device says it is.
    pub device: String,
    /// The network address that it came from.
    pub address: String,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
    /// From when on it is worth nothing, used or not.
    pub expires_at: Timestamp,
}

/// What a token leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundSession {
    /// The session.
    pub session: Session,
    /// Whose.
    pub user: UserId,
    /// What that person is to the server.
    pub standing: AccountStanding,
    /// When the token was made.
    pub token_created_at: Timestamp,
    /// When another token took its place.
    pub token_replaced: bool,
}

/// A use of a session to be noted.
#[derive(Debug, Clone, Copy)]
pub struct Touch {
    /// Which.
    pub session: SessionId,
    /// When.
    pub at: Timestamp,
    /// A later use than this is noted already.
    pub unless_after: Timestamp,
    /// For how long a use prolongs it, in milliseconds.
    pub idle_limit: i64,
}

/// A token that takes another's place.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// Of which session.
    pub session: SessionId,
    /// The hash of the present token.
    pub old: TokenHash,
    /// The hash of the next one.
    pub new: TokenHash,
    /// When.
    pub at: Timestamp,
    /// How long the old one stays good.
    pub old_ends_at: Timestamp,
}

/// The columns that [`session`] reads.
macro_rules! session_columns {
    () => {
        "s.id, s.delivery, s.device, s.address, s.created_at, s.last_used_at, s.expires_at"
    };
}

impl Tx {
    /// Begins a session.
    pub async fn insert_session(&mut self, new: &NewSession) -> Result<()> {
        let statement = sql(
            "INSERT INTO session (id, account, delivery, device, address, created_at, last_used_at, expires_at, ends_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)",
        )
        .bind(new.id)
        .bind(new.user)
        .bind(new.delivery.as_str())
        .bind(new.device.as_str())
        .bind(new.address.as_str())
        .bind(new.at)
        .bind(new.expires_at)
        .bind(new.ends_at.min(new.expires_at));
        self.execute("begin a session", statement).await?;
        self.insert_session_token(new.id, new.token, new.at).await
    }

    async fn insert_session_token(&mut self, session: SessionId, token: TokenHash, at: Timestamp) -> Result<()> {
        let statement = sql("INSERT INTO session_token (token_sha256, session, created_at) VALUES ($1, $2, $3)")
            .bind(token.text())
            .bind(session)
            .bind(at);
        self.execute("add the token of a session", statement).await.map(drop)
    }

    /// Notes a use of a session, which prolongs it.
    pub async fn touch_session(&mut self, touch: Touch) -> Result<()> {
        let statement = sql("UPDATE session SET last_used_at = $2, \
             ends_at = CASE WHEN $2 + $4 < expires_at THEN $2 + $4 ELSE expires_at END \
             WHERE id = $1 AND last_used_at <= $3 AND ends_at > $2")
        .bind(touch.session)
        .bind(touch.at)
        .bind(touch.unless_after)
        .bind(touch.idle_limit);
        self.execute("note the use of a session", statement).await.map(drop)
    }

    /// Puts a new token in the place of the present one. Gives whether it did: of several who try at once, one does.
    pub async fn rotate_session_token(&mut self, rotation: Rotation) -> Result<bool> {
        let statement =
            sql("UPDATE session_token SET ends_at = $3 WHERE token_sha256 = $1 AND session = $2 AND ends_at IS NULL")
                .bind(rotation.old.text())
                .bind(rotation.session)
                .bind(rotation.old_ends_at);
        if self.execute("retire the token of a session", statement).await? == 0 {
            return Ok(false);
        }
        self.insert_session_token(rotation.session, rotation.new, rotation.at)
            .await?;
        Ok(true)
    }

    /// Puts a new token in the place of whatever the session has, and forgets all but the newest `keep` that were
    /// replaced. Gives whether it did: the old token is one of the session, present or not.
    pub async fn replace_session_tokens(&mut self, rotation: Rotation, keep: u32) -> Result<bool> {
        let retire = sql(
            "UPDATE session_token SET ends_at = $2 WHERE session = $1 AND ends_at IS NULL \
             AND EXISTS (SELECT 1 FROM session_token o WHERE o.token_sha256 = $3 AND o.session = $1)",
        )
        .bind(rotation.session)
        .bind(rotation.old_ends_at)
        .bind(rotation.old.text());
        if self.execute("retire the tokens of a session", retire).await? == 0 {
            return Ok(false);
        }
        let forget = sql("DELETE FROM session_token WHERE token_sha256 IN \
             (SELECT token_sha256 FROM session_token WHERE session = $1 \
              ORDER BY created_at DESC, token_sha256 LIMIT 1000 OFFSET $2)")
        .bind(rotation.session)
        .bind(i64::from(keep));
        self.execute("forget old tokens of a session", forget).await?;
        self.insert_session_token(rotation.session, rotation.new, rotation.at)
            .await?;
        Ok(true)
    }

    /// Ends a session of a person. Gives whether it was there.
    pub async fn end_session(&mut self, user: UserId, id: SessionId) -> Result<bool> {
        let statement = sql("DELETE FROM session WHERE id = $1 AND account = $2")
            .bind(id)
            .bind(user);
        Ok(self.execute("end a session", statement).await? == 1)
    }

    /// Ends every session of a person but one. Gives those that it ended.
    pub async fn end_other_sessions(&mut self, user: UserId, keep: Option<SessionId>) -> Result<Vec<SessionId>> {
        let statement = sql("DELETE FROM session WHERE account = $1 AND ($2 IS NULL OR id <> $2) RETURNING id")
            .bind(user)
            .bind(keep);
        let rows = self.fetch_all("end the other sessions", statement).await?;
        rows.iter().map(|row| row.parsed(0)).collect()
    }

    /// Ends the oldest sessions of a person beyond a number. Gives those that it ended.
    pub async fn end_oldest_sessions(&mut self, user: UserId, beyond: u32) -> Result<Vec<SessionId>> {
        let statement = sql(
            "DELETE FROM session WHERE id IN \
             (SELECT id FROM session WHERE account = $1 ORDER BY created_at DESC, id DESC LIMIT 1000 OFFSET $2) RETURNING id",
        )
        .bind(user)
        .bind(i64::from(beyond));
        let rows = self.fetch_all("end the oldest sessions", statement).await?;
        rows.iter().map(|row| row.parsed(0)).collect()
    }

    /// Removes what is worth nothing any more: sessions, tokens that were replaced, links, sign-ins
    /// that nobody took up, what was remembered of providers, and throttles that are clear.
    /// At most `limit` of each; gives how many in all.
    pub async fn sweep_accounts(&mut self, now: Timestamp, limit: u32) -> Result<u64> {
        let mut removed = 0;
        for text in [
            "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE ends_at <= $1 LIMIT $2)",
            // Those of programs stay as long as their session: whoever brings one is no friend of it.
            "DELETE FROM session_token WHERE token_sha256 IN \
             (SELECT t.token_sha256 FROM session_token t JOIN session s ON s.id = t.session \
              WHERE t.ends_at IS NOT NULL AND t.ends_at <= $1 AND s.delivery = 'cookie' LIMIT $2)",
            "DELETE FROM one_time_token WHERE token_sha256 IN \
             (SELECT token_sha256 FROM one_time_token WHERE expires_at <= $1 LIMIT $2)",
            "DELETE FROM pending_sign_in WHERE fingerprint IN \
             (SELECT fingerprint FROM pending_sign_in WHERE expires_at <= $1 LIMIT $2)",
            "DELETE FROM departed_identity WHERE identity_sha256 IN \
             (SELECT identity_sha256 FROM departed_identity WHERE expires_at <= $1 LIMIT $2)",
            "DELETE FROM heeded_webhook WHERE id IN (SELECT id FROM heeded_webhook WHERE expires_at <= $1 LIMIT $2)",
            "DELETE FROM throttle WHERE key IN (SELECT key FROM throttle WHERE clear_at <= $1 LIMIT $2)",
        ] {
            let statement = sql(text).bind(now).bind(i64::from(limit));
            removed += self.execute("remove what has ended", statement).await?;
        }
        Ok(removed)
    }
}

impl Reader<'_> {
    /// What a token leads to now; `None` for one that is unknown, was replaced or has expired.
    pub async fn session_by_token(&mut self, token: TokenHash, now: Timestamp) -> Result<Option<FoundSession>> {
        let statement = sql(concat!(
            "SELECT ",
            session_columns!(),
            ", s.account, a.standing, t.created_at, t.ends_at FROM session_token t \
             JOIN session s ON s.id = t.session JOIN account a ON a.id = s.account \
             WHERE t.token_sha256 = $1 AND (t.ends_at IS NULL OR t.ends_at > $2) AND s.ends_at > $2 \
             AND a.deleted_at IS NULL"
        ))
        .bind(token.text())
        .bind(now);
        let row = self.fetch_optional("look up a session", statement).await?;
        row.map(|row| {
            Ok(FoundSession {
                session: session(&row)?,
                user: row.parsed(7)?,
                standing: row.parsed(8)?,
                token_created_at: row.time(9)?,
                token_replaced: row.optional_time(10)?.is_some(),
            })
        })
        .transpose()
    }

    /// The session of a program whose token this was, until it was replaced and ended.
    pub async fn session_of_ended_token(
        &mut self,
        token: TokenHash,
        now: Timestamp,
    ) -> Result<Option<(UserId, SessionId)>> {
        let statement = sql(
            "SELECT s.account, s.id FROM session_token t JOIN session s ON s.id = t.session \
             WHERE t.token_sha256 = $1 AND t.ends_at IS NOT NULL AND t.ends_at <= $2 AND s.delivery = 'token'",
        )
        .bind(token.text())
        .bind(now);
        let row = self.fetch_optional("look up a replaced token", statement).await?;
        row.map(|row| Ok((row.parsed(0)?, row.parsed(1)?))).transpose()
    }

    /// The sessions of a person that are worth something, newest first.
    pub async fn sessions(&mut self, user: UserId, now: Timestamp) -> Result<Vec<Session>> {
        let statement = sql(concat!(
            "SELECT ",
            session_columns!(),
            " FROM session s WHERE s.account = $1 AND s.ends_at > $2 ORDER BY s.created_at DESC, s.id DESC LIMIT 1000"
        ))
        .bind(user)
        .bind(now);
        let rows = self.fetch_all("list sessions", statement).await?;
        rows.iter().map(session).collect()
    }
}

fn session(row: &Row) -> Result<Session> {
    Ok(Session {
        id: row.parsed(0)?,
        delivery: row.parsed(1)?,
        device: row.text(2)?,
        address: row.text(3)?,
        created_at: row.time(4)?,
        last_used_at: row.time(5)?,
        expires_at: row.time(6)?,
    })
}
