//! Accounts: the people, their sessions, the links mailed to them, and how often somebody tried in vain.
//!
//! Called by the engine. Invariants: an address belongs to one account; the first account ever made is the operator's,
//! whoever else makes one at the same moment; of a token only the SHA-256 is here, and of a password only its hash; a
//! deleted account keeps its row, so that what the person did stays recorded, but nothing personal in it.

mod one_time_tokens;
mod sessions;
mod throttle;

use std::fmt;

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::UserId;
use codecourier_domain::time::Timestamp;

use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::words::words;
use crate::writer::Tx;

pub use one_time_tokens::{NewOneTimeToken, OneTimePurpose, OneTimeToken};
pub use sessions::{Delivery, FoundSession, NewSession, Rotation, Session, Touch};
pub use throttle::{Admission, Pace};

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its identifier.
    pub id: UserId,
    /// The person's address; `None` once the account was deleted.
    pub email: Option<EmailAddress>,
    /// When the person proved to read the mail of that address.
    pub email_verified_at: Option<Timestamp>,
    /// The person's name as others see it.
    pub name: String,
    /// Whether they run this server.
    pub standing: AccountStanding,
    /// Whether a password was set.
    pub has_password: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

words! {
    /// What an account is to the server as a whole.
    pub AccountStanding {
        /// Its person runs the server.
        Operator = "operator",
        /// Its person uses the server.
        User = "user",
    }
}

/// An account to make.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its identifier.
    pub id: UserId,
    /// The person's address.
    pub email: EmailAddress,
    /// When the person proved to read the mail of that address.
    pub email_verified_at: Option<Timestamp>,
    /// The person's name as others see it.
    pub name: String,
    /// The hash of the password, for those who sign in with one.
    pub password: Option<PasswordHash>,
    /// When.
    pub at: Timestamp,
}

