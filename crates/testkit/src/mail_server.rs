//! The mail server `aiosmtpd` of `PyPI`, in a process of its own, which tells what arrives as a mail reader shows it.
//!
//! Invariant: it ends when its handle is dropped or the test process ends in whatever way, since it reads from a pipe
//! that only that process holds open.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

use codecourier_identity::mail::{SmtpConfig, SmtpSecurity};
use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::spawn;

/// Said when its packages are not there.
const MISSING: &str = "the mail server for tests is not installed: `cargo xtask setup` installs it";
/// The longest that a test waits for a message.
const DEADLINE: Duration = Duration::from_secs(30);

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// In the open.
    None,
    /// By TLS after a greeting, and not otherwise.
    Start,
    /// By TLS from the first byte.
    Implicit,
}

/// How a server is.
#[derive(Debug, Clone)]
pub struct MailServerOptions {
    /// How it is reached.
    pub tls: MailTls,
    /// The name and password that it asks for.
    pub credentials: Option<(String, String)>,
    /// Whether it understands addresses beyond ASCII.
    pub understands_utf8: bool,
}

impl Default for MailServerOptions {
    fn default() -> Self {
        Self {
            tls: MailTls::None,
            credentials: None,
            understands_utf8: true,
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct MailServer {
    options: MailServerOptions,
    port: u16,
    certificate: String,
    arrived: Mutex<UnboundedReceiver<String>>,
    process: Child,
    _input: ChildStdin,
    _directory: TempDir,
}

/// A message that arrived.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArrivedMail {
    /// The sender's address on the envelope.
    pub from: String,
    /// The recipients on the envelope.
    pub to: Vec<String>,
    /// The headers, decoded, with their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The plain text, decoded.
    pub text: String,
    /// The HTML, decoded.
    pub html: Option<String>,
    /// What is wrong with it, as Python's parser sees it.
    pub defects: Vec<String>,
    /// Whether it came by TLS.
    pub is_encrypted: bool,
    /// Whether its sender gave the name and the password.
    pub is_authenticated: bool,
}

impl ArrivedMail {
    /// The values of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&str> {
        let values = self.headers.iter().filter(|(known, _)| known == name);
        values.map(|(_, value)| value.as_str()).collect()
    }
}

impl MailServer {
    /// Starts one.
    ///
    /// # Panics
    /// When its packages are missing, or it does not start.
    #[must_use]
    pub fn start(options: MailServerOptions) -> Self {
        let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("mail-server");
        let python = home.join(".venv/bin/python");
        assert!(python.exists(), "{MISSING}");
        let directory = tempfile::tempdir().expect("a directory");
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let certificate = made.cert.pem();
        let (certificate_path, key_path) = (directory.path().join("server.pem"), directory.path().join("key.pem"));
        std::fs::write(&certificate_path, &certificate).expect("the certificate is written");
        std::fs::write(&key_path, made.signing_key.serialize_pem()).expect("the key is written");
        let mut process = spawn::command(python)
            .arg(home.join("server.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("python starts");
        let mut input = process.stdin.take().expect("the input was piped");
        let settings = json!({
            "tls": match options.tls {
                MailTls::None => "none",
                MailTls::Start => "start",
                MailTls::Implicit => "implicit",
            },
            "certificate": certificate_path,
            "key": key_path,
            "user": options.credentials.as_ref().map(|(user, _)| user),
            "password": options.credentials.as_ref().map(|(_, password)| password),
            "understandsUtf8": options.understands_utf8,
        });
        writeln!(input, "{settings}").expect("the server listens");
        let mut output = BufReader::new(process.stdout.take().expect("the output was piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the server says its port");
        let port = line.trim().parse().expect("a port");
        let (sender, arrived) = unbounded_channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            options,
            port,
            certificate,
            arrived: Mutex::new(arrived),
            process,
            _input: input,
            _directory: directory,
        }
    }

    /// How to reach it, with everything that it asks for.
    ///
    /// # Panics
    /// Never: the address is one.
    #[must_use]
    pub fn config(&self) -> SmtpConfig {
        SmtpConfig {
            host: "localhost".to_owned(),
            port: Some(self.port),
            security: match self.options.tls {
                MailTls::None => SmtpSecurity::Plain,
                MailTls::Start => SmtpSecurity::StartTls,
                MailTls::Implicit => SmtpSecurity::Tls,
            },
            credentials: self
                .options
                .credentials
                .clone()
                .map(|(user, password)| (user, password.into())),
            trusted_pem: Some(self.certificate.clone().into_bytes()),
            from: "courier@example.org".parse().expect("an address"),
            from_name: "CodeCourier, Zürich".to_owned(),
        }
    }

    /// The next message that arrives.
    ///
    /// # Panics
    /// When none comes before the deadline.
    pub async fn next(&self) -> ArrivedMail {
        let mut arrived = self.arrived.lock().await;
        let line = tokio::time::timeout(DEADLINE, arrived.recv()).await;
        let line = line.expect("a message before the deadline").expect("the server lives");
        serde_json::from_str(&line).expect("a message")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
