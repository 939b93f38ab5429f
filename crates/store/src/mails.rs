//! The outbox: mail that is on its way, in the same transaction as what causes it.
//!
//! Called by the engine, which seals what a mail says and sends it. Invariants: a mail is held by one sender at a time,
//! and only the present attempt moves it; what has ended holds nothing of what it said; what has ended stays ended.

use codecourier_domain::id::{BootId, MailId, UserId};
use codecourier_domain::time::Timestamp;
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::open::Store;
use crate::read::Reader;
use crate::sealed::{Sealed, sealed};
use crate::sql::sql;
use crate::words::words;
use crate::writer::Tx;

words! {
    /// What has become of a mail.
    pub MailStatus {
        /// It waits to be sent, for the first time or again.
        Waiting = "waiting",
        /// Somebody is sending it.
        Sending = "sending",
        /// The mail server has it.
        Sent = "sent",
        /// There was nobody to send it to.
        Moot = "moot",
        /// It will not be sent.
        GivenUp = "given-up",
    }
}

/// How a mail ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailEnd {
    /// The mail server has it.
    Sent,
    /// There was nobody to send it to.
    Moot,
    /// It will not be sent, for this reason.
    GivenUp(String),
}

/// A mail to be sent.
#[derive(Debug, Clone)]
pub struct NewMail {
    /// Its identifier.
    pub id: MailId,
    /// Which message it is. No secret.
    pub kind: &'static str,
    /// Whose account it is about, if there is one.
    pub user: Option<UserId>,
    /// To whom, and what it says.
    pub sealed: Sealed,
    /// When it was written; it is due at once.
    pub at: Timestamp,
    /// From when on nobody wants it any more.
    pub expires_at: Timestamp,
}

/// Which mails to claim.
#[derive(Debug, Clone, Copy)]
pub struct MailClaim {
    /// Who claims.
    pub owner: BootId,
    /// How many at most.
    pub limit: u32,
    /// The present moment.
    pub now: Timestamp,
    /// Until when the claim holds.
    pub lease_until: Timestamp,
}

/// What a claim gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMails {
    /// The mails, those due longest first.
    pub mails: Vec<ClaimedMail>,
    /// When the next one is due or free; `None` if there is none.
    pub next_due: Option<Timestamp>,
}

/// A mail in the hands of its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMail {
    /// The proof of the hold.
    pub fence: MailFence,
    /// Which message it is.
    pub kind: String,
    /// To whom, and what it says.
    pub sealed: Sealed,
    /// When it was written.
    pub created_at: Timestamp,
    /// From when on nobody wants it any more.
    pub expires_at: Timestamp,
}

/// A hold on a mail. Whatever is done under a hold that was lost fails with [`Error::Fenced`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailFence {
    /// Which mail.
    pub mail: MailId,
    /// Which attempt.
    pub attempt: u32,
}

/// A mail, without what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Its identifier.
    pub id: MailId,
    /// Which message it is.
    pub kind: String,
    /// What has become of it.
    pub status: MailStatus,
    /// How often it was claimed.
    pub attempt: u32,
    /// When it is to be tried again.
    pub due: Timestamp,
    /// Whether what it says is still there.
    pub has_content: bool,
    /// What went wrong last.
    pub reason: Option<String>,
}

impl Tx {
    /// Adds a mail to the outbox.
    pub async fn insert_mail(&mut self, new: &NewMail) -> Result<()> {
        let statement = sql(
            "INSERT INTO mail (id, kind, account, status, sealed, sealed_with, attempt, due, created_at, expires_at) \
             VALUES ($1, $2, $3, 'waiting', $4, $5, 0, $6, $6, $7)",
        )
        .bind(new.id)
        .bind(new.kind)
        .bind(new.user)
        .bind(new.sealed.envelope.as_str())
        .bind(new.sealed.key.as_str())
        .bind(new.at)
        .bind(new.expires_at);
        self.execute("add a mail", statement).await?;
        self.effects.mails_moved = true;
        Ok(())
    }

