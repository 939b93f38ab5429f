//! `Remove`: a whole tree, without following links, whatever somebody inside does to it meanwhile.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use super::path::as_c_string;

/// Others get a turn after this many entries.
const ENTRIES_PER_TURN: usize = 256;

/// Removes whatever is at the path. Nothing there is fine.
pub(crate) async fn remove(path: &Path) -> io::Result<()> {
    let name = as_c_string(path)?;
    match unlinkat(CWD, &name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => return Ok(()),
        // What Linux, and what POSIX, says of a directory.
        Err(Errno::ISDIR | Errno::PERM) => {}
        Err(error) => return Err(error.into()),
    }
    let top = match open_directory(CWD, &name) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    empty(top).await?;
    match unlinkat(CWD, &name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

struct Level {
    directory: OwnedFd,
    /// Name in the level above.
    name: CString,
    entries: Dir,
}

/// Empties a directory. Every step is relative to an open directory and refuses links, so a directory that is swapped
/// for a link is not left through it.
async fn empty(top: OwnedFd) -> io::Result<()> {
    let mut levels = vec![open_level(top, CString::default())?];
    let mut seen = 0_usize;
    while let Some(level) = levels.last_mut() {
        seen += 1;
        if seen.is_multiple_of(ENTRIES_PER_TURN) {
            tokio::task::yield_now().await;
        }
        let Some(entry) = level.entries.read() else {
            let done = levels.pop();
            if let (Some(done), Some(above)) = (done, levels.last()) {
                match unlinkat(&above.directory, &done.name, AtFlags::REMOVEDIR) {
                    Ok(()) | Err(Errno::NOENT) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            continue;
        };
        let name = entry?.file_name().to_owned();
        if name.as_c_str() == c"." || name.as_c_str() == c".." {
            continue;
        }
        match unlinkat(&level.directory, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR | Errno::PERM) => {
                let below = open_directory(&level.directory, &name)?;
                levels.push(open_level(below, name)?);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn open_directory(parent: impl std::os::fd::AsFd, name: &CString) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

fn open_level(directory: OwnedFd, name: CString) -> io::Result<Level> {
    let entries = Dir::read_from(&directory)?;
    Ok(Level {
        directory,
        name,
        entries,
    })
}
