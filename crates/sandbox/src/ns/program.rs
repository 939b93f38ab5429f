//! The `envd` binary that this library carries, as a sealed memory file to be executed.
//!
//! From memory, so that a sandbox's `/proc/1/exe` is no file of the host, and a server that is replaced on disk goes on
//! starting the shim it was built with.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::OnceLock;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

static BYTES: &[u8] = include_bytes!(env!("CODECOURIER_ENVD"));

/// A path that executes it, for the life of this process.
pub(super) fn path() -> io::Result<PathBuf> {
    static PROGRAM: OnceLock<OwnedFd> = OnceLock::new();
    let program = match PROGRAM.get() {
        Some(program) => program,
        None => {
            let made = make()?;
            PROGRAM.get_or_init(|| made)
        }
    };
    Ok(PathBuf::from(format!("/proc/self/fd/{}", program.as_raw_fd())))
}

fn make() -> io::Result<OwnedFd> {
    let file = memfd_create("codecourier-envd", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut rest = BYTES;
    while !rest.is_empty() {
        let written = rustix::io::write(&file, rest)?;
        rest = &rest[written..];
    }
    fcntl_add_seals(
        &file,
        SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE,
    )?;
    Ok(file)
}