    /// Claims mails that are due, and those whose sender has not been heard of.
    pub async fn claim_mails(&mut self, claim: MailClaim) -> Result<ClaimedMails> {
        let freed = sql("UPDATE mail SET status = 'waiting', owner = NULL, lease_until = NULL \
             WHERE status = 'sending' AND lease_until <= $1");
        self.execute("free mails whose sender is gone", freed.bind(claim.now))
            .await?;
        let statement = sql(
            "UPDATE mail SET status = 'sending', attempt = attempt + 1, owner = $3, lease_until = $4 \
             WHERE id IN (SELECT m.id FROM mail m WHERE m.status = 'waiting' AND m.due <= $1 AND m.expires_at > $1 \
             ORDER BY m.due, m.id LIMIT $2) \
             RETURNING id, attempt, kind, sealed, sealed_with, created_at, expires_at",
        )
        .bind(claim.now)
        .bind(i64::from(claim.limit))
        .bind(claim.owner)
        .bind(claim.lease_until);
        let rows = self.fetch_all("claim mails", statement).await?;
        let mails = rows.iter().map(|row| {
            Ok(ClaimedMail {
                fence: MailFence {
                    mail: row.parsed(0)?,
                    attempt: row.small(1)?,
                },
                kind: row.text(2)?,
                sealed: sealed(row, 3)?,
                created_at: row.time(5)?,
                expires_at: row.time(6)?,
            })
        });
        let mut mails = mails.collect::<Result<Vec<_>>>()?;
        mails.sort_by_key(|mail| (mail.created_at, mail.fence.mail));
        let statement = sql("SELECT (SELECT min(due) FROM mail WHERE status = 'waiting'), \
             (SELECT min(lease_until) FROM mail WHERE status = 'sending'), \
             (SELECT min(expires_at) FROM mail WHERE status = 'waiting')");
        let row = self.fetch_optional("look for the next mail", statement).await?;
        let row = row.ok_or(Error::NotFound { entity: "mail" })?;
        let moments = [row.optional_time(0)?, row.optional_time(1)?, row.optional_time(2)?];
        Ok(ClaimedMails {
            mails,
            next_due: moments.into_iter().flatten().min(),
        })
    }

    /// Replaces what a mail says, while it is held: what it says was found out when it was to be sent.
    pub async fn rewrite_mail(&mut self, fence: MailFence, user: Option<UserId>, sealed: &Sealed) -> Result<()> {
        let statement = sql("UPDATE mail SET sealed = $3, sealed_with = $4, account = $5 \
             WHERE id = $1 AND attempt = $2 AND status = 'sending'")
        .bind(fence.mail)
        .bind(i64::from(fence.attempt))
        .bind(sealed.envelope.as_str())
        .bind(sealed.key.as_str())
        .bind(user);
        fenced(self.execute("rewrite a mail", statement).await?)
    }

    /// Ends a mail that is held. What it said is gone.
    pub async fn end_mail(&mut self, fence: MailFence, end: &MailEnd, at: Timestamp) -> Result<()> {
        let (status, reason) = match end {
            MailEnd::Sent => (MailStatus::Sent, None),
            MailEnd::Moot => (MailStatus::Moot, None),
            MailEnd::GivenUp(reason) => (MailStatus::GivenUp, Some(reason.as_str())),
        };
        let statement = sql(
            "UPDATE mail SET status = $3, reason = $4, ended_at = $5, sealed = NULL, sealed_with = NULL, owner = NULL, \
             lease_until = NULL WHERE id = $1 AND attempt = $2 AND status = 'sending'",
        )
        .bind(fence.mail)
        .bind(i64::from(fence.attempt))
        .bind(status.as_str())
        .bind(reason)
        .bind(at);
        fenced(self.execute("end a mail", statement).await?)
    }

    /// Lets go of a mail that is held, to be sent again from a moment on.
    pub async fn retry_mail(&mut self, fence: MailFence, due: Timestamp, reason: &str) -> Result<()> {
        let statement = sql(
            "UPDATE mail SET status = 'waiting', due = $3, reason = $4, owner = NULL, lease_until = NULL \
             WHERE id = $1 AND attempt = $2 AND status = 'sending'",
        )
        .bind(fence.mail)
        .bind(i64::from(fence.attempt))
        .bind(due)
        .bind(reason);
        fenced(self.execute("try a mail again later", statement).await?)
    }

