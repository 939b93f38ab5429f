//! Looking around in the repository of a fake sandbox, as the daemon inside a real one does.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use codecourier_domain::time::Timestamp;
use codecourier_sandbox::{DirectoryEntry, DirectoryPage, Error, FileBeginning, FileKind, LinkTarget};

/// A page of a directory.
pub(super) fn list(root: &Path, path: &str, after: Option<&str>, limit: u32) -> Result<DirectoryPage, Error> {
    let directory = find(root, path)?;
    let wrong = |_| Error::WrongKind {
        path: path.to_owned(),
        wanted: "a directory",
    };
    let mut places: Vec<(String, PathBuf)> = std::fs::read_dir(directory)
        .map_err(wrong)?
        .flatten()
        .map(|entry| (place(&entry), entry.path()))
        .filter(|(place, _)| after.is_none_or(|after| place.as_str() > after))
        .collect();
    places.sort();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = places.len() > limit;
    places.truncate(limit);
    let next = places.last().filter(|_| more).map(|(place, _)| place.clone());
    let entries = places.iter().filter_map(|(_, path)| describe(root, path));
    Ok(DirectoryPage {
        entries: entries.collect(),
        next,
    })
}

/// The beginning of a file.
pub(super) fn read(root: &Path, path: &str, limit: u64) -> Result<FileBeginning, Error> {
    let file = find(root, path)?;
    let wrong = || Error::WrongKind {
        path: path.to_owned(),
        wanted: "a regular file",
    };
    let metadata = file.metadata().map_err(|_| wrong())?;
    if !metadata.is_file() {
        return Err(wrong());
    }
    let mut bytes = std::fs::read(&file).map_err(|_| wrong())?;
    let size = bytes.len() as u64;
    bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(FileBeginning {
        bytes: bytes.into(),
        size,
        modified_at: modified_at(&metadata),
    })
}

fn find(root: &Path, path: &str) -> Result<PathBuf, Error> {
    let missing = |_| Error::NotFound { what: path.to_owned() };
    let root = root.canonicalize().map_err(missing)?;
    let found = root.join(path).canonicalize().map_err(missing)?;
    if found.starts_with(&root) {
        Ok(found)
    } else {
        Err(Error::LeadsOut { path: path.to_owned() })
    }
}

fn place(entry: &std::fs::DirEntry) -> String {
    let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
    let letter = if is_directory { 'd' } else { 'o' };
    let digits = entry
        .file_name()
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    format!("{letter}{digits}")
}

fn describe(root: &Path, path: &Path) -> Option<DirectoryEntry> {
    let metadata = path.symlink_metadata().ok()?;
    let target = path.read_link().ok();
    let within = || {
        let led = path.canonicalize().ok()?;
        led.starts_with(root.canonicalize().ok()?)
            .then(|| led.metadata().ok())?
    };
    Some(DirectoryEntry {
        name: path.file_name()?.to_string_lossy().into_owned(),
        kind: kind(&metadata),
        size: metadata.len(),
        modified_at: modified_at(&metadata),
        link: target.map(|target| LinkTarget {
            target: target.to_string_lossy().into_owned(),
            leads_to: within().as_ref().map(kind),
        }),
    })
}

fn kind(metadata: &std::fs::Metadata) -> FileKind {
    let kind = metadata.file_type();
    if kind.is_symlink() {
        FileKind::Link
    } else if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_file() {
        FileKind::File
    } else {
        FileKind::Other
    }
}

fn modified_at(metadata: &std::fs::Metadata) -> Timestamp {
    Timestamp(metadata.mtime() * 1_000 + metadata.mtime_nsec() / 1_000_000)
}
