//! Where a sandbox's writes go: a file system of its own in a sparse image, or a watched directory.
//!
//! The image is what makes the limit hold (a write above it fails with ENOSPC), and removing it is one unlink however
//! many files the sandbox made. It needs root, loop devices and `mkfs.ext4`. Formatting costs milliseconds, so an empty
//! image per size is kept and its few hundred kilobytes of content are copied.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::SeekFrom;

use super::launch::{Disk, name};
use super::spawn;
use super::state::StateDirectory;
use crate::Error;

/// Whether images can be used, found out by making one.
pub(super) fn images_work(images: &Path) -> Result<(), String> {
    rustix::fs::open(
        "/dev/loop-control",
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )
    .map_err(|error| format!("/dev/loop-control: {error}"))?;
    empty_image(images, 64).map(drop).map_err(|error| error.to_string())
}

/// Prepares the disk in a sandbox's directory.
pub(super) fn prepare(state: &StateDirectory, images: &Path, disk: &Disk, disk_mb: u32) -> Result<(), Error> {
    match disk {
        Disk::Directory { .. } => {
            let path = state.path.join(name::DISK);
            fs::DirBuilder::new()
                .mode(0o755)
                .create(&path)
                .map_err(|error| Error::host("make", path, error))
        }
        Disk::Image => {
            let empty = empty_image(images, disk_mb).map_err(|error| Error::create("make the disk", error))?;
            let image = state.path.join(name::IMAGE);
            copy_sparse(&empty, &image).map_err(|error| Error::host("copy", image, error))
        }
    }
}

/// Bytes that the disk takes on the host.
pub(super) fn used(state: &Path, disk: &Disk) -> Option<u64> {
    match disk {
        Disk::Image => fs::metadata(state.join(name::IMAGE))
            .ok()
            .map(|image| image.blocks() * 512),
        Disk::Directory { .. } => Some(size_of(&state.join(name::DISK))),
    }
}

fn size_of(root: &Path) -> u64 {
    let mut total = 0;
    let mut rest = vec![root.to_path_buf()];
    while let Some(directory) = rest.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            total += metadata.blocks() * 512;
            if metadata.is_dir() {
                rest.push(entry.path());
            }
        }
    }
    total
}

fn empty_image(images: &Path, disk_mb: u32) -> io::Result<PathBuf> {
    let path = images.join(format!("ext4-{disk_mb}.img"));
    if path.exists() {
        return Ok(path);
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(images)?;
    let draft = tempfile::NamedTempFile::new_in(images)?;
    // The tables of ext4 are no room of the sandbox's: about 4 %, and some more for a small one.
    draft.as_file().set_len((u64::from(disk_mb) * 105 / 100 + 16) << 20)?;
    spawn::make_ext4(draft.path())?;
    draft.persist(&path).map_err(|error| error.error)?;
    Ok(path)
}

fn copy_sparse(from: &Path, to: &Path) -> io::Result<()> {
    let source = File::open(from)?;
    let length = source.metadata()?.len();
    let target = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    target.set_len(length)?;
    let mut offset = 0;
    while let Ok(start) = rustix::fs::seek(&source, SeekFrom::Data(offset)) {
        let end = rustix::fs::seek(&source, SeekFrom::Hole(start))?;
        let (mut read_at, mut write_at) = (start, start);
        while read_at < end {
            let wanted = usize::try_from(end - read_at).unwrap_or(usize::MAX);
            let copied =
                rustix::fs::copy_file_range(&source, Some(&mut read_at), &target, Some(&mut write_at), wanted)?;
            if copied == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        offset = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_copied_with_its_holes() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        let file = File::create(&from).unwrap();
        file.set_len(8 << 20).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"middle", 4 << 20).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, b"end", (8 << 20) - 3).unwrap();
        copy_sparse(&from, &to).unwrap();
        assert_eq!(fs::read(&from).unwrap(), fs::read(&to).unwrap());
        assert!(fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20);
    }
}
