//! The token of a session in the credentials: read anew for each request, and replaced once a day.
//!
//! Used by the client alone. Invariants: of the processes of a person one asks for the next token at a time, and no
//! request is sent with a token that another process has replaced, since the server takes that for theft; the next token
//! is in the file before anything else is done; API keys stay as they are.

use std::fs::TryLockError;
use std::path::PathBuf;

use codecourier_domain::time::{Clock as _, Timestamp};
use codecourier_engine::clock::SystemClock;
use codecourier_identity::secret_token::SessionToken;
use codecourier_wire::accounts::RotatedSession;

use super::Client;
use super::credentials::{Credentials, Entry};
use crate::config::value::Secret;
use crate::config::{Config, Secrets};
use crate::problem::Problem;

/// How old a token becomes before it is replaced, in milliseconds.
const RENEW_AFTER: i64 = 24 * 60 * 60 * 1_000;

/// Where the credential of a client is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    path: PathBuf,
    secrets: Secrets,
}

impl Kept {
    /// In the credentials of this person.
    pub(super) fn of(config: &Config) -> Option<Self> {
        Some(Self {
            path: config.client.credentials.clone()?,
            secrets: config.secrets.clone(),
        })
    }

    /// The present token for a server.
    pub(super) fn token(&self, url: &str) -> Option<Secret> {
        let entry = Credentials::read_from(&self.path).ok()?.servers.remove(url)?;
        self.secrets.add(&entry.token);
        Some(entry.secret())
    }

    /// Replaces the token for the client's server, if it is due. What goes wrong is for another time: the present one is
    /// good for long.
    pub(super) async fn renew(&self, client: &Client) {
        if let Err(problem) = self.try_to_renew(client).await {
            tracing::debug!("the token of the session was not replaced: {}", problem.message);
        }
    }

    async fn try_to_renew(&self, client: &Client) -> Result<(), Problem> {
        let is_due = |credentials: &Credentials| credentials.servers.get(client.url()).is_some_and(is_due);
        if !is_due(&Credentials::read_from(&self.path)?) {
            return Ok(());
        }
        let lock = self.path.with_extension("lock");
        let failed = |error: &std::io::Error| Problem::file("lock the credentials by", &lock, error);
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&lock);
        let file = file.map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        // Another process may have done it meanwhile.
        if !is_due(&Credentials::read_from(&self.path)?) {
            return Ok(());
        }
        let rotated = client.rotate().await?;
        self.secrets.add(rotated.token.expose());
        let mut credentials = Credentials::read_from(&self.path)?;
        if let Some(entry) = credentials.servers.get_mut(client.url()) {
            rotated.token.expose().clone_into(&mut entry.token);
            entry.renewed_at = Some(SystemClock.now().milliseconds());
            credentials.write_to(&self.path)?;
        }
        Ok(())
    }
}

/// Whether the token of an entry is one of a session, and old.
fn is_due(entry: &Entry) -> bool {
    let since = Timestamp(entry.renewed_at.unwrap_or(0));
    SessionToken::is_claimed_by(&entry.token) && SystemClock.now().since(since) >= RENEW_AFTER
}

impl Client {
    async fn rotate(&self) -> Result<RotatedSession, Problem> {
        let request = self.posting("/auth/session/rotate")?;
        let response = self.send_once(request).await?;
        Ok(self
            .read::<codecourier_wire::envelope::Data<RotatedSession>>(response)
            .await?
            .data)
    }
}
