//! File locks and temporary directories that survive `kill -9` without leaving a mess. For the modules of this crate.
//!
//! Invariants: a lock is `flock(2)` on an open file, so the kernel gives it back when its last holder dies, and a child
//! process that was lent the file (as its standard input) keeps it until it has ended; a temporary directory is owned by
//! whoever holds the lock beside it, so a sweep removes exactly those whose owner is dead.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// An exclusive lock, held as long as this lives or a process that was lent it.
#[derive(Debug)]
pub(crate) struct Lock(File);

impl Lock {
    /// Waits for the lock of this file, at most this long. `None`: it is still held by another.
    pub(crate) async fn acquire(path: &Path, patience: Duration) -> io::Result<Option<Self>> {
        let deadline = tokio::time::Instant::now() + patience;
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(lock) = Self::try_acquire(path)? {
                return Ok(Some(lock));
            }
            // `flock` has no wait with a limit, and a thread blocked in it could not be cancelled.
            if tokio::time::Instant::now() + pause > deadline {
                return Ok(None);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    /// Takes the lock if nobody has it.
    pub(crate) fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .mode(0o600)
                .open(path)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) if is_still(&file, path) => return Ok(Some(Self(file))),
                // A sweep removed the file between the two calls: lock the new one.
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// A handle for a child process; the lock is held until both have let go.
    pub(crate) fn lend(&self) -> io::Result<File> {
        self.0.try_clone()
    }
}

fn is_still(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// The directory for everything that is not finished yet.
#[derive(Debug, Clone)]
pub(crate) struct Workshop(PathBuf);

impl Workshop {
    /// Opens it and removes what dead processes left.
    pub(crate) fn open(directory: PathBuf) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let workshop = Self(directory);
        workshop.sweep()?;
        Ok(workshop)
    }

    /// A new directory that is removed when dropped, or by the next sweep after a crash.
    pub(crate) fn bench(&self, purpose: &str) -> io::Result<Bench> {
        loop {
            // The lock file comes first: a directory without one is garbage to a sweep.
            let lock_file = tempfile::Builder::new()
                .prefix(&format!("{purpose}-"))
                .suffix(".lock")
                .tempfile_in(&self.0)?;
            let lock_path = lock_file.into_temp_path().keep().map_err(|error| error.error)?;
            // A sweep that came in between is about to remove the file: take another name.
            let Some(lock) = Lock::try_acquire(&lock_path)? else {
                continue;
            };
            let path = lock_path.with_extension("");
            fs::DirBuilder::new().mode(0o700).create(&path)?;
            return Ok(Bench {
                path,
                lock_path,
                _lock: lock,
            });
        }
    }

    fn sweep(&self) -> io::Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            names.push(entry?.path());
        }
        for lock_path in names
            .iter()
            .filter(|path| path.extension().is_some_and(|end| end == "lock"))
        {
            if let Some(_lock) = Lock::try_acquire(lock_path)? {
                let path = lock_path.with_extension("");
                if is_removed(&path) {
                    fs::remove_file(lock_path)?;
                }
            }
        }
        for path in names.iter().filter(|path| path.extension().is_none()) {
            if !path.with_extension("lock").exists() {
                is_removed(path);
            }
        }
        Ok(())
    }
}

/// A process that outlived its server may still write there; then the next sweep gets it.
fn is_removed(path: &Path) -> bool {
    let result = remove_tree(path);
    if let Err(error) = &result {
        tracing::warn!(path = %path.display(), %error, "a temporary directory is left for the next start to remove");
    }
    result.is_ok()
}

/// A temporary directory.
#[derive(Debug)]
pub(crate) struct Bench {
    path: PathBuf,
    lock_path: PathBuf,
    _lock: Lock,
}

impl Bench {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if is_removed(&self.path)
            && let Err(error) = fs::remove_file(&self.lock_path)
        {
            tracing::warn!(path = %self.lock_path.display(), %error, "a lock file is left for the next start to remove");
        }
    }
}

/// Removes a directory with all in it; one that is gone already is fine.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes what a directory lists durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_is_held_until_everyone_who_was_lent_it_let_go() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = Lock::acquire(&path, Duration::ZERO).await.unwrap().unwrap();
        let lent = lock.lend().unwrap();
        drop(lock);
        assert!(Lock::acquire(&path, Duration::from_millis(5)).await.unwrap().is_none());
        drop(lent);
        assert!(Lock::acquire(&path, Duration::ZERO).await.unwrap().is_some());
    }

    #[test]
    fn a_sweep_removes_what_the_dead_left_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("workshop");
        let workshop = Workshop::open(place.clone()).unwrap();
        let alive = workshop.bench("alive").unwrap();
        fs::create_dir(place.join("dead-1")).unwrap();
        fs::write(place.join("dead-1.lock"), "").unwrap();
        fs::create_dir_all(place.join("half-made/with/content")).unwrap();

        Workshop::open(place.clone()).unwrap();

        assert!(alive.path().is_dir());
        assert_eq!(
            fs::read_dir(&place).unwrap().count(),
            2,
            "the living one's directory and lock"
        );
        drop(alive);
        assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    }
}
