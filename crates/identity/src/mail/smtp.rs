//! The mail server behind the [`Mailer`].
//!
//! Made by the binary from its configuration.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use codecourier_domain::email::EmailAddress;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::{AsyncSmtpTransport, Error as SmtpError, PoolConfig};
use lettre::{Address, AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};

use super::{MailError, MailMessage, Mailer, Reply};

/// A mail server that says nothing for longer is given up.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Connections to the mail server that are kept.
const CONNECTIONS: u32 = 2;
/// The most characters of a subject.
const MOST_SUBJECT_CHARACTERS: usize = 200;
/// What a mail server says that wants another name, another password or TLS before it takes anything.
const NOT_LET_IN: [u16; 5] = [530, 534, 535, 538, 454];

/// How to reach a mail server.
#[derive(Clone)]
pub struct SmtpConfig {
    /// Its name.
    pub host: String,
    /// Its port; the usual one for the security if `None`.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// The name and password it asks for.
    pub credentials: Option<(String, SecretString)>,
    /// Certificates in PEM form to be trusted besides the system's, for servers of one's own.
    pub trusted_pem: Option<Vec<u8>>,
    /// The address that messages come from.
    pub from: EmailAddress,
    /// The name that messages come from.
    pub from_name: String,
}

/// How the connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (port 465).
    Tls,
    /// TLS after a greeting, or no mail (port 587).
    StartTls,
    /// None, for a server on the same machine (port 25). No password is sent over it.
    Plain,
}

/// A mail server.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// The mail server of a configuration. Connects at the first message.
    pub fn new(config: &SmtpConfig) -> Result<Self, MailError> {
        let SmtpConfig {
            host,
            port,
            security,
            credentials,
            trusted_pem,
            from,
            from_name,
        } = config;
        let mut parameters = TlsParameters::builder(host.clone());
        if let Some(pem) = trusted_pem {
            let certificates = Certificate::from_pem(pem);
            let certificates = certificates.map_err(|_| MailError::Configuration("the certificate is no PEM"))?;
            parameters = parameters.add_root_certificate(certificates);
        }
        let tls = || {
            let parameters = parameters.build();
            parameters.map_err(|_| MailError::Configuration("the name of the server or the certificate"))
        };
        let (tls, usual_port) = match security {
            SmtpSecurity::Tls => (Tls::Wrapper(tls()?), 465),
            SmtpSecurity::StartTls => (Tls::Required(tls()?), 587),
            SmtpSecurity::Plain => (Tls::None, 25),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.clone())
            .port(port.unwrap_or(usual_port))
            .tls(tls)
            .timeout(Some(TIMEOUT))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS));
        if let Some((name, password)) = credentials {
            if *security == SmtpSecurity::Plain {
                return Err(MailError::Configuration("a password is not sent without TLS"));
            }
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(name.clone(), password));
        }
        if !is_one_line(from_name) {
            return Err(MailError::Configuration("the name of the sender is no single line"));
        }
        let name = Some(from_name.trim().to_owned()).filter(|name| !name.is_empty());
        Ok(Self {
            transport: builder.build(),
            from: Mailbox::new(name, address(from)?),
        })
    }

    fn compose(&self, message: &MailMessage) -> Result<Message, MailError> {
        let MailMessage {
            id,
            to,
            subject,
            text,
            html,
        } = message;
        if !is_one_line(subject) || subject.chars().count() > MOST_SUBJECT_CHARACTERS {
            return Err(MailError::Message("its subject is no short line"));
        }
        let builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, address(to)?))
            .subject(subject.as_str())
            // The same whenever the same mail is sent, so that mailboxes know it again. Of the sender's domain: the name
            // of this machine concerns nobody.
            .message_id(Some(format!("<{}@{}>", id.uuid().simple(), self.from.email.domain())))
            .header(AutoSubmitted);
        let plain = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text.clone());
        let composed = match html {
            None => builder.singlepart(plain),
            Some(html) => {
                let html = SinglePart::builder().header(ContentType::TEXT_HTML).body(html.clone());
                builder.multipart(MultiPart::alternative().singlepart(plain).singlepart(html))
            }
        };
        composed.map_err(|_| MailError::Message("it has no sender or recipient"))
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, message: &MailMessage) -> Result<(), MailError> {
        let composed = self.compose(message)?;
        match self.transport.send(composed).await {
            Ok(_) => Ok(()),
            Err(error) => Err(told(&error, Some(&message.to))),
        }
    }

    async fn reach(&self) -> Result<(), MailError> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(MailError::Later(Reply::new(None, "it says nothing after its greeting"))),
            Err(error) => Err(told(&error, None)),
        }
    }

    fn is_configured(&self) -> bool {
        true
    }
}

impl fmt::Debug for SmtpConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SmtpConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Smtp(…)")
    }
}

