//! The child that becomes pid 1: the sandbox's own mounts, its confinement, and then the daemon.
//!
//! The order matters: mounts, root, descriptors, limits, capabilities, death signal (every change of credentials clears
//! it), filter.

use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, unmount};
use rustix::process::{DumpableBehavior, Gid, Resource, Signal, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets, CpuSet, UnshareFlags};

use super::launch::{Ids, LaunchSpec};
use super::stage::{self, Maker};
use super::{Failure, Fallible, InStep, filter, message, sys};
use crate::init::{CHILD_CAPABILITIES, Confinement, DefaultUser, InitConfig, Privileges, Scope};

/// What the child says when it is about to serve.
pub(super) const READY: &[u8] = b"ready";

/// What the child gets from the shim, beside the spec.
pub(super) struct Given {
    /// Packets to and from the shim; its end of file means: die.
    pub(super) control: OwnedFd,
    /// The daemon's socket.
    pub(super) listener: UnixListener,
    /// Where pid 1 complains. A file of the host's that nothing else inside can reach.
    pub(super) complaints: OwnedFd,
    /// Counts kills for want of memory.
    pub(super) memory_events: Option<OwnedFd>,
}

/// Runs the child. It tells the shim what went wrong, if anything did.
pub(super) fn become_first_process(spec: &LaunchSpec, given: Given) -> ! {
    match prepare(spec, &given) {
        Ok(()) => crate::init::run(configuration(spec, given)),
        Err(Failure { step, message }) => {
            let text = serde_json::to_vec(&(step, message)).unwrap_or_default();
            drop(message::send(&given.control, &text, None));
            std::process::exit(1)
        }
    }
}

fn prepare(spec: &LaunchSpec, given: &Given) -> Fallible<()> {
    // What needs no mount is done while the shim mounts.
    rustix::process::setsid().in_step("start a session")?;
    sys::loopback_up().in_step("switch on the loopback device")?;
    let gateway = spec.gateway_port.map(listen).transpose()?;
    rustix::system::sethostname(spec.hostname.as_bytes()).in_step("set the host name")?;
    let programs = filter::programs().in_step("compile the filter")?;

    let (go, _) = message::receive(&given.control).in_step("wait for the shim")?;
    if go.is_empty() {
        return Err("the shim is gone").in_step("wait for the shim");
    }
    become_root(spec)?;
    sys::unshare(UnshareFlags::NEWNS | UnshareFlags::NEWCGROUP).in_step("make the mount namespace")?;
    match spec.ids {
        Ids::Mapped { .. } => {}
        Ids::Delegated { .. } | Ids::Single => stage::make(spec, &Maker::Child)?,
    }
    mount_all(spec)?;
    rustix::process::chdir("/root").in_step("enter the root")?;
    rustix::process::pivot_root(".", ".").in_step("pivot to the root")?;
    unmount(".", UnmountFlags::DETACH).in_step("detach the stage")?;
    rustix::process::chdir("/").in_step("enter the root")?;

    let gateway_descriptor = gateway.as_ref().map(std::os::fd::AsFd::as_fd);
    confine(spec, given, &programs)?;
    message::send(&given.control, READY, gateway_descriptor).in_step("report to the shim")
}

/// From the host's user, who is nobody in here, to the sandbox's root: else nothing on disk is ours.
fn become_root(spec: &LaunchSpec) -> Fallible<()> {
    let step = "become the sandbox's root";
    match spec.ids {
        Ids::Single => Ok(()),
        Ids::Mapped { .. } | Ids::Delegated { .. } => {
            rustix::thread::set_thread_groups(&[]).in_step(step)?;
            rustix::thread::set_thread_res_gid(Gid::ROOT, Gid::ROOT, Gid::ROOT).in_step(step)?;
            rustix::thread::set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT).in_step(step)
        }
    }
}

fn listen(port: u16) -> Fallible<std::net::TcpListener> {
    std::net::TcpListener::bind(("127.0.0.1", port)).in_step("listen for the gateway")
}

