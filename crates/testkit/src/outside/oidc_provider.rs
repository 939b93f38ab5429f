//! The certified provider `oidc-provider` of npm, in a process of its own, with accounts and keys that a test chooses.
//!
//! Invariant: it ends when its handle is dropped or the test process ends in whatever way, since it reads from a pipe
//! that only that process holds open.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::signing::SigningKey;
use crate::spawn;

/// Said when its packages are not there.
const MISSING: &str = "the OpenID provider for tests is not installed: `cargo xtask setup` installs it";

/// A running provider.
#[derive(Debug)]
pub struct OidcProvider {
    issuer: String,
    process: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

/// Whether the provider puts what it knows of a person into the ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimsAt {
    /// In the ID token, as Google does.
    IdToken,
    /// Only at the userinfo endpoint, as the specification has it.
    UserInfo,
}

/// The name that clients are registered by.
pub const CLIENT_ID: &str = "codecourier test";
/// Their secret, with much in it that must be encoded.
pub const CLIENT_SECRET: &str = "s3cret: with %, + and &, = too";

impl OidcProvider {
    /// Starts one whose people are `accounts` (from an account's name to its claims), and which sends them back to
    /// `return_to` only.
    ///
    /// # Panics
    /// When its packages are missing, or it does not start.
    #[must_use]
    pub fn start(keys: &[&SigningKey], accounts: &Value, return_to: &[&str], claims_at: ClaimsAt) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc-provider");
        assert!(directory.join("node_modules/oidc-provider").is_dir(), "{MISSING}");
        let mut process = spawn::command("node")
            .arg(directory.join("provider.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("node starts");
        let input = process.stdin.take().expect("the input was piped");
        let output = BufReader::new(process.stdout.take().expect("the output was piped"));
        let mut provider = Self {
            issuer: String::new(),
            process,
            pipes: Mutex::new((input, output)),
        };
        let algorithm = keys.first().map_or("RS256", |key| key.algorithm());
        let client = |id: &str, method: &str| {
            json!({
                "client_id": id,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": return_to,
                "token_endpoint_auth_method": method,
                "id_token_signed_response_alg": algorithm,
            })
        };
        let answer = provider.tell(&json!({
            "clients": [client(CLIENT_ID, "client_secret_basic"), client("another client", "client_secret_post")],
            "accounts": accounts,
            "conformIdTokenClaims": claims_at == ClaimsAt::UserInfo,
            "keys": written(keys),
        }));
        provider.issuer = answer["issuer"].as_str().expect("an issuer").to_owned();
        provider
    }

    /// Its issuer, which is also where it is.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Signs with other keys from now on, and publishes only these.
    pub fn rotate(&self, keys: &[&SigningKey]) {
        self.tell(&json!({ "keys": written(keys) }));
    }

    /// Says other things of its people from now on.
    pub fn set_accounts(&self, accounts: &Value) {
        self.tell(&json!({ "accounts": accounts }));
    }

    fn tell(&self, settings: &Value) -> Value {
        let mut pipes = self.pipes.lock();
        let (input, output) = &mut *pipes;
        writeln!(input, "{settings}").expect("the provider listens");
        let mut line = String::new();
        output.read_line(&mut line).expect("the provider answers");
        serde_json::from_str(&line).expect("the provider understands its settings")
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn written(keys: &[&SigningKey]) -> Value {
    let keys = keys.iter();
    keys.map(|key| json!({ "name": key.name(), "algorithm": key.algorithm(), "pkcs8": key.private() }))
        .collect()
}