/// What a failure to send, or to get as far, means.
fn told(error: &SmtpError, to: Option<&EmailAddress>) -> MailError {
    let mut said = std::iter::successors(std::error::Error::source(error), |error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    said.dedup();
    let code = error.status().map(u16::from);
    let reply = Reply::new(
        code,
        &if said.is_empty() {
            error.to_string()
        } else {
            said.join(": ")
        },
    );
    if code.is_some_and(|code| NOT_LET_IN.contains(&code)) {
        return MailError::NotLetIn(reply);
    }
    // A server that does not understand letters beyond ASCII will not learn them by waiting.
    if error.is_permanent() || error.is_client() && to.is_some_and(|to| !to.as_str().is_ascii()) {
        MailError::Refused(reply)
    } else {
        MailError::Later(reply)
    }
}

/// No person wrote it, so nobody's absence is to be answered to it (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

fn address(email: &EmailAddress) -> Result<Address, MailError> {
    email
        .as_str()
        .parse()
        .map_err(|_| MailError::Message("an address that mail servers do not understand"))
}

/// Whether a header may hold it: no control character ends or splits the line.
fn is_one_line(text: &str) -> bool {
    !text
        .chars()
        .any(|character| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use codecourier_domain::id::MailId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn config() -> SmtpConfig {
        SmtpConfig {
            host: "mail.example.org".to_owned(),
            port: None,
            security: SmtpSecurity::StartTls,
            credentials: Some(("courier".to_owned(), SecretString::from("hush-hush"))),
            trusted_pem: None,
            from: "courier@example.org".parse().unwrap(),
            from_name: "CodeCourier".to_owned(),
        }
    }

    fn message(subject: &str, text: &str) -> MailMessage {
        MailMessage {
            id: MailId::from_uuid(Uuid::from_u128(7)),
            to: "ada@example.org".parse().unwrap(),
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: None,
        }
    }

    /// The header lines of a composed message, unfolded.
    fn headers(composed: &Message) -> Vec<String> {
        let text = String::from_utf8(composed.formatted()).unwrap();
        let head = text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn passwords_are_not_sent_in_the_open_and_nonsense_is_refused() {
        let refused = |change: fn(&mut SmtpConfig)| {
            let mut config = config();
            change(&mut config);
            matches!(Smtp::new(&config), Err(MailError::Configuration(_)))
        };
        assert!(refused(|config| config.security = SmtpSecurity::Plain));
        assert!(refused(
            |config| config.from_name = "Courier\r\nBcc: eve@example.org".to_owned()
        ));
        assert!(refused(
            |config| config.trusted_pem = Some(b"-----BEGIN CERTIFICATE-----\nx".to_vec())
        ));
        assert!(!refused(|_| {}));
        assert!(!format!("{:?}", config()).contains("hush"));
    }

    #[tokio::test]
    async fn a_message_has_a_text_and_one_html_form_and_its_debug_text_neither() {
        let smtp = Smtp::new(&config()).unwrap();
        let mut message = message("Grüße", "open https://example.org/#token=cco_secret\n");
        assert!(!format!("{message:?}").contains("cco_secret"));
        let plain = smtp.compose(&message).unwrap();
        assert!(
            headers(&plain)
                .iter()
                .any(|line| line.starts_with("Content-Type: text/plain"))
        );
        let again = smtp.compose(&message).unwrap();
        for composed in [&plain, &again] {
            let headers = headers(composed);
            let id = "Message-ID: <00000000000000000000000000000007@example.org>";
            assert!(headers.iter().any(|line| line == id), "{headers:?}");
            assert!(
                headers.iter().any(|line| line == "Auto-Submitted: auto-generated"),
                "{headers:?}"
            );
        }
        message.html = Some("<p>open</p>".to_owned());
        let both = String::from_utf8(smtp.compose(&message).unwrap().formatted()).unwrap();
        assert!(both.contains("multipart/alternative") && both.contains("text/html") && both.contains("text/plain"));
    }

    proptest! {
        #[test]
        fn no_subject_adds_a_header(subject in "[\\PC\\r\\n\\t\\x00-\\x1f]{0,40}", bcc in any::<bool>()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _inside = runtime.enter();
            let smtp = Smtp::new(&config()).unwrap();
            let subject = if bcc { format!("{subject}\r\nBcc: eve@example.org") } else { subject };
            let expected = headers(&smtp.compose(&message("Hello", "text")).unwrap()).len();
            match smtp.compose(&message(&subject, "text")) {
                Err(MailError::Message(_)) => prop_assert!(subject.chars().any(char::is_control)),
                Err(error) => prop_assert!(false, "{error}"),
                Ok(composed) => {
                    let found = headers(&composed);
                    prop_assert_eq!(found.len(), expected, "{:?}", found);
                    prop_assert!(!found.iter().any(|line| line.starts_with("Bcc")));
                }
            }
        }
    }
}
