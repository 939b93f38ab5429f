//! Pid 1 of a sandbox: reaper, process server, files, journals.
//!
//! Called by the shim in the child it cloned (after namespaces, mounts and `pivot_root`), and by `envd serve` on a plain
//! host for tests of the protocol. One thread, ever: forking is then safe and nothing needs a lock.

mod boot;
mod clock;
mod config;
mod files;
mod metrics;
mod process;
mod reserve;
pub(crate) mod serve;
mod server;
mod sys;
mod tasks;
mod users;

use std::path::PathBuf;
use std::rc::Rc;

use codecourier_e2b::{Code, ConnectError};

pub(crate) use boot::run;
pub(crate) use config::{CHILD_CAPABILITIES, Confinement, DefaultUser, InitConfig, Privileges, Scope};

/// Everything a request may need, shared by all tasks of the one thread.
#[derive(Debug)]
struct Server {
    default_user: DefaultUser,
    working_directory: Option<PathBuf>,
    environment: Vec<(String, String)>,
    platform_environment: Vec<(String, String)>,
    access_token: Option<String>,
    journal_directory: PathBuf,
    confinement: Confinement,
    scope: Scope,
    processes: Rc<process::Registry>,
    reaped: process::Reaped,
    out_of_memory: process::OutOfMemory,
    meter: metrics::Meter,
    reserve: reserve::Reserve,
}

impl Server {
    /// The user of that name, or the default one.
    fn find_user(&self, name: Option<&str>) -> Result<users::Identity, ConnectError> {
        users::find_user(name, &self.default_user).ok_or_else(|| {
            let name = name.unwrap_or(&self.default_user.name);
            ConnectError::new(Code::Unauthenticated, format!("invalid username: '{name}'"))
        })
    }
}
