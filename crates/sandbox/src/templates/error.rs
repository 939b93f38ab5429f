//! What can go wrong with a template, in words that tell a person what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::progress::Stage;

/// A failed operation on templates.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program that builds templates is not installed.
    #[error("`{tool}` is needed to build a template and is not installed. {advice}")]
    MissingTool {
        /// The program.
        tool: &'static str,
        /// How to get it.
        advice: &'static str,
    },
    /// An ordinary user without subordinate ids can't make files that belong to other ids.
    #[error("building a template as an ordinary user needs subordinate ids: {reason}. {advice}")]
    NoSubordinateIds {
        /// What was found missing.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// Part of the build failed.
    #[error("{0}")]
    Build(Box<BuildFailure>),
    /// What was downloaded is not what was pinned.
    #[error(
        "{package}: the download does not have the pinned checksum, so it was thrown away (expected {expected}, got {actual}). \
         If the version was changed on purpose, pin its new integrity; otherwise do not use this registry"
    )]
    Integrity {
        /// `name@version`.
        package: String,
        /// The pinned checksum.
        expected: String,
        /// That of the download.
        actual: String,
    },
    /// A downloaded archive holds what no package needs.
    #[error("{package}: the archive was refused: {path}: {reason}")]
    UnsafeArchive {
        /// `name@version`.
        package: String,
        /// The entry, as written in the archive.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The program does not say that it is the pinned version.
    #[error("`{command}` was pinned to version {expected} but says `{actual}`; the layer was thrown away. Log: {}", log.display())]
    Version {
        /// The program.
        command: String,
        /// The pinned version.
        expected: String,
        /// What it printed.
        actual: String,
        /// The whole build.
        log: PathBuf,
    },
    /// The template has a setup script, and the caller gave no sandbox backend to run it in.
    #[error("a template with a setup script must be built with a sandbox backend")]
    SetupScriptWithoutBackend,
    /// The sandbox in which the setup script ran failed.
    #[error("could not run the setup script in a sandbox")]
    SetupScriptSandbox(#[source] Box<crate::Error>),
    /// A layer's manifest can't be read.
    #[error("layer {}: {message}. Delete this directory; it is built again when it is needed", layer.display())]
    Damaged {
        /// Its directory.
        layer: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Reading or writing on the host failed.
    #[error("could not {operation} {}", path.display())]
    Host {
        /// What was done.
        operation: &'static str,
        /// To which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A stage of a build that failed.
#[derive(Debug, thiserror::Error)]
#[error(
    "building the template failed while {stage} ({detail}): {}\nlast lines:\n{}\nwhole log: {}",
    cause.advice(),
    tail.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n"),
    log.display()
)]
pub struct BuildFailure {
    /// Which stage.
    pub stage: Stage,
    /// Of what.
    pub detail: String,
    /// Why, as far as its output tells.
    pub cause: FailureCause,
    /// The last lines of output.
    pub tail: Vec<String>,
    /// The whole log, which is kept.
    pub log: PathBuf,
}

/// Why a tool failed, as far as its output tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureCause {
    /// A server could not be reached.
    NoNetwork,
    /// The disk is full.
    DiskFull,
    /// The package, or that version of it, is not there.
    NotFound,
    /// A signature or certificate was not accepted.
    NotTrusted,
    /// The system does not let this user do it.
    NotPermitted,
    /// Something else: read the log.
    Other,
}

impl Error {
    pub(super) fn host(operation: &'static str, path: impl AsRef<Path>, source: impl Into<io::Error>) -> Self {
        Self::Host {
            operation,
            path: path.as_ref().to_owned(),
            source: source.into(),
        }
    }
}

impl FailureCause {
    /// The cause that these lines speak of.
    pub(super) fn read(lines: &[String]) -> Self {
        const SIGNS: [(FailureCause, &[&str]); 5] = [
            (
                FailureCause::DiskFull,
                &["No space left on device", "ENOSPC", "Disk quota exceeded"],
            ),
            (
                FailureCause::NoNetwork,
                &[
                    "Could not resolve",
                    "Temporary failure resolving",
                    "Could not connect",
                    "Unable to connect",
                    "Connection timed out",
                    "Connection refused",
                    "Network is unreachable",
                    "ENOTFOUND",
                    "EAI_AGAIN",
                    "ECONNREFUSED",
                    "ECONNRESET",
                    "ETIMEDOUT",
                ],
            ),
            (
                FailureCause::NotTrusted,
                &[
                    "NO_PUBKEY",
                    "is not signed",
                    "EXPKEYSIG",
                    "certificate",
                    "SELF_SIGNED_CERT",
                ],
            ),
            (
                FailureCause::NotFound,
                &[
                    "Unable to locate package",
                    "E404",
                    "ETARGET",
                    "notarget",
                    "does not have a Release file",
                ],
            ),
            (
                FailureCause::NotPermitted,
                &["Operation not permitted", "Permission denied", "EACCES"],
            ),
        ];
        let says = |sign: &str| lines.iter().any(|line| line.contains(sign));
        SIGNS
            .iter()
            .find(|(_, signs)| signs.iter().any(|sign| says(sign)))
            .map_or(Self::Other, |(cause, _)| *cause)
    }

    /// What to do.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            Self::NoNetwork => {
                "a server could not be reached. Check this host's network, proxy and package sources, then try again"
            }
            Self::DiskFull => "the disk is full. Make room in the data directory, then try again",
            Self::NotFound => "the package or version does not exist in this host's package sources",
            Self::NotTrusted => {
                "a signature or certificate was not accepted. Check this host's clock, its certificates and its archive keys"
            }
            Self::NotPermitted => "the system does not allow it. `codecourier doctor` says what this user may do",
            Self::Other => "a tool failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(line: &str) -> FailureCause {
        FailureCause::read(&["some line before".to_owned(), line.to_owned()])
    }

    #[test]
    fn the_output_of_the_tools_tells_the_cause() {
        let cases = [
            (
                "W: Failed to fetch http://x/  Temporary failure resolving 'x'",
                FailureCause::NoNetwork,
            ),
            ("npm error code ENOTFOUND", FailureCause::NoNetwork),
            ("dpkg: error: write: No space left on device", FailureCause::DiskFull),
            ("npm error code ETARGET", FailureCause::NotFound),
            ("E: Unable to locate package nonesuch", FailureCause::NotFound),
            (
                "W: GPG error: http://x InRelease: NO_PUBKEY 0E98404D386FA1D9",
                FailureCause::NotTrusted,
            ),
            ("mount: /proc: Operation not permitted", FailureCause::NotPermitted),
            ("Segmentation fault", FailureCause::Other),
        ];
        for (line, expected) in cases {
            assert_eq!(cause(line), expected, "{line}");
        }
    }

    #[test]
    fn a_failure_names_stage_cause_last_lines_and_log() {
        let failure = BuildFailure {
            stage: Stage::DownloadingNpm,
            detail: "node@1".to_owned(),
            cause: FailureCause::NoNetwork,
            tail: vec!["npm error code ENOTFOUND".to_owned()],
            log: PathBuf::from("/data/layers/failed/x.log"),
        };
        let text = Error::Build(Box::new(failure)).to_string();
        for part in [
            "downloading from npm",
            "node@1",
            "Check this host's network",
            "  npm error code ENOTFOUND",
            "x.log",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
}
