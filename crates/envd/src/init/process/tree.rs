//! Which processes belong to one that was started here, and which are alive at all, read from `/proc`.
//!
//! The rule for "its tree", applied until it finds nobody new: the process itself; every child of a member; every
//! process in a session or process group that a member leads; every process whose *initial* environment carries the
//! member's tag (`CODECOURIER_TAG=<tag>`). The last finds daemons that double-forked into another session and were
//! handed to pid 1. What it cannot find: a daemon that was started with a cleaned environment **and** whose every
//! ancestor up to the process is gone; only `/kill-all` reaches that one.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::Read as _;

use codecourier_e2b::extension::TAG_VARIABLE;

/// Initial environments are at most this long to be searched.
const ENVIRONMENT_LIMIT: u64 = 2 * 1024 * 1024;

/// One line of the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Process id.
    pub(crate) pid: u32,
    parent: u32,
    group: u32,
    session: u32,
    /// Waits to be reaped.
    pub(crate) is_dead: bool,
}

/// All processes but ourselves, dead ones included.
pub(crate) fn table() -> Vec<Entry> {
    let own = std::process::id();
    let Ok(directory) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    directory
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| *pid != own)
        // Gone between the two reads is gone.
        .filter_map(|pid| parse_stat(pid, &fs::read(format!("/proc/{pid}/stat")).ok()?))
        .collect()
}

/// The living members of a tree. Only among our own descendants: on a plain host, another daemon's processes may carry
/// the same tag.
pub(crate) fn members(root: u32, tag: Option<&str>) -> Vec<u32> {
    let mut table = descendants();
    table.retain(|entry| !entry.is_dead);
    let mark = tag.map(|tag| format!("{TAG_VARIABLE}={tag}").into_bytes());
    let carries_mark = |pid: u32| mark.as_ref().is_some_and(|mark| environment_has(pid, mark));
    collect(&table, root, carries_mark)
}

/// The descendants of this process, dead ones included. Complete, because orphans are handed to it.
pub(crate) fn descendants() -> Vec<Entry> {
    let mut table = table();
    let own = std::process::id();
    let mut found = HashSet::from([own]);
    loop {
        let before = found.len();
        for entry in &table {
            if found.contains(&entry.parent) {
                found.insert(entry.pid);
            }
        }
        if found.len() == before {
            table.retain(|entry| found.contains(&entry.pid));
            return table;
        }
    }
}

fn collect(table: &[Entry], root: u32, carries_mark: impl Fn(u32) -> bool) -> Vec<u32> {
    let mut marks: HashMap<u32, bool> = HashMap::new();
    // The root may be dead and reaped; its session and group live on.
    let mut found = HashSet::from([root]);
    loop {
        let before = found.len();
        for entry in table {
            let belongs = found.contains(&entry.pid)
                || found.contains(&entry.parent)
                || found.contains(&entry.session)
                || found.contains(&entry.group)
                || *marks.entry(entry.pid).or_insert_with(|| carries_mark(entry.pid));
            if belongs {
                found.insert(entry.pid);
            }
        }
        if found.len() == before {
            return table
                .iter()
                .map(|entry| entry.pid)
                .filter(|pid| found.contains(pid))
                .collect();
        }
    }
}

/// Fields of `/proc/PID/stat` after the name, which is in parentheses and may contain anything.
fn parse_stat(pid: u32, stat: &[u8]) -> Option<Entry> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')?;
    let text = std::str::from_utf8(stat.get(after_name + 1..)?).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let state = fields.next()?;
    Some(Entry {
        pid,
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
        session: fields.next()?.parse().ok()?,
        is_dead: matches!(state, "Z" | "X"),
    })
}

fn environment_has(pid: u32, mark: &[u8]) -> bool {
    let mut environment = Vec::new();
    let Ok(file) = fs::File::open(format!("/proc/{pid}/environ")) else {
        return false;
    };
    if file.take(ENVIRONMENT_LIMIT).read_to_end(&mut environment).is_err() {
        return false;
    }
    environment.split(|byte| *byte == 0).any(|variable| variable == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(pid: u32, parent: u32, group: u32, session: u32) -> Entry {
        Entry {
            pid,
            parent,
            group,
            session,
            is_dead: false,
        }
    }

    #[test]
    fn a_hostile_name_does_not_confuse_the_reader() {
        let stat = b"42 (evil) Z 1 1 1 () R 7 8 9 0 -1 4194304";
        assert_eq!(parse_stat(42, stat), Some(entry(42, 7, 8, 9)));
        assert!(parse_stat(42, b"42 (x) Z 7 8 9").unwrap().is_dead);
        assert_eq!(parse_stat(42, b"42"), None);
        assert_eq!(parse_stat(42, b"42 (x)"), None);
        assert_eq!(parse_stat(42, b"42 (x) R 1"), None);
    }

    #[test]
    fn a_tree_is_children_sessions_groups_and_marks_until_nobody_is_new() {
        let table = [
            entry(10, 1, 10, 10),  // the process
            entry(11, 10, 10, 10), // its child
            entry(12, 11, 12, 12), // a grandchild in a session of its own
            entry(13, 1, 12, 12),  // an orphan in that session
            entry(14, 1, 14, 14),  // a daemon with the mark
            entry(15, 14, 15, 15), // the daemon's child
            entry(20, 1, 20, 20),  // another process
            entry(21, 20, 20, 20),
        ];
        let mut found = collect(&table, 10, |pid| pid == 14);
        found.sort_unstable();
        assert_eq!(found, [10, 11, 12, 13, 14, 15]);
        // The process is reaped, its group is not.
        let table = [entry(11, 1, 10, 10), entry(20, 1, 20, 20)];
        assert_eq!(collect(&table, 10, |_| false), [11]);
    }

    #[test]
    fn this_test_is_not_its_own_descendant_and_the_table_has_others() {
        let own = std::process::id();
        assert!(!table().is_empty());
        assert!(descendants().iter().all(|entry| entry.pid != own));
    }
}
