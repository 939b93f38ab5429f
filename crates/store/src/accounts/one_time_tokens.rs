//! Links in mail: each is good for one use, for a short time, for whoever reads the mail of one address.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::UserId;
use codecourier_domain::time::Timestamp;

use crate::body::Body;
use crate::error::Result;
use crate::ledger::TokenHash;
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::words::words;
use crate::writer::Tx;

words! {
    /// What a link is for.
    pub OneTimePurpose {
        /// Setting another password.
        PasswordReset = "password-reset",
        /// Signing in.
        MagicLink = "magic-link",
        /// Proving the address of an account that exists.
        VerifyEmail = "verify-email",
        /// Proving the address of an account that is to be made.
        SignUp = "sign-up",
    }
}

/// A link to remember.
#[derive(Debug, Clone)]
pub struct NewOneTimeToken {
    /// The hash of its token.
    pub token: TokenHash,
    /// What it is for.
    pub purpose: OneTimePurpose,
    /// The account, if it exists.
    pub user: Option<UserId>,
    /// The address that it is sent to.
    pub email: EmailAddress,
    /// When it was made.
    pub at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// What is to be done when it is used.
    pub body: Body,
}

/// What a link is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneTimeToken {
    /// The account, if it existed when the link was made.
    pub user: Option<UserId>,
    /// The address that it was sent to.
    pub email: EmailAddress,
    /// What is to be done.
    pub body: Body,
}

impl Tx {
    /// Remembers a link. The ones before it, for the same purpose and address, are worth nothing any more beyond
    /// `keep`, the newest.
    pub async fn insert_one_time_token(&mut self, new: &NewOneTimeToken, keep: u32) -> Result<()> {
        let older = sql("DELETE FROM one_time_token WHERE token_sha256 IN \
             (SELECT token_sha256 FROM one_time_token WHERE email = $1 AND purpose = $2 \
              ORDER BY created_at DESC, token_sha256 LIMIT 1000 OFFSET $3)")
        .bind(new.email.as_str())
        .bind(new.purpose.as_str())
        .bind(i64::from(keep));
        self.execute("remove older links", older).await?;
        let statement = sql(
            "INSERT INTO one_time_token (token_sha256, purpose, account, email, created_at, expires_at, body) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(new.token.text())
        .bind(new.purpose.as_str())
        .bind(new.user)
        .bind(new.email.as_str())
        .bind(new.at)
        .bind(new.expires_at)
        .bind(&new.body);
        self.execute("remember a link", statement).await.map(drop)
    }

    /// Uses a link: it is gone with the command that uses it. `None` for one that is unknown, was used, has expired or
    /// is for something else.
    pub async fn use_one_time_token(
        &mut self,
        token: TokenHash,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>> {
        let statement = sql(
            "DELETE FROM one_time_token WHERE token_sha256 = $1 AND purpose = $2 AND expires_at > $3 \
             RETURNING account, email, body",
        )
        .bind(token.text())
        .bind(purpose.as_str())
        .bind(now);
        let row = self.fetch_optional("use a link", statement).await?;
        row.map(|row| link(&row)).transpose()
    }

    /// Makes every link that was sent to an address worthless, whatever it is for.
    pub async fn revoke_one_time_tokens(&mut self, email: &EmailAddress) -> Result<u64> {
        let statement = sql("DELETE FROM one_time_token WHERE email = $1").bind(email.as_str());
        self.execute("revoke links", statement).await
    }
}

impl Reader<'_> {
    /// The newest link of a purpose that was sent to an address and is still good.
    pub async fn newest_one_time_token(
        &mut self,
        email: &EmailAddress,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>> {
        let statement = sql("SELECT account, email, body FROM one_time_token \
             WHERE email = $1 AND purpose = $2 AND expires_at > $3 ORDER BY created_at DESC LIMIT 1")
        .bind(email.as_str())
        .bind(purpose.as_str())
        .bind(now);
        let row = self.fetch_optional("look for a link", statement).await?;
        row.map(|row| link(&row)).transpose()
    }

    /// What a link would do now, without using it.
    pub async fn one_time_token(
        &mut self,
        token: TokenHash,
        purpose: OneTimePurpose,
        now: Timestamp,
    ) -> Result<Option<OneTimeToken>> {
        let statement = sql("SELECT account, email, body FROM one_time_token \
             WHERE token_sha256 = $1 AND purpose = $2 AND expires_at > $3")
        .bind(token.text())
        .bind(purpose.as_str())
        .bind(now);
        let row = self.fetch_optional("look up a link", statement).await?;
        row.map(|row| link(&row)).transpose()
    }
}

fn link(row: &Row) -> Result<OneTimeToken> {
    Ok(OneTimeToken {
        user: row.optional_parsed(0)?,
        email: row.parsed(1)?,
        body: row.body(2)?,
    })
}