fn mount_all(spec: &LaunchSpec) -> Fallible<()> {
    let safe = MountFlags::NOSUID | MountFlags::NODEV;
    let closed = safe | MountFlags::NOEXEC;
    let lower: Vec<String> = (0..spec.layers.len())
        .rev()
        .map(|index| format!("/layers/{index}"))
        .collect();
    // `volatile`: nothing here has to survive a power cut, and fsync inside costs nothing.
    let options = format!(
        "lowerdir={},upperdir=/disk/upper,workdir=/disk/work,userxattr,volatile",
        lower.join(":")
    );
    let options = CString::new(options).in_step("mount the overlay")?;
    mount("overlay", "/root", "overlay", safe, Some(options.as_c_str())).in_step("mount the overlay")?;
    for directory in ["/root/proc", "/root/sys", "/root/dev"] {
        drop(std::fs::create_dir(directory));
    }
    mount("proc", "/root/proc", "proc", closed, None::<&CStr>).in_step("mount /proc")?;
    hide_in_proc()?;
    mount_bind("/sys", "/root/sys").in_step("mount /sys")?;
    read_only("/root/sys")?;
    match spec.ids {
        Ids::Mapped { .. } => mount_bind("/dev", "/root/dev").in_step("mount /dev")?,
        Ids::Delegated { .. } | Ids::Single => mount_bind_recursive("/dev", "/root/dev").in_step("mount /dev")?,
    }
    let terminals = match spec.ids {
        Ids::Single => c"newinstance,ptmxmode=0666,mode=0620",
        Ids::Mapped { .. } | Ids::Delegated { .. } => c"newinstance,ptmxmode=0666,mode=0620,gid=5",
    };
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    mount("devpts", "/root/dev/pts", "devpts", flags, Some(terminals)).in_step("mount /dev/pts")?;
    mount("tmpfs", "/root/dev/shm", "tmpfs", closed, Some(c"mode=1777,size=64m")).in_step("mount /dev/shm")
}

/// Replaces what tells about the host, blinds what must not be read, and fixes what must not be written.
fn hide_in_proc() -> Fallible<()> {
    for file in ["meminfo", "cpuinfo"] {
        over(&format!("/files/{file}"), &format!("/root/proc/{file}"))?;
    }
    for file in [
        "kcore",
        "keys",
        "key-users",
        "timer_list",
        "latency_stats",
        "sched_debug",
        "kmsg",
        "interrupts",
    ] {
        over("/dev/null", &format!("/root/proc/{file}"))?;
    }
    for directory in ["acpi", "scsi", "asound", "driver"] {
        over("/files/empty", &format!("/root/proc/{directory}"))?;
    }
    for path in ["sys", "sysrq-trigger", "irq", "bus", "fs"] {
        let path = format!("/root/proc/{path}");
        over(&path, &path)?;
        if rustix::fs::access(&path, rustix::fs::Access::EXISTS).is_ok() {
            read_only(&path)?;
        }
    }
    Ok(())
}

fn over(source: &str, target: &str) -> Fallible<()> {
    match mount_bind(source, target) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error).in_step(&format!("cover {target}")),
    }
}

fn read_only(path: &str) -> Fallible<()> {
    let step = || format!("make {path} read-only");
    let tree = rustix::fs::openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).in_step(&step())?;
    sys::set_mount_attributes(&tree, libc::MOUNT_ATTR_RDONLY, None).in_step(&step())
}

