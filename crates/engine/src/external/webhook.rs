//! Messages of the trusted issuer: somebody has left.
//!
//! Invariants: nothing of a message is read before its signature was checked; the same message takes effect once, in
//! the transaction that remembers it; a person of the issuer whom nobody here has seen is remembered as gone all the
//! same, for their tokens may come later.

use codecourier_identity::svix::WebhookHeaders;
use codecourier_store::external::OutsideIdentity;
use serde::Deserialize;

use super::External;
use super::departure::depart;
use crate::error::{Error, ErrorCode};

/// For how long a message, and who has left, is remembered. Senders give up after three days, and a token that lives
/// longer than this is none that should be trusted.
const REMEMBERED_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub struct Webhook<'a> {
    /// `svix-id`.
    pub id: &'a str,
    /// `svix-timestamp`.
    pub timestamp: &'a str,
    /// `svix-signature`.
    pub signatures: &'a str,
    /// The exact bytes of the body.
    pub body: &'a [u8],
}

#[derive(Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    data: serde_json::Value,
}

impl External {
    /// Heeds a message of the trusted issuer.
    pub async fn heed(&self, webhook: Webhook<'_>) -> Result<(), Error> {
        let external = &self.engine.external;
        let (Some(secret), Some(issuer)) = (&external.webhook_secret, &external.trusted_issuer) else {
            return Err(Error::not_found("No identity provider sends webhooks here."));
        };
        let now = self.engine.clock.now();
        let headers = WebhookHeaders {
            id: webhook.id,
            timestamp: webhook.timestamp,
            signatures: webhook.signatures,
        };
        let id = secret.verify(headers, webhook.body, now).map_err(|refused| {
            tracing::warn!(reason = %refused, "A webhook of the identity provider was refused");
            let message = "The webhook is not signed by the identity provider, or not at this time.";
            Error::new(ErrorCode::AuthInvalid, message)
        })?;
        let message: Message = serde_json::from_slice(webhook.body).map_err(|error| {
            Error::validation("The webhook is not a message of an identity provider.").because(error)
        })?;
        if message.kind != "user.deleted" {
            return Ok(());
        }
        let subject = message.data.get("id").and_then(serde_json::Value::as_str);
        let subject = subject
            .filter(|subject| !subject.is_empty() && subject.len() <= 255)
            .ok_or_else(|| Error::validation("The webhook does not say who was deleted.").of_field("data.id"))?;
        let identity = OutsideIdentity {
            issuer: issuer.issuer().to_owned(),
            subject: subject.to_owned(),
        };
        let (id, remembered_until) = (id.to_owned(), now.plus_milliseconds(REMEMBERED_MS));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                if !tx.heed_webhook(&id, remembered_until).await? {
                    return Ok(());
                }
                tx.note_departure(&identity, remembered_until).await?;
                match tx.read().account_of_identity(&identity).await? {
                    Some(linked) => depart(tx, linked, now).await,
                    None => Ok(()),
                }
            })
        });
        write.await
    }
}
