//! A sandbox's directory on the host, `<data>/sandboxes/<id>`: what is in it, what is written down, and who holds it.
//!
//! Invariant: what the host would have to clean up is written to [`Record`] before it is made. The lock on the log is
//! held by whoever starts the sandbox and then by its shim, and the kernel gives it back when they die; so a lock that
//! can be taken means that nothing of the sandbox runs but, at most, what is still dying.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use codecourier_domain::id::SandboxId;
use codecourier_domain::time::Timestamp;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use serde::{Deserialize, Serialize};

use super::launch::{Disk, EndReason, EndRecord, Group, Ids, name};
use crate::{Degradation, Ended, EndedBecause, Error};

/// The host's record of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    /// Its user ids.
    pub(super) ids: Ids,
    /// Its control groups.
    pub(super) groups: Vec<Group>,
    /// Where it writes.
    pub(super) disk: Disk,
    /// What is degraded.
    pub(super) degraded: Vec<Degradation>,
}

/// A sandbox's directory. It may or may not exist.
#[derive(Debug, Clone)]
pub(super) struct StateDirectory {
    /// Its path.
    pub(super) path: PathBuf,
}

const RECORD: &str = "host.json";

impl StateDirectory {
    /// The directory of a sandbox.
    pub(super) fn new(sandboxes: &Path, id: &SandboxId) -> Self {
        Self {
            path: sandboxes.join(id.to_string()),
        }
    }

    /// Whether it exists.
    pub(super) fn exists(&self) -> bool {
        self.path.is_dir()
    }

    /// Makes it, with the empty directories in it.
    pub(super) fn make(&self) -> Result<(), Error> {
        for path in [self.path.clone(), self.path.join(name::STAGE)] {
            fs::DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .map_err(|error| Error::host("make", path, error))?;
        }
        Ok(())
    }

    /// Opens it: addresses of sockets in it can then be short whatever its path is.
    pub(super) fn open(&self) -> Result<OwnedFd, Error> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::open(&self.path, flags, Mode::empty()).map_err(|error| Error::host("open", &self.path, error))
    }

    /// Takes the lock, to start a shim with. `None` if somebody holds it.
    pub(super) fn lock(&self) -> Result<Option<File>, Error> {
        let path = self.path.join(name::LOG);
        let open = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
        let log = open.map_err(|error| Error::host("open", &path, error))?;
        match flock(&log, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(log)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::host("lock", path, error)),
        }
    }

    /// Whether a shim, or somebody starting one, is alive.
    pub(super) fn is_held(&self) -> bool {
        let Ok(log) = File::open(self.path.join(name::LOG)) else {
            return false;
        };
        flock(&log, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
    }

    /// Writes the record, whole or not at all.
    pub(super) fn write_record(&self, record: &Record) -> Result<(), Error> {
        let path = self.path.join(RECORD);
        let draft = self.path.join("host.json.draft");
        let failed = |error| Error::host("write", &path, error);
        let text = serde_json::to_vec(record).map_err(io::Error::other).map_err(failed)?;
        fs::write(&draft, text)
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(failed)
    }

    /// Reads the record. `None` for a directory whose maker died before there was anything to record.
    pub(super) fn record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.path.join(RECORD)).ok()?).ok()
    }

    /// Why the sandbox ended. `None` while it is held.
    pub(super) fn ended(&self) -> Option<Ended> {
        if self.is_held() && !self.path.join(name::ENDED).exists() {
            return None;
        }
        let record = fs::read(self.path.join(name::ENDED)).ok();
        let Some(record) = record.and_then(|text| serde_json::from_slice::<EndRecord>(&text).ok()) else {
            let detail = "its shim was killed, or the host was restarted".to_owned();
            return Some(Ended {
                because: EndedBecause::Crashed,
                at: None,
                detail,
            });
        };
        let because = match record.reason {
            EndReason::TimedOut => EndedBecause::TimedOut,
            EndReason::OutOfMemory => EndedBecause::OutOfMemory,
            EndReason::DiskFull => EndedBecause::DiskFull,
            EndReason::Killed => EndedBecause::Killed,
            EndReason::Crashed => EndedBecause::Crashed,
        };
        Some(Ended {
            because,
            at: Some(Timestamp(record.at_ms)),
            detail: record.detail,
        })
    }

    /// The shim's pid, while it is held.
    pub(super) fn shim_pid(&self) -> Option<rustix::process::Pid> {
        let text = fs::read_to_string(self.path.join(name::SHIM_PID)).ok()?;
        rustix::process::Pid::from_raw(text.trim().parse().ok()?)
    }
}