fn confine(spec: &LaunchSpec, given: &Given, programs: &[seccompiler::BpfProgram]) -> Fallible<()> {
    let null =
        rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).in_step("open /dev/null")?;
    limit_resources(spec)?;
    restrict_cpus(spec);
    let own = CapabilitySet::from_bits_retain(CHILD_CAPABILITIES) | CapabilitySet::SYS_PTRACE;
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if own.contains(capability) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            // Past the last capability this kernel knows.
            Err(rustix::io::Errno::INVAL) => break,
            other => other.in_step("drop capabilities")?,
        }
    }
    let sets = CapabilitySets {
        effective: own,
        permitted: own,
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, sets).in_step("drop capabilities")?;
    // Root inside can then not read this process's memory: its image belongs to the host's user namespace.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).in_step("close pid 1 to debuggers")?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).in_step("tie pid 1 to the shim")?;
    if !still_there(&given.control) {
        return Err("the shim is gone").in_step("tie pid 1 to the shim");
    }
    rustix::thread::set_no_new_privs(true).in_step("set no_new_privs")?;
    for program in programs {
        seccompiler::apply_filter(program).in_step("load the filter")?;
    }
    // Last, since standard error holds the lock that says: still starting.
    rustix::stdio::dup2_stdin(&null).in_step("close standard input")?;
    rustix::stdio::dup2_stdout(&null).in_step("close standard output")?;
    rustix::stdio::dup2_stderr(&given.complaints).in_step("close standard error")
}

fn limit_resources(spec: &LaunchSpec) -> Fallible<()> {
    sys::limit(Resource::Core, 0).in_step("limit core files")?;
    if let Some(bytes) = spec.fallback.data_bytes {
        sys::limit(Resource::Data, bytes).in_step("limit memory")?;
    }
    if let Some(processes) = spec.fallback.processes {
        sys::limit(Resource::Nproc, processes).in_step("limit processes")?;
    }
    Ok(())
}

/// Cosmetic, and so without an error: `nproc` and thread pools then see the CPUs that the quota allows.
fn restrict_cpus(spec: &LaunchSpec) {
    let Ok(allowed) = rustix::thread::sched_getaffinity(None) else {
        return;
    };
    let usable: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let wanted = usize::try_from(spec.cpus).unwrap_or(1);
    if wanted >= usable.len() {
        return;
    }
    let mut own = CpuSet::new();
    let offset = usize::try_from(spec.cpu_offset).unwrap_or(0);
    for index in 0..wanted {
        if let Some(cpu) = usable.get((offset + index) % usable.len()) {
            own.set(*cpu);
        }
    }
    let _ = rustix::thread::sched_setaffinity(None, &own);
}

fn still_there(control: &OwnedFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut polled = [PollFd::new(control, PollFlags::HUP)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&now)).is_ok_and(|ready| ready == 0 || !polled[0].revents().contains(PollFlags::HUP))
}

fn configuration(spec: &LaunchSpec, given: Given) -> InitConfig {
    let keep: Vec<i32> = [Some(given.control.as_raw_fd()), Some(given.listener.as_raw_fd())]
        .into_iter()
        .chain([given.memory_events.as_ref().map(AsRawFd::as_raw_fd)])
        .flatten()
        .collect();
    sys::close_all_but(&keep);
    let home = PathBuf::from("/home/user");
    let default_user = match spec.ids {
        Ids::Mapped { .. } | Ids::Delegated { .. } => DefaultUser {
            name: "user".to_owned(),
            uid: 1000,
            gid: 1000,
            home,
        },
        // A name that no template has, so that the home is this one and not root's.
        Ids::Single => DefaultUser {
            name: "sandbox".to_owned(),
            uid: 0,
            gid: 0,
            home,
        },
    };
    InitConfig {
        listener: given.listener,
        control: Some(given.control),
        default_user,
        working_directory: None,
        environment: spec.environment.clone(),
        platform_environment: vec![("E2B_SANDBOX".to_owned(), "true".to_owned())],
        access_token: None,
        journal_directory: PathBuf::from("/run/codecourier/journal"),
        memory_events: given.memory_events,
        confinement: Confinement {
            // Inherited from this process, as is no_new_privs.
            seccomp: None,
            capabilities: Some(CHILD_CAPABILITIES),
            privileges: Privileges::Fixed,
            open_files: 65_536,
        },
        scope: Scope::PidNamespace,
    }
}
