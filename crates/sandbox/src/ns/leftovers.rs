//! What of a data directory's sandboxes is on the host: for tests, which want to see nothing.

use std::fs;
use std::path::Path;

use super::backend::Places;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// Directories of sandboxes, and what is being deleted.
    pub directories: Vec<String>,
    /// Processes: shims, and pid 1 of sandboxes, with their command lines.
    pub processes: Vec<String>,
    /// Mounts in this process's mount namespace.
    pub mounts: Vec<String>,
    /// Control groups.
    pub groups: Vec<String>,
    /// Loop devices that are bound to a disk image.
    pub loop_devices: Vec<String>,
    /// Ranges of user ids that are taken.
    pub id_ranges: Vec<String>,
}

impl Leftovers {
    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Looks.
pub(super) fn find(places: &Places) -> Leftovers {
    let data = places.data.display().to_string();
    let mut found = Leftovers::default();
    for directory in [&places.sandboxes, &places.trash] {
        found.directories.extend(
            names(directory)
                .into_iter()
                .map(|name| format!("{}/{name}", directory.display())),
        );
    }
    found.id_ranges = names(&places.ids);
    for process in names(Path::new("/proc"))
        .iter()
        .filter(|name| name.parse::<u32>().is_ok())
    {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        if words.get(1) == Some(&b"shim".as_slice()) && words.get(2) == Some(&places.mark.as_bytes()) {
            found.processes.push(format!(
                "{process} {}",
                String::from_utf8_lossy(&line).replace('\0', " ").trim()
            ));
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let ours = mounts
        .lines()
        .filter(|line| line.split(' ').nth(4).is_some_and(|point| point.starts_with(&data)));
    found.mounts = ours.map(str::to_owned).collect();
    find_groups(
        Path::new("/sys/fs/cgroup"),
        &format!("codecourier.{}.", places.mark),
        6,
        &mut found.groups,
    );
    for device in names(Path::new("/sys/block"))
        .iter()
        .filter(|name| name.starts_with("loop"))
    {
        let backing = fs::read_to_string(format!("/sys/block/{device}/loop/backing_file")).unwrap_or_default();
        if backing.starts_with(&data) {
            found.loop_devices.push(format!("{device} {}", backing.trim()));
        }
    }
    found
}

fn find_groups(directory: &Path, prefix: &str, depth: u32, found: &mut Vec<String>) {
    if depth == 0 {
        return;
    }
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            found.push(entry.path().display().to_string());
        } else {
            find_groups(&entry.path(), prefix, depth - 1, found);
        }
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
