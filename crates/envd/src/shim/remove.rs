//! `envd shim remove`: deletes a tree whose files belong to an ordinary user's subordinate ids, which that user may not
//! delete from outside. Done by root of a user namespace with the same map.

use std::path::PathBuf;

use rustix::process::WaitOptions;
use serde::Deserialize;

use super::launch::Ids;
use super::sys::{Cloned, clone_child};
use super::{Fallible, InStep, idmap};

/// What to delete, on standard input.
#[derive(Debug, Deserialize)]
pub(super) struct Removal {
    ids: Ids,
    path: PathBuf,
}

/// Deletes it.
pub(super) fn remove(removal: &Removal) -> Fallible<()> {
    let step = "remove a tree";
    let (go, ready) = rustix::pipe::pipe().in_step(step)?;
    match clone_child(libc::CLONE_NEWUSER as u64).in_step(step)? {
        Cloned::Child => {
            drop(ready);
            let mut byte = [0];
            let released = rustix::io::read(&go, &mut byte) == Ok(1);
            let removed = released && std::fs::remove_dir_all(&removal.path).is_ok();
            std::process::exit(i32::from(!removed))
        }
        Cloned::Parent { pid, .. } => {
            let released =
                idmap::write(pid, &removal.ids).and_then(|()| rustix::io::write(&ready, b"g").in_step(step).map(drop));
            drop(ready);
            let status = rustix::process::waitpid(Some(pid), WaitOptions::empty()).in_step(step)?;
            released?;
            match status.and_then(|(_, status)| status.exit_status()) {
                Some(0) => Ok(()),
                _ => Err("some of it is still there").in_step(step),
            }
        }
    }
}
