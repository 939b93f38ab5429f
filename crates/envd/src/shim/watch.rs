//! The disk limit where no file system enforces it: what lies in the upper directory is counted now and then.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::launch::{Disk, Ids, LaunchSpec, name};
use super::supervise::now_ms;

/// At least this long between two counts, and ten times as long as the last one took.
const PERIOD_MS: u64 = 2_000;

/// A watched disk.
pub(super) struct DiskWatch {
    directory: PathBuf,
    limit_bytes: u64,
    due_ms: u64,
}

impl DiskWatch {
    /// `None` if the file system keeps the limit.
    pub(super) fn new(spec: &LaunchSpec) -> Option<Self> {
        match spec.disk {
            Disk::Image => None,
            Disk::Directory { limit_bytes } => {
                let directory = match spec.ids {
                    // The shim's own root is the stage.
                    Ids::Mapped { .. } => PathBuf::from("/disk"),
                    Ids::Delegated { .. } | Ids::Single => spec.state.join(name::DISK),
                };
                Some(Self {
                    directory,
                    limit_bytes,
                    due_ms: now_ms() + PERIOD_MS,
                })
            }
        }
    }

    /// Milliseconds until the next count.
    pub(super) fn due_in_ms(&self) -> u64 {
        self.due_ms.saturating_sub(now_ms())
    }

    /// Counts if it is time to; says so when the limit is passed.
    pub(super) fn exceeded(&mut self) -> Option<String> {
        let before = now_ms();
        if before < self.due_ms {
            return None;
        }
        let used = size(&self.directory);
        let after = now_ms();
        self.due_ms = after + PERIOD_MS.max(10 * (after - before));
        (used > self.limit_bytes)
            .then(|| format!("it wrote {used} bytes to disk, and {} are allowed", self.limit_bytes))
    }
}

fn size(root: &Path) -> u64 {
    let mut total = 0;
    let mut rest = vec![root.to_path_buf()];
    while let Some(directory) = rest.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for entry in entries.flatten() {
            // Not following links: they are the sandbox's.
            let Ok(metadata) = entry.metadata() else { continue };
            total += metadata.blocks() * 512 / metadata.nlink().max(1);
            if metadata.is_dir() {
                total += metadata.blocks() * 512;
                rest.push(entry.path());
            }
        }
    }
    total
}
