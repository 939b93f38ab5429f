//! What happens in a child between fork and exec: session, terminal, limits, identity, capabilities, filter.
//!
//! Everything is prepared before the fork; [`Prepared::apply`] makes system calls only (no allocation, no lock), in the
//! order that lets each step still have the privileges it needs.
#![expect(unsafe_code, reason = "raw system calls in the child between fork and exec")]

use std::ffi::CString;
use std::io;

use rustix::process::{Gid, Resource, Rlimit, Uid};

use super::super::users::Identity;
use super::super::{Confinement, Privileges};

/// Signals are reset from 1 to this one.
const LAST_SIGNAL: i32 = 64;
/// Far above the kernel's last capability; dropping stops at the first unknown number.
const CAPABILITY_NUMBERS: u32 = 64;

/// Where the child's own descriptors 0, 1 and 2 lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    /// Pipes.
    Absent,
    /// Descriptor 0 is a terminal and becomes the controlling one.
    OnStdin,
}

/// One child's confinement, ready to apply.
#[derive(Debug)]
pub(crate) struct Prepared {
    terminal: Terminal,
    uid: u32,
    gid: u32,
    groups: Vec<Gid>,
    directory: CString,
    open_files: u64,
    privileges: Privileges,
    capabilities: Option<u64>,
    seccomp: Option<seccompiler::BpfProgram>,
    changes_identity: bool,
    is_own_identity: bool,
}

impl Prepared {
    /// Puts together what the child needs. `directory` is where it starts.
    pub(crate) fn new(confinement: &Confinement, identity: &Identity, terminal: Terminal, directory: CString) -> Self {
        Self {
            terminal,
            uid: identity.uid,
            gid: identity.gid,
            groups: identity.groups.iter().map(|gid| Gid::from_raw(*gid)).collect(),
            directory,
            open_files: confinement.open_files,
            privileges: confinement.privileges,
            capabilities: confinement.capabilities,
            seccomp: confinement.seccomp.clone(),
            // An ordinary user serving its own processes has nobody to change to and may not call setgroups.
            changes_identity: rustix::process::geteuid().is_root(),
            is_own_identity: identity.uid == rustix::process::geteuid().as_raw()
                && identity.gid == rustix::process::getegid().as_raw(),
        }
    }

    /// Runs in the child. An error ends the child and is reported by the spawn call in the parent.
    pub(crate) fn apply(&self) -> io::Result<()> {
        rustix::process::setsid()?;
        if self.terminal == Terminal::OnStdin {
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
        }
        reset_signals();
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        // pid 1 may be protected from the out-of-memory killer; its children must not be.
        reset_oom_score();
        close_others()?;
        rustix::process::setrlimit(
            Resource::Core,
            Rlimit {
                current: Some(0),
                maximum: Some(0),
            },
        )?;
        self.limit_open_files()?;
        if self.privileges == Privileges::MayRise {
            self.load_filter()?;
        }
        self.drop_bounding_set()?;
        if self.changes_identity {
            match rustix::thread::set_thread_groups(&self.groups) {
                // A sandbox with a single id may not change its groups, and has nobody to change to.
                Err(rustix::io::Errno::PERM) if self.is_own_identity => {}
                result => result?,
            }
            let (gid, uid) = (Gid::from_raw(self.gid), Uid::from_raw(self.uid));
            rustix::thread::set_thread_res_gid(gid, gid, gid)?;
            rustix::thread::set_thread_res_uid(uid, uid, uid)?;
        }
        self.drop_capabilities()?;
        // As the user, so that a directory they may not enter is refused.
        rustix::process::chdir(self.directory.as_c_str())?;
        if self.privileges == Privileges::Fixed {
            rustix::thread::set_no_new_privs(true)?;
            self.load_filter()?;
        }
        Ok(())
    }

    fn limit_open_files(&self) -> io::Result<()> {
        let hard = rustix::process::getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        let limit = Some(self.open_files.min(hard));
        Ok(rustix::process::setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit,
                maximum: limit,
            },
        )?)
    }

    fn drop_bounding_set(&self) -> io::Result<()> {
        let Some(kept) = self.capabilities else { return Ok(()) };
        for number in 0..CAPABILITY_NUMBERS {
            if kept & (1 << number) != 0 {
                continue;
            }
            // SAFETY: prctl with integer arguments only.
            let result = unsafe { libc::prctl(libc::PR_CAPBSET_READ, libc::c_ulong::from(number), 0, 0, 0) };
            match result {
                0 => {}
                1 => {
                    // SAFETY: as above.
                    if unsafe { libc::prctl(libc::PR_CAPBSET_DROP, libc::c_ulong::from(number), 0, 0, 0) } != 0 {
                        return Err(io::Error::last_os_error());
                    }
                }
                // The first number the kernel does not know.
                _ => break,
            }
        }
        Ok(())
    }

    fn drop_capabilities(&self) -> io::Result<()> {
        let Some(kept) = self.capabilities else { return Ok(()) };
        // Kernels without ambient capabilities have none to clear.
        let _ = rustix::thread::clear_ambient_capability_set();
        let mut sets = rustix::thread::capabilities(None)?;
        let kept = rustix::thread::CapabilitySet::from_bits_retain(kept);
        sets.permitted = sets.permitted.intersection(kept);
        sets.effective = sets.effective.intersection(kept);
        sets.inheritable = rustix::thread::CapabilitySet::empty();
        Ok(rustix::thread::set_capabilities(None, sets)?)
    }

    fn load_filter(&self) -> io::Result<()> {
        let Some(program) = &self.seccomp else { return Ok(()) };
        let program = libc::sock_fprog {
            len: u16::try_from(program.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?,
            filter: program.as_ptr().cast::<libc::sock_filter>().cast_mut(),
        };
        // SAFETY: `program` points at `len` filter instructions that outlive the call; the kernel copies them and writes nothing.
        // Both crates' `sock_filter` is the kernel's struct.
        let result = unsafe {
            libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                0,
                std::ptr::from_ref(&program),
            )
        };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }
}

/// Ignored signals survive exec; a child starts with none. By the system call itself: the C library keeps two of them to
/// itself and would leave them as they are.
fn reset_signals() {
    /// The kernel's `struct sigaction` of x86-64 and arm64: handler, flags, restorer, mask. All zero is the default.
    const DEFAULT_ACTION: [u64; 4] = [0; 4];
    const MASK_BYTES: usize = 8;
    for signal in 1..=LAST_SIGNAL {
        // SAFETY: the kernel reads one action of that size and writes nothing. A default disposition installs no handler.
        // SIGKILL and SIGSTOP report an error that changes nothing.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT_ACTION.as_ptr(), 0, MASK_BYTES) };
    }
}

fn reset_oom_score() {
    if let Ok(file) = rustix::fs::open(
        c"/proc/self/oom_score_adj",
        rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    ) {
        // Raising towards 0 is always allowed; where it is not, the score was not lowered either.
        let _ = rustix::io::write(&file, b"0");
    }
}

fn close_others() -> io::Result<()> {
    // Marked instead of closed: the pipe that reports a failed exec must live until then.
    // SAFETY: close_range with CLOSE_RANGE_CLOEXEC closes nothing now.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 {
        return Ok(());
    }
    // Every descriptor of this daemon is opened close-on-exec; kernels before 5.11 have to rely on that.
    match io::Error::last_os_error() {
        error if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => Ok(()),
        error => Err(error),
    }
}

/// Asserts at compile time that the two definitions of an instruction agree in size.
const _: () = assert!(size_of::<seccompiler::sock_filter>() == size_of::<libc::sock_filter>());
