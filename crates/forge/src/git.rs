//! The Git program of this machine: where it is and what it gets from the server's environment.
//!
//! Invariants: it is an absolute path, found once; nothing but the named variables reaches it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Error;

/// Where Git is looked for after the search path.
const STANDARD_DIRECTORIES: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/bin", "/opt/homebrew/bin"];

/// Names that may be handed from the server's environment to Git, so that SSH agents, proxies and certificates work.
pub const GIT_VARIABLES: [&str; 8] = [
    "SSH_AUTH_SOCK",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// How to find and run Git. The binary's configuration fills it from the environment.
#[derive(Debug, Clone, Default)]
pub struct GitSettings {
    /// The program itself; looked up when absent.
    pub program: Option<PathBuf>,
    /// `PATH`, for the lookup. Relative entries are ignored.
    pub search_path: Option<OsString>,
    /// The SSH client for `ssh://` and `user@host:path`; `ssh` in the search path when absent.
    pub ssh_program: Option<PathBuf>,
    /// Variables for SSH agents, proxies and certificates. Other names are dropped.
    pub environment: Vec<(String, OsString)>,
}

/// The Git program and the environment it gets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Git {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) program: PathBuf,
    pub(crate) search_path: OsString,
    pub(crate) ssh_command: OsString,
    pub(crate) environment: Vec<(String, OsString)>,
}

impl Git {
    /// Finds Git by absolute path. Starts nothing.
    pub fn find(settings: GitSettings) -> Result<Self, Error> {
        let directories = directories(settings.search_path.as_deref());
        let program = match settings.program {
            Some(program) if program.is_absolute() && is_executable(&program) => program,
            Some(program) => {
                return Err(Error::GitMissing {
                    searched: vec![program],
                });
            }
            None => directories
                .iter()
                .map(|directory| directory.join("git"))
                .find(|program| is_executable(program))
                .ok_or_else(|| Error::GitMissing {
                    searched: directories.clone(),
                })?,
        };
        let ssh_program = settings.ssh_program.unwrap_or_else(|| PathBuf::from("ssh"));
        let environment = settings
            .environment
            .into_iter()
            .filter(|(name, _)| GIT_VARIABLES.contains(&name.as_str()))
            .collect();
        Ok(Self {
            inner: Arc::new(Inner {
                program,
                search_path: std::env::join_paths(&directories).unwrap_or_else(|_| OsString::from("/usr/bin:/bin")),
                ssh_command: ssh_command(&ssh_program),
                environment,
            }),
        })
    }

    /// The program's path.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.inner.program
    }

    /// What `git version` says, if it is new enough.
    pub async fn version(&self) -> Result<String, Error> {
        let operation = "say its version";
        let output = self.command(operation, Path::new("/")).arg("version").output().await?;
        let text = String::from_utf8_lossy(&output).trim().to_owned();
        let version = text.strip_prefix("git version ").unwrap_or(&text).to_owned();
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (2, 39) {
            return Err(Error::GitTooOld { found: version });
        }
        Ok(version)
    }
}

fn directories(search_path: Option<&OsStr>) -> Vec<PathBuf> {
    let mut directories: Vec<PathBuf> = Vec::new();
    let given = search_path.map(std::env::split_paths).into_iter().flatten();
    for directory in given.chain(STANDARD_DIRECTORIES.iter().map(PathBuf::from)) {
        if directory.is_absolute() && !directories.contains(&directory) {
            directories.push(directory);
        }
    }
    directories
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// The only text of this crate that a shell reads: a program from our own configuration, quoted, and fixed options.
/// `GIT_SSH` would take a program without options, and without them a dead host would hang for hours.
fn ssh_command(program: &Path) -> OsString {
    let mut command = OsString::from("'");
    for (index, part) in program.as_os_str().as_bytes().split(|byte| *byte == b'\'').enumerate() {
        if index > 0 {
            command.push("'\\''");
        }
        command.push(OsStr::from_bytes(part));
    }
    command.push(
        "' -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 \
         -o PermitLocalCommand=no -o ForwardAgent=no",
    );
    command
}