    /// Takes back what earlier starts held, but for those of other nodes. Only the owner of the data directory's lock may
    /// say that they are gone.
    pub async fn void_mail_holds(&mut self, boot: BootId, node: &str) -> Result<u64> {
        let statement = sql("UPDATE mail SET status = 'waiting', owner = NULL, lease_until = NULL \
             WHERE status = 'sending' AND owner <> $1 \
             AND NOT EXISTS (SELECT 1 FROM boot b WHERE b.id = mail.owner AND b.node NOT IN ($2, ''))");
        self.execute("take back the mails of former starts", statement.bind(boot).bind(node))
            .await
    }

    /// Gives up the waiting mails that nobody wants any more, and says of which kind they were.
    pub async fn expire_mails(&mut self, now: Timestamp, limit: u32) -> Result<Vec<Mail>> {
        let statement = sql(
            "UPDATE mail SET status = 'given-up', ended_at = $1, sealed = NULL, sealed_with = NULL \
             WHERE id IN (SELECT id FROM mail WHERE status = 'waiting' AND expires_at <= $1 LIMIT $2) \
             RETURNING id, kind, status, attempt, due, sealed IS NOT NULL, reason",
        )
        .bind(now)
        .bind(i64::from(limit));
        let rows = self.fetch_all("give up old mails", statement).await?;
        rows.iter().map(mail).collect()
    }

    /// Removes at most `limit` mails that ended before a moment.
    pub async fn sweep_mails(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        let statement = sql(
            "DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE ended_at IS NOT NULL AND ended_at < $1 LIMIT $2)",
        )
        .bind(before)
        .bind(i64::from(limit));
        self.execute("remove ended mails", statement).await
    }

    /// Removes the mails about an account, sent or not.
    pub(crate) async fn remove_mails_of(&mut self, user: UserId) -> Result<()> {
        let statement = sql("DELETE FROM mail WHERE account = $1").bind(user);
        self.execute("remove the mails of an account", statement)
            .await
            .map(drop)
    }
}

impl Reader<'_> {
    /// A mail.
    pub async fn mail(&mut self, id: MailId) -> Result<Option<Mail>> {
        let statement =
            sql("SELECT id, kind, status, attempt, due, sealed IS NOT NULL, reason FROM mail WHERE id = $1").bind(id);
        let row = self.fetch_optional("read a mail", statement).await?;
        row.map(|row| mail(&row)).transpose()
    }

    /// How many mails wait, counted up to a limit.
    pub async fn waiting_mails(&mut self, limit: u32) -> Result<u64> {
        let statement = sql(
            "SELECT count(*) FROM (SELECT due FROM mail WHERE status = 'waiting' ORDER BY due, id LIMIT $1) AS head",
        )
        .bind(i64::from(limit));
        let row = self.fetch_optional("count the waiting mails", statement).await?;
        row.map_or(Ok(0), |row| row.count(0))
    }

    /// The mails that ended, the newest first: for whoever looks into what was not sent.
    pub async fn ended_mails(&mut self, limit: u32) -> Result<Vec<Mail>> {
        let statement = sql(
            "SELECT id, kind, status, attempt, due, sealed IS NOT NULL, reason FROM mail WHERE ended_at IS NOT NULL \
             ORDER BY ended_at DESC LIMIT $1",
        )
        .bind(i64::from(limit));
        let rows = self.fetch_all("read ended mails", statement).await?;
        rows.iter().map(mail).collect()
    }
}

/// Says that mails were added since the last time it was asked.
#[derive(Debug)]
pub struct MailSignal {
    generation: watch::Receiver<u64>,
}

impl Store {
    /// A signal for whoever sends mail. Take it before the first claim; it tells of the commits of this process.
    #[must_use]
    pub fn mail_signal(&self) -> MailSignal {
        MailSignal {
            generation: self.watchers().mail(),
        }
    }
}

impl MailSignal {
    /// Waits until a mail was added since the last return. May be dropped and called again.
    pub async fn moved(&mut self) -> Result<()> {
        self.generation.changed().await.map_err(|_| Error::Closed)
    }
}

fn mail(row: &crate::sql::Row) -> Result<Mail> {
    Ok(Mail {
        id: row.parsed(0)?,
        kind: row.text(1)?,
        status: row.parsed(2)?,
        attempt: row.small(3)?,
        due: row.time(4)?,
        has_content: row.boolean(5)?,
        reason: row.optional_text(6)?,
    })
}

const fn fenced(moved: u64) -> Result<()> {
    if moved == 0 { Err(Error::Fenced) } else { Ok(()) }
}
