//! Putting mail into the outbox, inside the command that causes it.

use codecourier_domain::id::MailId;
use codecourier_domain::time::Timestamp;
use codecourier_store::Tx;
use codecourier_store::mails::NewMail;
use codecourier_store::sealed::{SealedColumn, SealedPlace};
use secrecy::SecretString;

use super::order::Order;
use crate::Inner;
use crate::error::Error;
use crate::random::ordered_uuid_v7;
use crate::vault::{Sealed, Vault};

/// How many mails may wait. More than a broken mail server lets gather in a day of honest use; fewer than whoever asks
/// from a thousand networks could fill a disk with.
const MOST_WAITING: u32 = 20_000;

/// Puts mail into the outbox. Cheap to clone into a command.
#[derive(Clone)]
pub(crate) struct Post {
    /// `None` where no mail is sent: then nothing is put anywhere.
    vault: Option<Vault>,
}

impl Inner {
    /// What puts mail into the outbox.
    pub(crate) fn post(&self) -> Post {
        let is_configured = self.accounts.config.mailer.is_configured();
        Post {
            vault: is_configured.then(|| self.vault.clone()),
        }
    }
}

impl Post {
    /// Puts an order into the outbox. It is sent when the command is committed, and only then.
    pub(crate) async fn put(&self, tx: &mut Tx, order: &Order, now: Timestamp) -> Result<(), Error> {
        let Some(vault) = &self.vault else {
            return Ok(());
        };
        let kind = order.kind();
        if tx.read().waiting_mails(MOST_WAITING).await? >= u64::from(MOST_WAITING) {
            // What causes the mail must not fail by it: a password is changed whether or not its person hears of it.
            metrics::counter!("codecourier_mails_total", "kind" => kind, "outcome" => "dropped").increment(1);
            tracing::error!(
                kind,
                "a mail was dropped: {MOST_WAITING} mails wait for the mail server already"
            );
            return Ok(());
        }
        let id = MailId::from_uuid(ordered_uuid_v7(now));
        let mail = NewMail {
            id,
            kind,
            user: order.user(),
            sealed: seal(vault, id, order)?,
            at: now,
            expires_at: order.expires_at(now),
        };
        Ok(tx.insert_mail(&mail).await?)
    }
}

pub(super) fn place(id: MailId) -> SealedPlace {
    SealedPlace {
        column: SealedColumn::Mail,
        scope: String::new(),
        row: id.to_string(),
    }
}

pub(super) fn seal(vault: &Vault, id: MailId, order: &Order) -> Result<Sealed, Error> {
    let text = serde_json::to_string(order).map_err(|error| Error::internal("Writing a mail", error))?;
    Ok(vault.seal(&place(id), &SecretString::from(text))?)
}
