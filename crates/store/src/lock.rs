//! The lock on a data directory: one process at a time.
//!
//! Taken by the binary before it opens anything in the directory. Invariant: it is a lock of the kernel on an open
//! file, so it ends with the process however that ends; what is written in the file only tells people who has it.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use codecourier_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

const FILE: &str = "lock";
/// What the file may hold; whoever else wrote there is not read further.
const HOLDER_LIMIT: u64 = 4096;

/// The hold on a data directory. Dropping it gives the directory free.
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

/// The process that has the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Its process identifier.
    pub pid: u32,
    /// Since when.
    pub since: Timestamp,
    /// What it does, for people: `codecourier run`.
    pub command: String,
}

/// Another process uses the data directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the data directory `{directory}` is in use by {}", describe(.holder.as_ref()))]
pub struct InUse {
    /// The directory.
    pub directory: String,
    /// Who has it, if that can be told: in the moment between taking the lock and writing this down it cannot.
    pub holder: Option<LockHolder>,
}

fn describe(holder: Option<&LockHolder>) -> String {
    match holder {
        Some(LockHolder { pid, command, .. }) => format!("`{command}` (process {pid})"),
        None => "another process".to_owned(),
    }
}

impl DataDirLock {
    /// Takes the directory, which exists, or says who has it. Does not wait.
    pub fn acquire(directory: &Path, command: &str, now: Timestamp) -> Result<Self> {
        let path = directory.join(FILE);
        let failed = |operation| {
            let path = path.display().to_string();
            move |source| Error::File {
                operation,
                path,
                source,
            }
        };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open the lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.take(HOLDER_LIMIT).read_to_string(&mut text);
                let holder = read.ok().and_then(|_| serde_json::from_str(&text).ok());
                return Err(Error::InUse(InUse {
                    directory: directory.display().to_string(),
                    holder,
                }));
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        let holder = LockHolder {
            pid: std::process::id(),
            since: now,
            command: command.to_owned(),
        };
        let text = serde_json::to_vec(&holder).map_err(Error::Body)?;
        file.set_len(0).map_err(failed("write the lock"))?;
        file.seek(SeekFrom::Start(0)).map_err(failed("write the lock"))?;
        file.write_all(&text).map_err(failed("write the lock"))?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let held = DataDirLock::acquire(directory.path(), "codecourier serve", Timestamp(7)).unwrap();
        let Err(Error::InUse(in_use)) = DataDirLock::acquire(directory.path(), "codecourier run", Timestamp(8)) else {
            panic!("two locks on one directory");
        };
        let holder = in_use.holder.clone().unwrap();
        assert_eq!((holder.pid, holder.since), (std::process::id(), Timestamp(7)));
        assert!(in_use.to_string().contains("`codecourier serve`"), "{in_use}");
        drop(held);
        DataDirLock::acquire(directory.path(), "codecourier run", Timestamp(9)).unwrap();
    }

    #[test]
    fn what_a_dead_process_left_in_the_file_holds_nobody_up() {
        let directory = tempfile::tempdir().unwrap();
        let stale = "{\"pid\":1,\"since\":0,\"command\":\"a long text from another time, longer than what follows\"}";
        std::fs::write(directory.path().join(FILE), stale).unwrap();
        let held = DataDirLock::acquire(directory.path(), "new", Timestamp(9)).unwrap();
        let text = std::fs::read_to_string(directory.path().join(FILE)).unwrap();
        let holder: LockHolder = serde_json::from_str(&text).unwrap();
        assert_eq!(holder.command, "new");
        drop(held);
    }
}
