//! The log: into `codecourier.log` in the data directory, or to standard error for commands that have none.
//!
//! Invariant: known secrets and whatever looks like one are taken out of each line before it is written.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Config, Secrets};
use crate::problem::Problem;

/// A log above this size is put aside when the next command starts.
const LARGE: u64 = 16 << 20;
/// What the log holds when nobody says.
const DEFAULT_FILTER: &str = "info,sqlx=warn,hyper=warn,reqwest=warn";

/// Where the log goes.
pub(crate) enum Target<'a> {
    /// Into a file; one that has grown large is put aside first.
    File(&'a Path),
    /// To standard error: warnings only, unless the environment asks for more.
    StandardError,
}

/// Starts logging.
pub(crate) fn start(config: &Config, target: Target<'_>) -> Result<(), Problem> {
    let (out, fallback): (Box<dyn Write + Send>, _) = match target {
        Target::File(path) => {
            if std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > LARGE) {
                let _ = std::fs::rename(path, path.with_extension("log.1"));
            }
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(0o600)
                .open(path)
                .map_err(|error| Problem::file("open the log", path, &error))?;
            (Box::new(file), DEFAULT_FILTER)
        }
        Target::StandardError => (Box::new(io::stderr()), "warn,codecourier_engine=error"),
    };
    let filter = config.log_filter.as_deref().unwrap_or(fallback);
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Problem::usage(format!("CODECOURIER_LOG cannot be read: {error}")).with_remedy("Try CODECOURIER_LOG=debug.")
    })?;
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Redacting {
            out: Arc::new(Mutex::new(out)),
            secrets: Arc::new(config.secrets.clone()),
        })
        .try_init();
    // A second start in one process is a test's; the first log stays.
    drop(started);
    Ok(())
}

/// Writes lines without secrets.
#[derive(Clone)]
struct Redacting {
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    secrets: Arc<Secrets>,
}

/// One log line on its way.
struct Line {
    to: Redacting,
    bytes: Vec<u8>,
}

impl<'writer> MakeWriter<'writer> for Redacting {
    type Writer = Line;

    fn make_writer(&'writer self) -> Line {
        Line {
            to: self.clone(),
            bytes: Vec::new(),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = redact(&String::from_utf8_lossy(&self.bytes), &self.to.secrets);
        // A log that cannot be written is no reason to stop working.
        let _ = self.to.out.lock().write_all(text.as_bytes());
    }
}

/// Beginnings of texts that are secrets whatever follows.
const TELLTALES: [&str; 4] = ["sk-ant-", "cc_step_", "cc_live_", "Bearer "];

/// The text with secrets replaced.
fn redact(text: &str, secrets: &Secrets) -> String {
    let mut text = text.to_owned();
    for secret in secrets.texts().filter(|secret| secret.len() >= 6) {
        text = text.replace(secret, "[redacted]");
    }
    for telltale in TELLTALES {
        let mut rest = text.as_str();
        let mut clean = String::with_capacity(text.len());
        while let Some(found) = rest.find(telltale) {
            let secret = &rest[found + telltale.len()..];
            let length = secret
                .find(|character: char| !(character.is_ascii_alphanumeric() || "-_.=+/".contains(character)))
                .unwrap_or(secret.len());
            clean.push_str(&rest[..found + telltale.len()]);
            if length > 0 {
                clean.push_str("[redacted]");
            }
            rest = &secret[length..];
        }
        clean.push_str(rest);
        text = clean;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_reaches_the_log() {
        let secrets = Secrets::of(&["a-plain-secret"]);
        let line = "key a-plain-secret, sk-ant-api03-AbC_1 and cc_step_00ff, `Authorization: Bearer abc.def`; done";
        assert_eq!(
            redact(line, &secrets),
            "key [redacted], sk-ant-[redacted] and cc_step_[redacted], `Authorization: Bearer [redacted]`; done"
        );
        assert_eq!(redact("nothing here", &secrets), "nothing here");
    }
}
