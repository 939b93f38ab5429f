//! Mail: what the platform says to people who are not looking at it, over SMTP.
//!
//! The engine writes messages and sends them; whether there is a mail server at all is the [`Mailer`]'s to know.
//!
//! Invariants: a header holds one line, whatever it was made from, so that nobody adds a recipient or a second message
//! through a name or a subject; a message is plain text, with one HTML form of the same at most; the same message has
//! the same `Message-ID` whenever it is sent; what a message says (links that sign somebody in), whom it is for and the
//! password of the mail server are in no log, no error and no debug text.

mod reply;
mod smtp;

use std::fmt;

use async_trait::async_trait;
use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::MailId;

pub use reply::Reply;
pub use smtp::{Smtp, SmtpConfig, SmtpSecurity};

/// A message to one person.
#[derive(Clone)]
pub struct MailMessage {
    /// What it is known by: sent again, it is the same message.
    pub id: MailId,
    /// To whom.
    pub to: EmailAddress,
    /// One line.
    pub subject: String,
    /// The message.
    pub text: String,
    /// The same message in HTML.
    pub html: Option<String>,
}

/// What sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a message to the mail server, which has taken it when this returns.
    async fn send(&self, message: &MailMessage) -> Result<(), MailError>;

    /// Greets the mail server, with our name and password if it asks for them, and sends nothing.
    async fn reach(&self) -> Result<(), MailError>;

    /// Whether there is a mail server to hand messages to.
    fn is_configured(&self) -> bool;
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// There is no mail server in the configuration.
    #[error("no mail server is configured")]
    NotConfigured,
    /// The message has something that no mail may have.
    #[error("the message cannot be sent: {0}")]
    Message(&'static str),
    /// The configuration of the mail server makes no sense.
    #[error("the mail server's configuration cannot be used: {0}")]
    Configuration(&'static str),
    /// The mail server cannot be reached, or did not take the message, but may take it later.
    #[error("the mail server does not take messages at the moment: {0}")]
    Later(Reply),
    /// The mail server does not take our name and password. The message is not at fault: it may be taken when the
    /// configuration was mended.
    #[error("the mail server does not let this server in: {0}")]
    NotLetIn(Reply),
    /// The mail server refused the message.
    #[error("the mail server refused the message: {0}")]
    Refused(Reply),
}

impl MailError {
    /// Whether the same message may be taken at another time.
    #[must_use]
    pub const fn passes(&self) -> bool {
        match self {
            Self::Later(_) | Self::NotLetIn(_) | Self::NotConfigured => true,
            Self::Refused(_) | Self::Message(_) | Self::Configuration(_) => false,
        }
    }
}

/// The absence of a mail server.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMail;

#[async_trait]
impl Mailer for NoMail {
    async fn send(&self, _message: &MailMessage) -> Result<(), MailError> {
        Err(MailError::NotConfigured)
    }

    async fn reach(&self) -> Result<(), MailError> {
        Err(MailError::NotConfigured)
    }

    fn is_configured(&self) -> bool {
        false
    }
}

impl fmt::Debug for MailMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MailMessage")
            .field("id", &self.id)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_mail_server_nothing_is_sent_and_that_is_said() {
        assert!(!NoMail.is_configured());
        let message = MailMessage {
            id: MailId::from_uuid(uuid::Uuid::nil()),
            to: "ada@example.org".parse().unwrap(),
            subject: "Hello".to_owned(),
            text: String::new(),
            html: None,
        };
        let sent = NoMail.send(&message).await;
        assert!(matches!(sent, Err(MailError::NotConfigured)));
    }
}
