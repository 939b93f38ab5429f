//! What pid 1 of a sandbox is told before it starts serving.
//!
//! Built by the shim in the child it cloned, or by `envd serve` for tests. Every descriptor in here
//! is owned: `init::run` closes it or keeps it, nobody else may use its number afterwards.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// The capabilities a child keeps when nothing else is said: CHOWN, `DAC_OVERRIDE`, FOWNER, FSETID, SETGID, SETUID,
/// SETPCAP, SETFCAP, `NET_BIND_SERVICE`, `SYS_CHROOT`, KILL.
pub(crate) const CHILD_CAPABILITIES: u64 = 0x8004_05fb;

/// Everything [`super::run`] needs.
#[derive(Debug)]
pub(crate) struct InitConfig {
    /// Where requests arrive: already bound and listening, made before the root was pivoted.
    pub(crate) listener: UnixListener,
    /// The other end is held by the shim. End of file here means: die, and every process with it.
    pub(crate) control: Option<OwnedFd>,
    /// Whom a process runs as when the request names nobody.
    pub(crate) default_user: DefaultUser,
    /// Where a process starts when the request says nothing; the home directory of its user if `None`.
    pub(crate) working_directory: Option<PathBuf>,
    /// Template variables, then the sandbox's own: later ones win; a request's variables win over both.
    pub(crate) environment: Vec<(String, String)>,
    /// Variables nobody can override (`E2B_SANDBOX` and friends).
    pub(crate) platform_environment: Vec<(String, String)>,
    /// If set, every request must carry it in `X-Access-Token` (or sign its `/files` address).
    pub(crate) access_token: Option<String>,
    /// Root-owned directory of the journals; made (and emptied) at start.
    pub(crate) journal_directory: PathBuf,
    /// `memory.events` (cgroup v2) or `memory.oom_control` (v1) of the sandbox, to tell an out-of-memory kill apart.
    pub(crate) memory_events: Option<OwnedFd>,
    /// What a child may not do that pid 1 may.
    pub(crate) confinement: Confinement,
    /// Which processes are ours to reap and to kill.
    pub(crate) scope: Scope,
}

/// The user of requests that name none. Used as written when the sandbox's `/etc/passwd` does not list the name.
#[derive(Debug, Clone)]
pub(crate) struct DefaultUser {
    /// Login name.
    pub(crate) name: String,
    /// User id inside the sandbox.
    pub(crate) uid: u32,
    /// Group id inside the sandbox.
    pub(crate) gid: u32,
    /// Home directory.
    pub(crate) home: PathBuf,
}

/// Applied in every child between fork and exec.
#[derive(Debug, Clone)]
pub(crate) struct Confinement {
    /// A seccomp program; `None` inherits whatever pid 1 has.
    pub(crate) seccomp: Option<seccompiler::BpfProgram>,
    /// Bounding set (and, for a child of uid 0, the permitted and effective sets); `None` leaves them alone.
    pub(crate) capabilities: Option<u64>,
    /// Whether set-user-id programs may raise privileges.
    pub(crate) privileges: Privileges,
    /// Soft and hard limit of open files.
    pub(crate) open_files: u64,
}

/// Whether a child may gain privileges by exec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privileges {
    /// `no_new_privs` is set: `sudo` does not work.
    Fixed,
    /// `sudo` works. The filter is then loaded before the capabilities are dropped, which needs `CAP_SYS_ADMIN`.
    MayRise,
}

/// Which processes belong to this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// We are pid 1: everything in the pid namespace.
    PidNamespace,
    /// We are an ordinary process (`envd serve`): our descendants, as far as they can be found.
    Descendants,
}
