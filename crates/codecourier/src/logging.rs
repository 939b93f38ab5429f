//! The log: into `codecourier.log` in the data directory, or to standard error for the server and for commands that have
//! no data directory.
//!
//! Invariant: known secrets and whatever looks like one are taken out of each line before it is written, and of what a
//! panic says too, which would go to standard error as it is.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::panic::PanicHookInfo;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::value::LogFormat;
use crate::config::{Config, Secrets};
use crate::problem::Problem;
use crate::telemetry;

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
    /// To standard error, in the format that is configured: for a service manager to keep.
    Service,
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
        Target::Service => (Box::new(io::stderr()), DEFAULT_FILTER),
    };
    let filter = config.settings.log_filter.as_deref().unwrap_or(fallback);
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Problem::usage(format!("The log's filter cannot be read: {error}")).with_remedy("Try CODECOURIER_LOG=debug.")
    })?;
    let is_json = match (&target, config.settings.log_format) {
        (Target::Service, LogFormat::Json) => true,
        (Target::Service, LogFormat::Automatic) => !io::stderr().is_terminal(),
        (Target::Service, LogFormat::Text) | (Target::File(_) | Target::StandardError, _) => false,
    };
    let writer = Redacting {
        out: Arc::new(Mutex::new(out)),
        secrets: config.secrets.clone(),
    };
    let traces = match target {
        Target::Service => telemetry::layer(config)?,
        Target::File(_) | Target::StandardError => None,
    };
    let log = tracing_subscriber::registry().with(filter).with(traces);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer);
    let started = if is_json {
        log.with(lines.json().flatten_event(true).with_current_span(false))
            .try_init()
    } else {
        log.with(lines).try_init()
    };
    // A second start in one process is a test's; the first log stays.
    drop(started);
    let also_to_standard_error = matches!(target, Target::File(_)).then(|| config.secrets.clone());
    std::panic::set_hook(Box::new(move |panic| log_panic(panic, also_to_standard_error.as_ref())));
    Ok(())
}

/// Logs a panic. With secrets to leave out, it is told on standard error too, where nobody sees the log.
fn log_panic(panic: &PanicHookInfo<'_>, on_standard_error: Option<&Secrets>) {
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    let words = panic.payload_as_str().unwrap_or("of no words");
    tracing::error!(at, "the program is at fault: {words}");
    if let Some(secrets) = on_standard_error {
        let line = redact(&format!("codecourier is at fault at {at}: {words}\n"), secrets);
        // There is nowhere else to say that this failed too.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// Writes lines without secrets.
#[derive(Clone)]
struct Redacting {
    out: Arc<Mutex<Box<dyn Write + Send>>>,
    secrets: Secrets,
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
const TELLTALES: [&str; 14] = [
    "sk-",
    "cc_step_",
    "cc_live_",
    "ccs_",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "whsec_",
    "xoxb-",
    "Bearer ",
    "Basic ",
    "eyJ",
];

/// The text with secrets replaced.
fn redact(text: &str, secrets: &Secrets) -> String {
    let mut text = text.to_owned();
    for secret in secrets.texts().iter().filter(|secret| secret.len() >= 6) {
        text = text.replace(secret, "[redacted]");
    }
    for telltale in TELLTALES {
        if !text.contains(telltale) {
            continue;
        }
        let mut rest = text.as_str();
        let mut clean = String::with_capacity(text.len());
        while let Some(found) = rest.find(telltale) {
            let is_word = rest[..found]
                .chars()
                .next_back()
                .is_none_or(|before| !before.is_ascii_alphanumeric());
            let secret = &rest[found + telltale.len()..];
            let length = secret
                .find(|character: char| !(character.is_ascii_alphanumeric() || "-_.=+/~".contains(character)))
                .unwrap_or(secret.len());
            clean.push_str(&rest[..found + telltale.len()]);
            if length > 0 && is_word {
                clean.push_str("[redacted]");
            } else {
                clean.push_str(&secret[..length]);
            }
            rest = &secret[length..];
        }
        clean.push_str(rest);
        text = clean;
    }
    without_credentials_in_urls(text)
}

/// The text with the credentials of `scheme://user:password@host` replaced.
fn without_credentials_in_urls(text: String) -> String {
    let mut rest = text.as_str();
    let mut clean = String::new();
    while let Some(found) = rest.find("://") {
        let (before, after) = rest.split_at(found + 3);
        let end = after
            .find(|character: char| character.is_whitespace() || "/?#\"'<>`".contains(character))
            .unwrap_or(after.len());
        clean.push_str(before);
        rest = match after[..end].rfind('@') {
            Some(at) if after[..at].contains(':') => {
                clean.push_str("[redacted]");
                &after[at..]
            }
            _ => after,
        };
    }
    if clean.is_empty() {
        return text;
    }
    clean.push_str(rest);
    clean
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
            "key [redacted], sk-[redacted] and cc_step_[redacted], `Authorization: Bearer [redacted]`; done"
        );
        for plain in ["nothing here", "task-sk-x risk-free", "see https://host/a@b"] {
            assert_eq!(redact(plain, &secrets), plain);
        }
    }

    #[test]
    fn a_panic_is_logged_without_the_secrets_in_its_words() {
        #[derive(Clone, Default)]
        struct Kept(Arc<Mutex<Vec<u8>>>);
        impl Write for Kept {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let kept = Kept::default();
        let writer = Redacting {
            out: Arc::new(Mutex::new(Box::new(kept.clone()))),
            secrets: Secrets::of(&["canary-known"]),
        };
        let log = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer().json().with_writer(writer));
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(|panic| log_panic(panic, None)));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            tracing::subscriber::with_default(log, || panic!("no room for canary-known, cc_live_canaryAAAA or {}", 7));
        }));
        std::panic::set_hook(before);
        assert!(panicked.is_err());
        let logged = String::from_utf8(kept.0.lock().clone()).unwrap();
        assert!(
            logged.contains("no room for [redacted], cc_live_[redacted] or 7") && logged.contains("logging.rs"),
            "{logged}"
        );
        assert!(!logged.contains("canary"), "{logged}");
    }

    #[test]
    fn credentials_are_taken_out_of_urls_tokens_and_json() {
        let secrets = Secrets::of(&["with \"quotes\" inside"]);
        for (line, clean) in [
            (
                "postgres://me:hunter2@db/x and more",
                "postgres://[redacted]@db/x and more",
            ),
            (
                "git@host https://a:b@c d://e:f@g",
                "git@host https://[redacted]@c d://[redacted]@g",
            ),
            (r#"{"m":"with \"quotes\" inside"}"#, r#"{"m":"[redacted]"}"#),
            ("ccs_abc, eyJhbGciOi.J9.x-_y", "ccs_[redacted], eyJ[redacted]"),
        ] {
            assert_eq!(redact(line, &secrets), clean);
        }
    }
}
