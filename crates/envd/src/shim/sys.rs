//! System calls that have no safe wrapper. Only the shim may call them, while it has one thread.

#![expect(
    unsafe_code,
    reason = "clone3, mount_setattr, unshare and a few ioctls have no safe wrapper"
)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

use rustix::process::Pid;

/// Who returns from [`clone_child`].
pub(super) enum Cloned {
    /// The child.
    Child,
    /// The parent, with the child's pid and a descriptor for it.
    Parent {
        /// The child.
        pid: Pid,
        /// Its descriptor.
        pidfd: OwnedFd,
    },
}

/// Like `fork`, into new namespaces. The caller must have one thread.
pub(super) fn clone_child(namespaces: u64) -> io::Result<Cloned> {
    let mut pidfd: RawFd = -1;
    // SAFETY: an all-zero `clone_args` is valid, and the descriptor's address outlives the call.
    let mut arguments: libc::clone_args = unsafe { zeroed() };
    arguments.flags = namespaces | libc::CLONE_PIDFD as u64;
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.pidfd = (&raw mut pidfd) as u64;
    // SAFETY: no stack and no CLONE_VM, so the child goes on with a copy of this (single) thread.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>()) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Cloned::Child),
        pid => {
            let pid = i32::try_from(pid)
                .ok()
                .and_then(Pid::from_raw)
                .ok_or(io::ErrorKind::InvalidData)?;
            // SAFETY: the kernel has just made this descriptor for us.
            Ok(Cloned::Parent {
                pid,
                pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) },
            })
        }
    }
}

/// Leaves the given namespaces for new ones.
pub(super) fn unshare(flags: rustix::thread::UnshareFlags) -> io::Result<()> {
    // SAFETY: the flags used here (mount, control group) share no memory or descriptors, and there is one thread.
    Ok(unsafe { rustix::thread::unshare_unsafe(flags) }?)
}

/// `mount_setattr` on a whole tree: `set` is a mask of `MOUNT_ATTR_*`; with `ids`, the tree shows its ids through that
/// user namespace.
pub(super) fn set_mount_attributes(tree: impl AsFd, set: u64, ids: Option<&OwnedFd>) -> io::Result<()> {
    let mut attributes = libc::mount_attr {
        attr_set: set,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    if let Some(ids) = ids {
        attributes.attr_set |= libc::MOUNT_ATTR_IDMAP;
        attributes.userns_fd = u64::try_from(ids.as_raw_fd()).map_err(io::Error::other)?;
    }
    // SAFETY: the path is empty and terminated, the structure is the kernel's first version and outlives the call.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Switches the loopback device on.
pub(super) fn loopback_up() -> io::Result<()> {
    let socket = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        rustix::net::SocketFlags::CLOEXEC,
        None,
    )?;
    // SAFETY: an all-zero `ifreq` is valid; the name fits and stays terminated.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (target, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *target = byte.cast_signed();
    }
    #[expect(clippy::cast_possible_truncation, reason = "two small flags")]
    let flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    request.ifr_ifru.ifru_flags = flags;
    // SAFETY: the request is what SIOCSIFFLAGS reads and outlives the call.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

const LOOP_CTL_GET_FREE: libc::Ioctl = 0x4C82;
const LOOP_CONFIGURE: libc::Ioctl = 0x4C0A;
const LO_FLAGS_AUTOCLEAR: u32 = 4;

#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

/// A free loop device bound to `image`. It frees itself when its last user (a mount, or this descriptor) is gone.
pub(super) fn loop_device(image: impl AsFd) -> io::Result<(String, OwnedFd)> {
    use rustix::fs::{Mode, OFlags, open};
    let control = open("/dev/loop-control", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    // Another process may take the free device first; the kernel then says EBUSY and we ask again.
    for _ in 0..64 {
        // SAFETY: takes no argument.
        let number = unsafe { libc::ioctl(control.as_raw_fd(), LOOP_CTL_GET_FREE) };
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        let path = format!("/dev/loop{number}");
        let device = match open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
            Ok(device) => device,
            Err(rustix::io::Errno::NOENT) => {
                make_loop_node(&path, u32::try_from(number).map_err(io::Error::other)?)?;
                open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?
            }
            Err(error) => return Err(error.into()),
        };
        // SAFETY: an all-zero configuration is valid.
        let mut config: LoopConfig = unsafe { zeroed() };
        config.fd = u32::try_from(image.as_fd().as_raw_fd()).map_err(io::Error::other)?;
        config.info.flags = LO_FLAGS_AUTOCLEAR;
        // SAFETY: the structure is what LOOP_CONFIGURE reads and outlives the call.
        let result = unsafe { libc::ioctl(device.as_raw_fd(), LOOP_CONFIGURE, &raw const config) };
        if result == 0 {
            return Ok((path, device));
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EBUSY) {
            return Err(error);
        }
    }
    Err(io::Error::from(io::ErrorKind::ResourceBusy))
}

fn make_loop_node(path: &str, number: u32) -> io::Result<()> {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    match mknodat(
        CWD,
        path,
        FileType::BlockDevice,
        Mode::RUSR | Mode::WUSR,
        makedev(7, number),
    ) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Closes every descriptor from `first` on, so that nothing of the server's reaches the sandbox.
pub(super) fn close_from(first: u32) -> io::Result<()> {
    // SAFETY: called before the shim owns any descriptor above the standard three.
    let result = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Sets both the soft and the hard limit of a resource, as far as the present hard limit allows.
pub(super) fn limit(resource: rustix::process::Resource, value: u64) -> io::Result<()> {
    use rustix::process::{Rlimit, getrlimit, setrlimit};
    let value = getrlimit(resource).maximum.map_or(value, |hard| hard.min(value));
    Ok(setrlimit(
        resource,
        Rlimit {
            current: Some(value),
            maximum: Some(value),
        },
    )?)
}

/// Closes every descriptor above the standard three but these. For a process that will never drop what it closes here.
pub(super) fn close_all_but(keep: &[RawFd]) {
    let mut keep: Vec<u32> = keep.iter().filter_map(|number| u32::try_from(*number).ok()).collect();
    keep.sort_unstable();
    let mut first = 3;
    for number in keep {
        if number > first {
            // SAFETY: the caller owns none of these any more.
            unsafe { libc::syscall(libc::SYS_close_range, first, number - 1, 0) };
        }
        first = number + 1;
    }
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
}
