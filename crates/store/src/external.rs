//! People whom outside providers vouch for: whose account each is, sign-ins that are under way, and who has left.
//!
//! Called by the engine. Invariants: a provider's person has one account; a sign-in can be taken up once; the store
//! never has what would let somebody take one up; who has left at their provider is remembered by a hash only.

use codecourier_domain::id::UserId;
use codecourier_domain::time::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::accounts::AccountStanding;
use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::sql;
use crate::writer::Tx;

/// A person as a provider names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideIdentity {
    /// The provider.
    pub issuer: String,
    /// Its name for the person.
    pub subject: String,
}

/// A sign-in that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingSignIn {
    /// What the browser's secrets make together.
    pub fingerprint: String,
    /// The provider that the browser was sent to.
    pub provider: String,
    /// Where the person goes when it is done.
    pub redirect_to: String,
    /// When it began.
    pub at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

/// The account behind an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkedAccount {
    /// The account.
    pub user: UserId,
    /// What its person is to the server.
    pub standing: AccountStanding,
}

impl OutsideIdentity {
    /// A hash of both parts, of which neither can be moved into the other.
    fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        hash.update((self.issuer.len() as u64).to_be_bytes());
        hash.update(self.issuer.as_bytes());
        hash.update(self.subject.as_bytes());
        hex::encode(hash.finalize())
    }
}

impl Tx {
    /// Makes an account the one of an identity. One that was the identity's before and was deleted since, yields;
    /// any other one keeps it, and the call fails with [`Error::Taken`].
    pub async fn link_identity(&mut self, identity: &OutsideIdentity, user: UserId, at: Timestamp) -> Result<()> {
        let statement = sql(
            "INSERT INTO outside_identity (issuer, subject, account, created_at) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (issuer, subject) DO UPDATE SET account = excluded.account, created_at = excluded.created_at \
             WHERE outside_identity.account = excluded.account \
             OR EXISTS (SELECT 1 FROM account a WHERE a.id = outside_identity.account AND a.deleted_at IS NOT NULL)",
        )
        .bind(identity.issuer.as_str())
        .bind(identity.subject.as_str())
        .bind(user)
        .bind(at);
        match self.execute("link an identity", statement).await? {
            0 => Err(Error::Taken { entity: "identity" }),
            _ => Ok(()),
        }
    }

    /// Forgets every identity of an account, which stays.
    pub async fn unlink_identities(&mut self, user: UserId) -> Result<()> {
        let statement = sql("DELETE FROM outside_identity WHERE account = $1").bind(user);
        self.execute("unlink the identities of an account", statement)
            .await
            .map(drop)
    }

    /// Remembers a sign-in.
    pub async fn insert_pending_sign_in(&mut self, pending: &PendingSignIn) -> Result<()> {
        let statement = sql(
            "INSERT INTO pending_sign_in (fingerprint, provider, redirect_to, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(pending.fingerprint.as_str())
        .bind(pending.provider.as_str())
        .bind(pending.redirect_to.as_str())
        .bind(pending.at)
        .bind(pending.expires_at);
        self.execute("remember a sign-in", statement).await.map(drop)
    }

    /// Takes up a sign-in, which nobody can do again; `None` for one that is unknown, was taken up or has expired.
    pub async fn take_pending_sign_in(&mut self, fingerprint: &str, now: Timestamp) -> Result<Option<PendingSignIn>> {
        let statement = sql("DELETE FROM pending_sign_in WHERE fingerprint = $1 \
             RETURNING fingerprint, provider, redirect_to, created_at, expires_at")
        .bind(fingerprint);
        let row = self.fetch_optional("take up a sign-in", statement).await?;
        let pending = row.map(|row| -> Result<PendingSignIn> {
            Ok(PendingSignIn {
                fingerprint: row.text(0)?,
                provider: row.text(1)?,
                redirect_to: row.text(2)?,
                at: row.time(3)?,
                expires_at: row.time(4)?,
            })
        });
        Ok(pending.transpose()?.filter(|pending| pending.expires_at > now))
    }

    /// Notes that somebody has left at their provider: until `expires_at`, tokens of theirs are not to be believed.
    pub async fn note_departure(&mut self, identity: &OutsideIdentity, expires_at: Timestamp) -> Result<()> {
        let statement = sql(
            "INSERT INTO departed_identity (identity_sha256, expires_at) VALUES ($1, $2) \
             ON CONFLICT (identity_sha256) DO UPDATE SET expires_at = excluded.expires_at",
        )
        .bind(identity.sha256())
        .bind(expires_at);
        self.execute("note a departure", statement).await.map(drop)
    }

    /// Notes that a provider's message is heeded. Gives whether it is the first time.
    pub async fn heed_webhook(&mut self, id: &str, expires_at: Timestamp) -> Result<bool> {
        let statement = sql("INSERT INTO heeded_webhook (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING")
            .bind(id)
            .bind(expires_at);
        Ok(self.execute("note a heeded webhook", statement).await? == 1)
    }
}

impl Reader<'_> {
    /// The account of an identity, unless it was deleted.
    pub async fn account_of_identity(&mut self, identity: &OutsideIdentity) -> Result<Option<LinkedAccount>> {
        let statement = sql(
            "SELECT a.id, a.standing FROM outside_identity i JOIN account a ON a.id = i.account \
             WHERE i.issuer = $1 AND i.subject = $2 AND a.deleted_at IS NULL",
        )
        .bind(identity.issuer.as_str())
        .bind(identity.subject.as_str());
        let row = self.fetch_optional("look up an identity", statement).await?;
        row.map(|row| {
            Ok(LinkedAccount {
                user: row.parsed(0)?,
                standing: row.parsed(1)?,
            })
        })
        .transpose()
    }

    /// The identities of an account.
    pub async fn identities_of(&mut self, user: UserId) -> Result<Vec<OutsideIdentity>> {
        let statement =
            sql("SELECT issuer, subject FROM outside_identity WHERE account = $1 ORDER BY issuer, subject").bind(user);
        let rows = self.fetch_all("list the identities of an account", statement).await?;
        rows.iter()
            .map(|row| {
                Ok(OutsideIdentity {
                    issuer: row.text(0)?,
                    subject: row.text(1)?,
                })
            })
            .collect()
    }

    /// Whether somebody has left at their provider.
    pub async fn has_departed(&mut self, identity: &OutsideIdentity, now: Timestamp) -> Result<bool> {
        let statement = sql("SELECT expires_at FROM departed_identity WHERE identity_sha256 = $1 AND expires_at > $2")
            .bind(identity.sha256())
            .bind(now);
        Ok(self.fetch_optional("look for a departure", statement).await?.is_some())
    }
}
