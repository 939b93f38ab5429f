//! What a sandbox wrote becomes one more layer.
//!
//! Named after its sandbox, so that a repeated call finds it. A directory is moved; an image's tree is copied, with
//! owners, modes, times, extended attributes (the overlay's marks are among them), hard links and whiteouts.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use codecourier_domain::id::SandboxId;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lgetxattr, llistxattr, lsetxattr, mknodat,
    utimensat,
};

use super::destroy;
use super::launch::{Disk, Ids, name};
use super::state::{Record, StateDirectory};
use crate::{Error, LayerManifest, LayerRef};

/// Takes the snapshot of a sandbox whose processes were killed.
pub(super) fn take(state: &StateDirectory, record: &Record, id: &SandboxId, layers: &Path) -> Result<LayerRef, Error> {
    let digest = format!("snapshot-{}", id.uuid().simple());
    let path = layers.join(&digest);
    if path.join(LayerManifest::FILE_NAME).exists() {
        return Ok(LayerRef { digest, path });
    }
    let draft = layers.join(format!("{digest}.draft"));
    if draft.exists() {
        fs::remove_dir_all(&draft).map_err(|error| Error::host("remove", &draft, error))?;
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(&draft)
        .map_err(|error| Error::host("make", &draft, error))?;
    let rootfs = draft.join("rootfs");
    match record.disk {
        Disk::Image => {
            let shim = state.shim_pid().filter(|_| state.is_held());
            let shim = shim.ok_or_else(|| Error::Gone {
                id: *id,
                ended: state.ended(),
            })?;
            // The shim's root is the stage, which nothing inside the sandbox can change.
            let upper = PathBuf::from(format!("/proc/{}/root/disk/upper", shim.as_raw_nonzero()));
            Copier::default()
                .copy(&upper, &rootfs)
                .map_err(|error| Error::host("copy", &upper, error))?;
        }
        Disk::Directory { .. } => {
            destroy::end(state, &record.groups);
            let upper = state.path.join(name::DISK).join("upper");
            fs::rename(&upper, &rootfs).map_err(|error| Error::host("move", &upper, error))?;
        }
    }
    let id_base = match record.ids {
        Ids::Mapped { base } => base,
        Ids::Delegated { uid_start, .. } => uid_start,
        Ids::Single => 0,
    };
    let manifest = LayerManifest {
        id_base,
        description: format!("what {id} wrote"),
        more: serde_json::Map::default(),
    };
    manifest.write(&draft)?;
    fs::rename(&draft, &path).map_err(|error| Error::host("move", &draft, error))?;
    Ok(LayerRef { digest, path })
}

/// Remembers the files with several names.
#[derive(Default)]
struct Copier {
    linked: HashMap<u64, PathBuf>,
}

impl Copier {
    fn copy(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let metadata = fs::symlink_metadata(from)?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            fs::DirBuilder::new().mode(0o700).create(to)?;
            for entry in fs::read_dir(from)? {
                let entry = entry?;
                self.copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        } else {
            if metadata.nlink() > 1 {
                if let Some(first) = self.linked.get(&metadata.ino()) {
                    return fs::hard_link(first, to);
                }
                self.linked.insert(metadata.ino(), to.to_path_buf());
            }
            if kind.is_symlink() {
                symlink(fs::read_link(from)?, to)?;
            } else if kind.is_file() {
                copy_content(from, to)?;
            } else if kind.is_char_device() && metadata.rdev() == 0 {
                // A whiteout: the overlay's word for a removed file.
                mknodat(CWD, to, FileType::CharacterDevice, Mode::empty(), 0)?;
            } else if kind.is_fifo() {
                mknodat(CWD, to, FileType::Fifo, Mode::empty(), 0)?;
            } else {
                // Sockets mean nothing without who listened; other devices can't be made in a sandbox.
                return Ok(());
            }
        }
        lchown(to, Some(metadata.uid()), Some(metadata.gid()))?;
        if !kind.is_symlink() {
            fs::set_permissions(to, fs::Permissions::from_mode(metadata.mode() & 0o7777))?;
        }
        copy_attributes(from, to)?;
        let time = |seconds, nanoseconds| Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds,
        };
        let times = Timestamps {
            last_access: time(metadata.atime(), metadata.atime_nsec()),
            last_modification: time(metadata.mtime(), metadata.mtime_nsec()),
        };
        Ok(utimensat(CWD, to, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}

fn copy_content(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = fs::OpenOptions::new().write(true).create_new(true).open(to)?;
    // std copies inside the kernel where it can.
    io::copy(&mut source, &mut target)?;
    Ok(())
}

fn copy_attributes(from: &Path, to: &Path) -> io::Result<()> {
    let mut names = vec![0; 64 << 10];
    let length = match llistxattr(from, &mut names[..]) {
        Ok(length) => length,
        Err(rustix::io::Errno::NOTSUP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for attribute in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 64 << 10];
        let length = lgetxattr(from, attribute, &mut value[..])?;
        lsetxattr(to, attribute, &value[..length], XattrFlags::empty())?;
    }
    Ok(())
}
