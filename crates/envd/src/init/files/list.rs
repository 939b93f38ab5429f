//! `ListDir`: depth first, sorted by name, links shown but not followed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use codecourier_e2b::filesystem::EntryInfo;

use super::super::users::Names;
use super::entry::describe;
use super::error::{PathError, PathErrorKind};

/// More entries than this are refused: the answer is one message, held in memory by both sides.
const ENTRIES_LIMIT: usize = 100_000;
/// Others get a turn after this many.
const ENTRIES_PER_TURN: usize = 128;

/// Lists a directory. `depth` 1 is its own entries.
pub(crate) async fn list(directory: PathBuf, depth: u32) -> Result<Vec<EntryInfo>, PathError> {
    let metadata = fs::metadata(&directory).map_err(|error| PathError::from_io(&error, "looking at", &directory))?;
    if !metadata.is_dir() {
        let message = format!("path '{}' is not a directory", directory.display());
        return Err(PathError::new(PathErrorKind::WrongKind, message));
    }
    let names = Names::read();
    let mut entries = Vec::new();
    // What is still to be shown, the next at the end; each with how many levels may follow below it.
    let mut waiting = children(&directory, depth.max(1) - 1)?;
    while let Some((path, levels)) = waiting.pop() {
        let entry = match describe(&path, &path, &names) {
            Ok(entry) => entry,
            // Gone since its name was read.
            Err(_) => continue,
        };
        let descend = levels > 0 && !entry.is_symlink && entry.kind == codecourier_e2b::filesystem::FileType::Directory;
        entries.push(entry);
        if descend && let Ok(below) = children(&path, levels - 1) {
            waiting.extend(below);
        }
        if entries.len() + waiting.len() > ENTRIES_LIMIT {
            let message = format!("more than {ENTRIES_LIMIT} entries below '{}'", directory.display());
            return Err(PathError::new(PathErrorKind::Exhausted, message));
        }
        if entries.len().is_multiple_of(ENTRIES_PER_TURN) {
            tokio::task::yield_now().await;
        }
    }
    Ok(entries)
}

/// The entries of one directory, last name first.
fn children(directory: &Path, levels: u32) -> Result<Vec<(PathBuf, u32)>, PathError> {
    let failed = |error: &std::io::Error| PathError::from_io(error, "listing", directory);
    let mut names: Vec<OsString> = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| failed(&error))? {
        names.push(entry.map_err(|error| failed(&error))?.file_name());
        if names.len() > ENTRIES_LIMIT {
            let message = format!("more than {ENTRIES_LIMIT} entries in '{}'", directory.display());
            return Err(PathError::new(PathErrorKind::Exhausted, message));
        }
    }
    names.sort_unstable_by(|left, right| right.cmp(left));
    Ok(names.into_iter().map(|name| (directory.join(name), levels)).collect())
}
