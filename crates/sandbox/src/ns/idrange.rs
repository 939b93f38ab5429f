//! Ranges of 65,536 host user ids, one per sandbox, so that two sandboxes share no id.
//!
//! A range is taken by making a symbolic link named by its number that "points" to the sandbox's identifier: made with
//! its content in one step, so that no crash leaves a range whose owner is not known. Taking again for the same sandbox
//! is no error: a maker may have died in between.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use codecourier_domain::id::SandboxId;

use crate::Error;

/// Above what distributions hand out as subordinate ids and what systemd uses for containers.
const FIRST: u32 = 0x7000_0000;
const RANGES: u32 = 2_048;
const WIDTH: u32 = 65_536;

/// Takes a range; returns its first id.
pub(super) fn take(directory: &Path, id: &SandboxId) -> Result<u32, Error> {
    fs::create_dir_all(directory).map_err(|error| Error::host("make", directory, error))?;
    let owner = id.to_string();
    let start = start_of(id);
    for step in 0..RANGES {
        let number = (start + step) % RANGES;
        let path = directory.join(number.to_string());
        match symlink(&owner, &path) {
            Ok(()) => return Ok(FIRST + number * WIDTH),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_owned_by(&path, &owner) {
                    return Ok(FIRST + number * WIDTH);
                }
            }
            Err(error) => return Err(Error::host("make", path, error)),
        }
    }
    Err(Error::create(
        "take user ids",
        format!("all {RANGES} ranges of user ids are taken"),
    ))
}

/// Gives a sandbox's range back.
pub(super) fn give_back(directory: &Path, id: &SandboxId) {
    let owner = id.to_string();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if is_owned_by(&entry.path(), &owner) {
            // Losing this race only leaves a range unused until the sandbox's identifier comes again.
            drop(fs::remove_file(entry.path()));
        }
    }
}

fn is_owned_by(path: &Path, owner: &str) -> bool {
    fs::read_link(path).is_ok_and(|target| target.as_os_str() == owner)
}

/// The number of a base, to spread sandboxes over things that there are few of.
pub(super) const fn number(base: u32) -> u32 {
    base.saturating_sub(FIRST) / WIDTH
}

/// Identifiers end in random bits: a search from there hits a free range at once.
fn start_of(id: &SandboxId) -> u32 {
    let bytes = id.uuid().into_bytes();
    u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) % RANGES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_gets_its_own_range_again_and_never_anothers() {
        let directory = tempfile::tempdir().unwrap();
        let first: SandboxId = "sbx_00000000000070008000000000000001".parse().unwrap();
        let same_start: SandboxId = "sbx_00000000000070008000000100000001".parse().unwrap();
        let base = take(directory.path(), &first).unwrap();
        assert_eq!(take(directory.path(), &first).unwrap(), base);
        let other = take(directory.path(), &same_start).unwrap();
        assert!(other.abs_diff(base) >= WIDTH);
        give_back(directory.path(), &first);
        give_back(directory.path(), &same_start);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
