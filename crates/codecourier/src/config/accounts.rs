//! How people get in, from the settings about accounts and mail.

use std::sync::Arc;

use codecourier_engine::AccountsConfig;
use codecourier_engine::access::SignUpPolicy;
use codecourier_identity::mail::{Mailer, NoMail, Smtp, SmtpConfig};
use codecourier_identity::{mail, mail::SmtpSecurity as Protection};

use super::Config;
use super::value::{SignUp, SmtpSecurity};
use crate::problem::Problem;

/// The sender's name where none is set.
const SENDER: &str = "CodeCourier";

impl Config {
    /// How people get in. Reads the mail server's password.
    pub(crate) fn accounts(&self) -> Result<AccountsConfig, Problem> {
        let settings = &self.settings;
        let public_url = match &settings.public_url {
            Some(url) => url.as_str().to_owned(),
            None if settings.tls_certificate.is_some() => format!("https://{}", settings.listen.as_str()),
            None => format!("http://{}", settings.listen.as_str()),
        };
        Ok(AccountsConfig {
            sign_up: match settings.sign_up {
                SignUp::Open => SignUpPolicy::Open,
                SignUp::Invitation => SignUpPolicy::Invitation,
                SignUp::Closed => SignUpPolicy::Closed,
            },
            mailer: self.mailer()?,
            public_url,
            ..AccountsConfig::default()
        })
    }

    /// The mail server. Reads its password.
    pub(crate) fn mailer(&self) -> Result<Arc<dyn Mailer>, Problem> {
        let settings = &self.settings;
        let Some(host) = &settings.smtp_host else {
            return Ok(Arc::new(NoMail));
        };
        let unset =
            || Problem::usage("`smtp.host` is set, but `smtp.from` is not. Set the address that mails come from.");
        let (from_name, from) = sender(settings.smtp_from.as_deref().ok_or_else(unset)?)?;
        let credentials = match (&settings.smtp_user, &settings.smtp_password) {
            (Some(user), Some(password)) => Some((user.clone(), password.read()?.expose().to_owned().into())),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(Problem::usage("Set both `smtp.user` and `smtp.password`, or neither."));
            }
        };
        let smtp = Smtp::new(&SmtpConfig {
            host: host.clone(),
            port: Some(settings.smtp_port.get() as u16),
            security: match settings.smtp_security {
                SmtpSecurity::StartTls => Protection::StartTls,
                SmtpSecurity::Tls => Protection::Tls,
                SmtpSecurity::None => Protection::Plain,
            },
            credentials,
            trusted_pem: None,
            from,
            from_name,
        });
        let smtp =
            smtp.map_err(|error: mail::MailError| Problem::usage(format!("The settings of `smtp`: {error}.")))?;
        Ok(Arc::new(smtp))
    }
}

/// The name and the address in `Name <address>`, or an address alone.
fn sender(text: &str) -> Result<(String, codecourier_domain::email::EmailAddress), Problem> {
    let (name, address) = match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"'), address),
        None => (SENDER, text),
    };
    let address = address
        .parse()
        .map_err(|_| Problem::usage("`smtp.from` is no address, and not `Name <address>` either."))?;
    Ok((if name.is_empty() { SENDER } else { name }.to_owned(), address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_a_name_or_gets_one() {
        let is = |text: &str| sender(text).map(|(name, address)| format!("{name}|{address}")).ok();
        assert_eq!(is("Courier <c@example.org>").as_deref(), Some("Courier|c@example.org"));
        assert_eq!(is("\"A, B\" <C@example.org>").as_deref(), Some("A, B|c@example.org"));
        assert_eq!(is("c@example.org").as_deref(), Some("CodeCourier|c@example.org"));
        assert_eq!(is("<c@example.org>").as_deref(), Some("CodeCourier|c@example.org"));
        assert_eq!(is("Courier"), None);
        assert_eq!(is("Courier <c@example.org> x"), None);
    }
}
