//! A disk of a few megabytes that can be filled up: a file system in memory, mounted for as long as the value lives.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// The disk. Making one takes the right to mount.
pub struct SmallDisk {
    directory: tempfile::TempDir,
}

impl SmallDisk {
    /// An empty one of so many megabytes.
    pub fn new(megabytes: u32) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("codecourier-disk-").tempdir()?;
        let options = std::ffi::CString::new(format!("size={megabytes}m,mode=0700"))?;
        mount(
            "tmpfs",
            directory.path(),
            "tmpfs",
            MountFlags::empty(),
            Some(options.as_c_str()),
        )?;
        Ok(Self { directory })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes the last byte of room.
    pub fn fill(&self) -> io::Result<()> {
        let mut file = File::create(self.filler())?;
        for size in [1 << 20, 1 << 12, 1] {
            let piece = vec![0; size];
            while file.write_all(&piece).is_ok() {}
        }
        Ok(())
    }

    /// Gives the room back.
    pub fn free(&self) -> io::Result<()> {
        std::fs::remove_file(self.filler())
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A test that failed may have left something open in it.
        let _ = unmount(self.path(), UnmountFlags::DETACH);
    }
}