/// The hash of a password in PHC form. Never shown: it can be guessed at.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash with this text.
    #[must_use]
    pub const fn new(phc: String) -> Self {
        Self(phc)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

/// The columns that [`account`] reads, and the rest of the statement.
macro_rules! select_account {
    ($rest:literal) => {
        concat!(
            "SELECT id, email, email_verified_at, name, standing, password IS NOT NULL, created_at, updated_at, deleted_at \
             FROM account ",
            $rest
        )
    };
}

impl Tx {
    /// Makes an account: the operator's if it is the first one ever, a user's otherwise. Fails with [`Error::Taken`] if
    /// the address has one.
    pub async fn insert_account(&mut self, new: &NewAccount) -> Result<Account> {
        // Commands take turns, in every process: nobody makes an account between this look and the insertion.
        let standing = if self.read().has_operator().await? {
            AccountStanding::User
        } else {
            AccountStanding::Operator
        };
        let statement = sql(
            "INSERT INTO account (id, email, email_verified_at, name, standing, password, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) ON CONFLICT (email) DO NOTHING",
        )
        .bind(new.id)
        .bind(new.email.as_str())
        .bind(new.email_verified_at)
        .bind(new.name.as_str())
        .bind(standing.as_str())
        .bind(new.password.as_ref().map(PasswordHash::as_str))
        .bind(new.at);
        if self.execute("insert an account", statement).await? == 0 {
            return Err(Error::Taken { entity: "account" });
        }
        Ok(Account {
            id: new.id,
            email: Some(new.email.clone()),
            email_verified_at: new.email_verified_at,
            name: new.name.clone(),
            standing,
            has_password: new.password.is_some(),
            created_at: new.at,
            updated_at: new.at,
            deleted_at: None,
        })
    }

    /// Gives a person another name.
    pub async fn rename_account(&mut self, id: UserId, name: &str, at: Timestamp) -> Result<()> {
        let statement = sql("UPDATE account SET name = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL")
            .bind(id)
            .bind(name)
            .bind(at);
        self.one_account("rename an account", statement).await
    }

    /// Sets the password of an account, new or not.
    pub async fn set_password(&mut self, id: UserId, password: &PasswordHash, at: Timestamp) -> Result<()> {
        let statement = sql("UPDATE account SET password = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NULL")
            .bind(id)
            .bind(password.as_str())
            .bind(at);
        self.one_account("set a password", statement).await
    }

    /// Takes the password of an account away: its person signs in otherwise, or sets another one by mail.
    pub async fn remove_password(&mut self, id: UserId, at: Timestamp) -> Result<()> {
        let statement = sql("UPDATE account SET password = NULL, updated_at = $2 WHERE id = $1")
            .bind(id)
            .bind(at);
        self.one_account("remove a password", statement).await
    }

    /// Writes the same password in a newer form, unless it was changed since it was read. Gives whether it was written.
    pub async fn rehash_password(&mut self, id: UserId, from: &PasswordHash, to: &PasswordHash) -> Result<bool> {
        let statement = sql("UPDATE account SET password = $3 WHERE id = $1 AND password = $2")
            .bind(id)
            .bind(from.as_str())
            .bind(to.as_str());
        Ok(self.execute("renew the form of a password", statement).await? == 1)
    }

    /// Notes that the person of an account proved to read the mail of its address. The first time counts.
    pub async fn verify_email(&mut self, id: UserId, email: &EmailAddress, at: Timestamp) -> Result<()> {
        let statement = sql(
            "UPDATE account SET email_verified_at = coalesce(email_verified_at, $3), updated_at = $3 \
             WHERE id = $1 AND email = $2",
        )
        .bind(id)
        .bind(email.as_str())
        .bind(at);
        self.one_account("note a verified address", statement).await
    }

    /// Deletes an account: its address, name, password, sessions, links, mails and outside identities are
    /// gone, its identifier stays. The caller has taken it out of its projects.
    pub async fn erase_account(&mut self, id: UserId, at: Timestamp) -> Result<()> {
        let sessions = sql("DELETE FROM session WHERE account = $1").bind(id);
        self.execute("end the sessions of an account", sessions).await?;
        let links = sql(
            "DELETE FROM one_time_token WHERE email = (SELECT email FROM account WHERE id = $1) \
             AND account = $1",
        );
        self.execute("remove the links of an account", links.bind(id)).await?;
        self.unlink_identities(id).await?;
        self.remove_mails_of(id).await?;
        let statement = sql(
            "UPDATE account SET email = NULL, email_verified_at = NULL, name = '', password = NULL, updated_at = $2, \
             deleted_at = $2 WHERE id = $1 AND deleted_at IS NULL",
        );
        self.one_account("erase an account", statement.bind(id).bind(at)).await
    }

    async fn one_account(&mut self, operation: &'static str, statement: crate::sql::Statement) -> Result<()> {
        match self.execute(operation, statement).await? {
            0 => Err(Error::NotFound { entity: "account" }),
            _ => Ok(()),
        }
    }
}

impl Reader<'_> {
    /// One account, deleted or not.
    pub async fn account(&mut self, id: UserId) -> Result<Option<Account>> {
        let statement = sql(select_account!("WHERE id = $1")).bind(id);
        self.fetch_optional("read an account", statement)
            .await?
            .map(|row| account(&row))
            .transpose()
    }

    /// The account of an address.
    pub async fn account_by_email(&mut self, email: &EmailAddress) -> Result<Option<Account>> {
        let statement = sql(select_account!("WHERE email = $1")).bind(email.as_str());
        self.fetch_optional("read an account by its address", statement)
            .await?
            .map(|row| account(&row))
            .transpose()
    }

    /// The hash of the password of an account, if it has one.
    pub async fn password_of(&mut self, id: UserId) -> Result<Option<PasswordHash>> {
        let statement = sql("SELECT password FROM account WHERE id = $1").bind(id);
        let row = self.fetch_optional("read the hash of a password", statement).await?;
        let text = row.map(|row| row.optional_text(0)).transpose()?.flatten();
        Ok(text.map(PasswordHash))
    }

    /// Whether the first account was ever made. It is the operator's, and stays that even when deleted: whoever comes
    /// next is no operator.
    pub async fn has_operator(&mut self) -> Result<bool> {
        let statement = sql("SELECT id FROM account WHERE standing = 'operator' ORDER BY created_at, id LIMIT 1");
        Ok(self.fetch_optional("look for the operator", statement).await?.is_some())
    }

    /// The operator who has been here longest, beside a person.
    pub async fn other_operator(&mut self, user: UserId) -> Result<Option<UserId>> {
        let statement = sql(
            "SELECT id FROM account WHERE standing = 'operator' AND deleted_at IS NULL AND id <> $1 \
             ORDER BY created_at, id LIMIT 1",
        )
        .bind(user);
        let row = self.fetch_optional("find another operator", statement).await?;
        row.map(|row| row.parsed(0)).transpose()
    }

    /// How many operators are left.
    pub async fn operators(&mut self) -> Result<u64> {
        let statement = sql("SELECT count(*) FROM account WHERE standing = 'operator' AND deleted_at IS NULL");
        self.fetch_optional("count the operators", statement)
            .await?
            .map_or(Ok(0), |row| row.count(0))
    }
}

fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        id: row.parsed(0)?,
        email: row.optional_parsed(1)?,
        email_verified_at: row.optional_time(2)?,
        name: row.text(3)?,
        standing: row.parsed(4)?,
        has_password: row.boolean(5)?,
        created_at: row.time(6)?,
        updated_at: row.time(7)?,
        deleted_at: row.optional_time(8)?,
    })
}
