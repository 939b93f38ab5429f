//! What is mailed to people, and the sending of it in the background.
//!
//! Messages are plain text and short, so that the link shows whole and nobody has to trust a picture of a button.
//! Invariant: nothing that somebody else typed is in a message, or a stranger could write to people in our name.

use codecourier_domain::email::EmailAddress;
use codecourier_identity::mail::{MailError, MailMessage};
use std::time::Duration;

use super::Accounts;
use super::links::NewLink;
use crate::error::chain;

/// How long to wait before each further attempt at a mail server that does not take messages at the moment.
const WAITS: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(15), Duration::from_secs(60)];
/// How long a server that ends waits for a message that is on its way.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// A message before it is known where this server is found.
pub(super) struct Letter {
    to: EmailAddress,
    kind: Kind,
}

enum Kind {
    FinishSignUp(NewLink),
    AlreadyHasAccount,
    VerifyEmail(NewLink),
    MagicLink(NewLink),
    PasswordReset(NewLink),
    PasswordChanged,
}

impl Letter {
    pub(super) const fn finish_sign_up(to: EmailAddress, link: NewLink) -> Self {
        let kind = Kind::FinishSignUp(link);
        Self { to, kind }
    }

    pub(super) const fn already_has_account(to: EmailAddress) -> Self {
        let kind = Kind::AlreadyHasAccount;
        Self { to, kind }
    }

    pub(super) const fn verify_email(to: EmailAddress, link: NewLink) -> Self {
        let kind = Kind::VerifyEmail(link);
        Self { to, kind }
    }

    pub(super) const fn magic_link(to: EmailAddress, link: NewLink) -> Self {
        let kind = Kind::MagicLink(link);
        Self { to, kind }
    }

    pub(super) const fn password_reset(to: EmailAddress, link: NewLink) -> Self {
        let kind = Kind::PasswordReset(link);
        Self { to, kind }
    }

    pub(super) const fn password_changed(to: EmailAddress) -> Self {
        let kind = Kind::PasswordChanged;
        Self { to, kind }
    }

    fn write(&self, public_url: &str) -> MailMessage {
        let base = public_url.trim_end_matches('/');
        let (subject, text) = match &self.kind {
            Kind::FinishSignUp(link) => (
                "Finish your sign-up",
                with_link("to finish your sign-up and sign in", base, "verify-email", link),
            ),
            Kind::AlreadyHasAccount => (
                "You already have an account",
                format!(
                    "Somebody, probably you, tried to sign up with this address, which has an account already.\n\n\
                     Sign in, or ask for another password, at:\n\n{base}/sign-in\n\n\
                     If it was not you, there is nothing to do.\n"
                ),
            ),
            Kind::VerifyEmail(link) => (
                "Confirm your address",
                with_link("to confirm that this is your address", base, "verify-email", link),
            ),
            Kind::MagicLink(link) => ("Sign in", with_link("to sign in", base, "magic-link", link)),
            Kind::PasswordReset(link) => (
                "Set another password",
                with_link("to set another password", base, "password-reset", link),
            ),
            Kind::PasswordChanged => (
                "Your password was changed",
                format!(
                    "The password of your account was changed, and every other device was signed out.\n\n\
                     If it was not you, ask for another password at once, at:\n\n{base}/sign-in\n"
                ),
            ),
        };
        MailMessage {
            to: self.to.clone(),
            subject: format!("CodeCourier: {subject}"),
            text,
            html: None,
        }
    }
}

/// The token stands behind the `#`: browsers keep that part to themselves.
fn with_link(purpose: &str, base: &str, page: &str, link: &NewLink) -> String {
    let minutes = link.life / 60_000;
    let life = match minutes / 60 {
        0 | 1 => format!("{minutes} minutes"),
        hours => format!("{hours} hours"),
    };
    format!(
        "Follow this link {purpose}:\n\n{base}/{page}#token={}\n\n\
         It is good once, for {life}. If you did not ask for it, ignore this message.\n",
        link.token.expose()
    )
}

impl Accounts {
    /// Sends a message in the background. Without mail nothing is sent.
    pub(super) fn send(&self, letter: Letter) {
        let config = self.config();
        if !config.mailer.is_configured() {
            return;
        }
        let message = letter.write(&config.public_url);
        let (mailer, stop) = (config.mailer.clone(), self.engine.accounts.stop.clone());
        self.engine.tasks.spawn("mail", async move {
            let sending = async {
                let mut waits = WAITS.iter();
                loop {
                    match mailer.send(&message).await {
                        Ok(()) => return Ok(()),
                        Err(error) if error.passes() => match waits.next() {
                            Some(wait) => tokio::time::sleep(*wait).await,
                            None => return Err(error),
                        },
                        Err(error) => return Err(error),
                    }
                }
            };
            let ending = async {
                stop.cancelled().await;
                tokio::time::sleep(LAST_CHANCE).await;
            };
            // The subject says which message it was; to whom, and what it says, is nobody's who reads logs.
            let subject = message.subject.as_str();
            tokio::select! {
                sent = sending => report(subject, &sent),
                () = ending => tracing::warn!(subject, "a mail was given up: this server ends"),
            }
        });
    }
}

fn report(subject: &str, sent: &Result<(), MailError>) {
    match sent {
        Ok(()) => tracing::debug!(subject, "a mail was handed to the mail server"),
        Err(error) => tracing::error!(subject, error = chain(error), "a mail could not be sent"),
    }
}

#[cfg(test)]
mod tests {
    use codecourier_store::accounts::OneTimePurpose;

    use super::super::links::MAGIC_LINK_LIFE;
    use super::*;

    #[test]
    fn a_letter_has_the_link_whole_behind_the_fragment_and_how_long_it_is_good() {
        let link = NewLink::mint(OneTimePurpose::MagicLink, MAGIC_LINK_LIFE).unwrap();
        let token = link.token.expose().to_owned();
        let message =
            Letter::magic_link("ada@example.org".parse().unwrap(), link).write("https://courier.example.org/");
        let expected = format!("\n\nhttps://courier.example.org/magic-link#token={token}\n\n");
        assert!(message.text.contains(&expected), "{}", message.text);
        assert!(message.text.contains("15 minutes"), "{}", message.text);
        assert!(!message.subject.contains(&token));
    }
}
