//! Destruction: kill, verify, remove. And the deletion of files, which is slow and so goes on in the background.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codecourier_domain::id::SandboxId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::watch;

use super::backend::Places;
use super::launch::{Answer, EndReason, Ids, Request, name};
use super::state::StateDirectory;
use super::{control, groups, idrange, spawn};
use crate::{Destroyed, Error};

/// How long a shim may take to kill everything before it is killed itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a shim may take to make its socket.
const STARTING: Duration = Duration::from_millis(250);

/// Kills a sandbox and removes what the host has of it.
pub(super) fn destroy(places: &Places, id: &SandboxId) -> Result<Destroyed, Error> {
    let state = places.state(id);
    if !state.exists() {
        return Ok(Destroyed {
            killed: 0,
            survivors: 0,
        });
    }
    let record = state.record();
    let groups = record.as_ref().map_or(&[][..], |record| &record.groups);
    let asked = end(&state, groups);
    let (found, survivors) = groups::kill_all(groups);
    let held = until_released(&state);
    groups::remove(groups)?;
    idrange::give_back(&places.ids, id);
    let name = format!("{id}-{}", nonce());
    let trash = places.trash.join(name);
    fs::rename(&state.path, &trash).map_err(|error| Error::host("move to the trash", &state.path, error))?;
    delete_in_background(places, trash);
    Ok(Destroyed {
        killed: asked.saturating_add(found),
        survivors: survivors + u32::from(held),
    })
}

/// Goes on with what an earlier server had begun to delete.
pub(super) fn sweep(places: &Places) {
    for entry in fs::read_dir(&places.trash).into_iter().flatten().flatten() {
        delete_in_background(places, entry.path());
    }
    // Probes whose server died.
    for entry in fs::read_dir(&places.data).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("probe-") {
            delete_in_background(places, entry.path());
        }
    }
    // Images that were being formatted.
    for entry in fs::read_dir(&places.images).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().ends_with(".img") {
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Ends a living shim and everything below it; returns how many processes there were.
///
/// A shim that is only starting has no socket yet and maybe no pid on file, so this is tried until somebody is reached
/// or nobody holds the sandbox any more. One that does not answer in time is killed.
pub(super) fn end(state: &StateDirectory, groups: &[super::launch::Group]) -> u32 {
    let start = Instant::now();
    while state.is_held() && start.elapsed() < groups::DEADLINE * 2 {
        // The shim's pid is only good while the lock is held: opened before it may end, the descriptor can't be
        // another's.
        let shim = state
            .shim_pid()
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        if !state.is_held() {
            return 0;
        }
        let request = Request::Kill {
            reason: EndReason::Killed,
        };
        let answer = state
            .open()
            .ok()
            .and_then(|directory| control::ask(&directory, &request, PATIENCE).ok());
        if let Some((Answer::Killed { processes }, _)) = answer {
            return processes;
        }
        if let (Some(shim), true) = (shim, start.elapsed() > STARTING) {
            kill(&shim, groups);
            return 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    0
}

fn kill(shim: &std::os::fd::OwnedFd, groups: &[super::launch::Group]) {
    // What is frozen by version 1 dies only after it was thawed.
    drop(groups::thaw(groups));
    // The death signal takes pid 1 along, and the kernel the rest.
    let _ = pidfd_send_signal(shim, Signal::KILL);
    let mut polled = [PollFd::new(shim, PollFlags::IN)];
    let _ = poll(&mut polled, Some(&Timespec { tv_sec: 2, tv_nsec: 0 }));
}

/// Waits until the shim has let go; true if it has not in time.
fn until_released(state: &StateDirectory) -> bool {
    let start = Instant::now();
    while state.is_held() {
        if start.elapsed() > groups::DEADLINE {
            return true;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    false
}

fn nonce() -> String {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    format!("{:x}{:x}", now.tv_sec, now.tv_nsec)
}

/// Deleting thousands of files takes seconds, and no step should wait for it. Whoever ends in order does; what is left
/// when the server dies is swept by the next one.
fn delete_in_background(places: &Places, path: std::path::PathBuf) {
    let under_way = places.deletions.begin();
    let delete = move || {
        if let Err(error) = delete_tree(&path) {
            tracing::warn!(path = %path.display(), %error, "could not delete the files of a sandbox; will be tried again");
        }
        drop(under_way);
    };
    drop(
        std::thread::Builder::new()
            .name("sandbox-trash".to_owned())
            .spawn(delete),
    );
}

/// How many deletions are under way.
#[derive(Debug, Clone)]
pub(super) struct Deletions(Arc<watch::Sender<usize>>);

impl Default for Deletions {
    fn default() -> Self {
        Self(Arc::new(watch::channel(0).0))
    }
}

impl Deletions {
    /// Waits until none is.
    pub(super) async fn ended(&self) {
        let mut count = self.0.subscribe();
        // Cannot fail: `self` holds the sender.
        drop(count.wait_for(|count| *count == 0).await);
    }

    fn begin(&self) -> Deletion {
        self.0.send_modify(|count| *count += 1);
        Deletion(self.clone())
    }
}

/// One of them, however it ends.
struct Deletion(Deletions);

impl Drop for Deletion {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

/// Like `remove_dir_all`, also for directories whose owner took away his own right to write.
fn delete_tree(path: &Path) -> io::Result<()> {
    let ids = StateDirectory {
        path: path.to_path_buf(),
    }
    .record()
    .map(|record| record.ids);
    if let Some(ids @ Ids::Delegated { .. }) = ids {
        // The record stays until the last of it is gone, so that a next try knows what this is.
        let disk = path.join(name::DISK);
        if disk.exists() {
            spawn::remove_tree(&serde_json::to_vec(&serde_json::json!({ "ids": ids, "path": disk }))?)?;
        }
    }
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_directories(path)?;
            fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn open_directories(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_directories(&entry.path())?;
        }
    }
    Ok(())
}
