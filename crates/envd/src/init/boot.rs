//! Starting to serve, and the one way to stop: the shim lets go.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::rc::Rc;

use rustix::process::{Resource, Rlimit};
use tokio::io::Interest;
use tokio::net::UnixListener;
use tokio::task::LocalSet;

use super::process::{OutOfMemory, Reaped, Registry, prepare_journal_directory, reap_for_ever};
use super::reserve::Reserve;
use super::server::accept_for_ever;
use super::{InitConfig, Server, metrics, sys, tasks};

/// Serves until the control descriptor reports end of file, then exits, which ends every process of the namespace.
///
/// The calling process must have one thread and must never have started an async runtime. Pid 1 should keep
/// `CAP_KILL`, `CAP_SYS_PTRACE` (to recognise escaped processes by their environment) and what
/// [`super::CHILD_CAPABILITIES`] lists; children get only what the configuration says.
pub(crate) fn run(config: InitConfig) -> ! {
    let code = match serve(config) {
        Ok(()) => 0,
        Err(error) => {
            // The shim's log is all there is to tell it to.
            let _ = writeln!(io::stderr().lock(), "envd: cannot serve: {error}");
            1
        }
    };
    std::process::exit(code)
}

fn serve(config: InitConfig) -> io::Result<()> {
    raise_descriptor_limit();
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // Not as pid 1 orphans come to us as well; where they come anyway, this changes nothing.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    prepare_journal_directory(&config.journal_directory)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, serve_requests(config))
}

async fn serve_requests(config: InitConfig) -> io::Result<()> {
    config.listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(config.listener)?;
    let server = Rc::new(Server {
        default_user: config.default_user,
        working_directory: config.working_directory,
        environment: config.environment,
        platform_environment: config.platform_environment,
        access_token: config.access_token.filter(|token| !token.is_empty()),
        journal_directory: config.journal_directory,
        confinement: config.confinement,
        scope: config.scope,
        processes: Rc::new(Registry::default()),
        reaped: Reaped::default(),
        out_of_memory: OutOfMemory::new(config.memory_events),
        meter: metrics::Meter::default(),
        reserve: Reserve::default(),
    });
    tasks::spawn(accept_for_ever(Rc::clone(&server), listener));
    tokio::select! {
        reaper = reap_for_ever(server) => reaper,
        ended = until_released(config.control) => ended.map(|never| match never {}),
    }
}

/// Waits for the end of file of the control descriptor, and reports it as the error it is for this process.
async fn until_released(control: Option<OwnedFd>) -> io::Result<Infallible> {
    let Some(control) = control else {
        return std::future::pending().await;
    };
    rustix::io::ioctl_fionbio(&control, true)?;
    let control = sys::watch_descriptor(control)?;
    let mut ignored = [0_u8; 64];
    loop {
        let read = control
            .async_io(Interest::READABLE, |control| {
                Ok(rustix::io::read(control.as_fd(), &mut ignored)?)
            })
            .await?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the shim is gone"));
        }
    }
}

/// Connections, processes and files must not run into the soft limit that interactive shells are given.
fn raise_descriptor_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    // Without the right to raise it, the limit is what it is; every use of a descriptor can fail anyway.
    let _ = rustix::process::setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}
