//! Makes one sandbox: sockets, child, ids, groups, mounts, and the child's word that it is ready.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::group::{self, OpenGroup};
use super::inside::{self, Given, READY};
use super::launch::{Ids, LaunchSpec, name};
use super::stage::{self, Maker};
use super::sys::{self, Cloned};
use super::{Fallible, InStep, idmap, message};

/// A living sandbox, as the shim holds it.
pub(super) struct Running {
    /// The sandbox's directory on the host; works after the host's root was detached.
    pub(super) state: OwnedFd,
    /// Where the server asks.
    pub(super) requests: OwnedFd,
    /// Pid 1.
    pub(super) init: Pid,
    /// Pid 1 again.
    pub(super) init_descriptor: OwnedFd,
    /// Its end of file tells pid 1 to die.
    pub(super) control: OwnedFd,
    /// The listener made inside the network namespace.
    pub(super) gateway: Option<OwnedFd>,
    /// The control groups.
    pub(super) groups: Vec<OpenGroup>,
    /// When it is over, in milliseconds of the clock that also runs while the host sleeps.
    pub(super) deadline_ms: u64,
}

impl Running {
    /// Pid 1, as the host numbers it.
    pub(super) fn init_pid(&self) -> i32 {
        self.init.as_raw_nonzero().get()
    }
}

/// Makes the sandbox. On failure nothing of it lives.
pub(super) fn start(spec: &LaunchSpec) -> Fallible<Running> {
    let directory = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let state = rustix::fs::open(&spec.state, directory, Mode::empty()).in_step("open the sandbox's directory")?;
    // Sockets are bound by relative names, since the whole path may be longer than a socket address.
    rustix::process::chdir(&spec.state).in_step("enter the sandbox's directory")?;
    std::fs::write(name::SHIM_PID, std::process::id().to_string()).in_step("write the shim's pid")?;
    drop(std::fs::remove_file(name::ENVD));
    let listener = UnixListener::bind(name::ENVD).in_step("bind the daemon's socket")?;
    let requests = listen_for_requests()?;
    let groups = group::open_all(&spec.groups)?;
    let memory_events = group::memory_events(&groups);
    let append = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND | OFlags::CLOEXEC;
    let complaints = rustix::fs::open(name::COMPLAINTS, append, Mode::RUSR | Mode::WUSR).in_step("open the log")?;
    let (control, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .in_step("make the control socket")?;

    let as_root = matches!(spec.ids, Ids::Mapped { .. });
    if as_root {
        sys::unshare(rustix::thread::UnshareFlags::NEWNS).in_step("make the shim's mount namespace")?;
    }
    let namespaces =
        (libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNET | libc::CLONE_NEWUTS | libc::CLONE_NEWIPC)
            as u64;
    let deadline_ms = super::supervise::now_ms().saturating_add(spec.life_ms);
    let (init, init_descriptor) = match sys::clone_child(namespaces).in_step("make the namespaces")? {
        Cloned::Child => {
            drop(control);
            inside::become_first_process(
                spec,
                Given {
                    control: theirs,
                    listener,
                    memory_events,
                    complaints,
                },
            )
        }
        Cloned::Parent { pid, pidfd } => (pid, pidfd),
    };
    drop((theirs, listener, memory_events, complaints));
    let mut running = Running {
        state,
        requests,
        init,
        init_descriptor,
        control,
        gateway: None,
        groups,
        deadline_ms,
    };
    match finish(spec, &mut running) {
        Ok(()) => Ok(running),
        Err(failure) => {
            let _ = rustix::process::pidfd_send_signal(&running.init_descriptor, Signal::KILL);
            let waited = WaitId::PidFd(running.init_descriptor.as_fd());
            let _ = rustix::process::waitid(waited, WaitIdOptions::EXITED);
            Err(failure)
        }
    }
}

fn finish(spec: &LaunchSpec, running: &mut Running) -> Fallible<()> {
    idmap::write(running.init, &spec.ids)?;
    for group in &running.groups {
        group.join(running.init).in_step("join the control groups")?;
    }
    if let Ids::Mapped { base } = spec.ids {
        let namespace = idmap::namespace_of(running.init).in_step("open the user namespace")?;
        stage::make(
            spec,
            &Maker::Root {
                base,
                namespace: &namespace,
            },
        )?;
    }
    message::send(&running.control, b"go", None).in_step("release the child")?;
    let (said, descriptor) = message::receive(&running.control).in_step("wait for the child")?;
    if said == READY {
        running.gateway = descriptor;
        return Ok(());
    }
    match serde_json::from_slice::<(String, String)>(&said) {
        Ok((step, message)) => Err(message).in_step(&step),
        Err(_) => Err("pid 1 ended before it could serve").in_step("wait for the child"),
    }
}

fn listen_for_requests() -> Fallible<OwnedFd> {
    let step = "bind the control socket";
    drop(std::fs::remove_file(name::CONTROL));
    let socket = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )
    .in_step(step)?;
    let address = SocketAddrUnix::new(Path::new(name::CONTROL)).in_step(step)?;
    rustix::net::bind(&socket, &address).in_step(step)?;
    rustix::net::listen(&socket, 64).in_step(step)?;
    Ok(socket)
}
