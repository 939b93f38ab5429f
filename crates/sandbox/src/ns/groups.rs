//! A sandbox's control groups: make and limit, freeze, kill, count, remove. One meaning over both versions.

use std::fs;
use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use codecourier_domain::limits::SandboxLimits;
use rustix::process::{Pid, Signal, kill_process};

use super::hierarchy::Hierarchy;
use super::launch::{Group, GroupVersion};
use crate::{Error, Usage};

/// How long the kernel may take to do what can't fail.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);

/// The groups a sandbox will have. To be recorded before they are made.
pub(super) fn planned(hierarchies: &[Hierarchy], name: &str) -> Vec<Group> {
    let group = |hierarchy: &Hierarchy| Group {
        path: hierarchy.parent.join(name),
        version: hierarchy.version,
        controllers: hierarchy.controllers.clone(),
    };
    hierarchies.iter().map(group).collect()
}

/// Makes them and sets the limits.
pub(super) fn make(groups: &[Group], limits: &SandboxLimits) -> Result<(), Error> {
    for group in groups {
        let made = fs::create_dir(&group.path);
        made.or_else(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                Ok(())
            } else {
                Err(error)
            }
        })
        .map_err(|error| Error::host("make", &group.path, error))?;
        for controller in &group.controllers {
            for (file, value, need) in settings(group.version, controller, limits) {
                match (write(group, file, &value), need) {
                    (Ok(()), _) => {}
                    // Kernels without swap accounting have no file for it, and then no swap is counted anywhere.
                    (Err(error), Need::IfThere) if error.kind() == io::ErrorKind::NotFound => {}
                    (Err(error), _) => return Err(Error::host("write", group.path.join(file), error)),
                }
            }
        }
    }
    Ok(())
}

enum Need {
    Always,
    IfThere,
}

fn settings(version: GroupVersion, controller: &str, limits: &SandboxLimits) -> Vec<(&'static str, String, Need)> {
    use GroupVersion::{V1, V2};
    let memory = (u64::from(limits.memory_mb()) << 20).to_string();
    let quota = u64::from(limits.cpus()) * 100_000;
    match (version, controller) {
        // The order matters: the sum with swap may not be below the memory.
        (V1, "memory") => vec![
            ("memory.limit_in_bytes", memory.clone(), Need::Always),
            ("memory.memsw.limit_in_bytes", memory, Need::IfThere),
        ],
        // One process is killed, not the whole group: the same as version 1, and what it was is then told.
        (V2, "memory") => {
            vec![
                ("memory.max", memory, Need::Always),
                ("memory.swap.max", "0".to_owned(), Need::IfThere),
            ]
        }
        (V1, "cpu") => vec![
            ("cpu.cfs_period_us", "100000".to_owned(), Need::Always),
            ("cpu.cfs_quota_us", quota.to_string(), Need::Always),
        ],
        (V2, "cpu") => vec![("cpu.max", format!("{quota} 100000"), Need::Always)],
        (V1 | V2, "pids") => vec![("pids.max", limits.processes().to_string(), Need::Always)],
        _ => Vec::new(),
    }
}

/// The processes in a sandbox's groups.
pub(super) fn processes(groups: &[Group]) -> Vec<i32> {
    let mut all: Vec<i32> = groups
        .iter()
        .filter_map(|group| fs::read_to_string(group.path.join("cgroup.procs")).ok())
        .flat_map(|text| {
            text.lines()
                .filter_map(|line| line.trim().parse().ok())
                .collect::<Vec<_>>()
        })
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Kills whatever is in the groups, until nothing is or the deadline is over. Returns how many there were and are.
pub(super) fn kill_all(groups: &[Group]) -> (u32, u32) {
    let mut seen: Vec<i32> = Vec::new();
    let start = Instant::now();
    loop {
        let alive = processes(groups);
        if alive.is_empty() || start.elapsed() > DEADLINE {
            return (count(seen.len()), count(alive.len()));
        }
        // A frozen process of version 1 does not die.
        drop(thaw(groups));
        for group in groups.iter().filter(|group| group.version == GroupVersion::V2) {
            drop(write(group, "cgroup.kill", "1"));
        }
        for pid in alive {
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
            if !seen.contains(&pid) {
                seen.push(pid);
            }
        }
        sleep(Duration::from_millis(1));
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Removes empty groups. The kernel says busy while the last process leaves.
pub(super) fn remove(groups: &[Group]) -> Result<(), Error> {
    for group in groups {
        let start = Instant::now();
        loop {
            match fs::remove_dir(&group.path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) if start.elapsed() > DEADLINE => return Err(Error::host("remove", &group.path, error)),
                Err(_) => sleep(Duration::from_millis(1)),
            }
        }
    }
    Ok(())
}

/// Whether there is a group to freeze by.
pub(super) fn can_freeze(groups: &[Group]) -> bool {
    freezer(groups).is_some()
}

fn freezer(groups: &[Group]) -> Option<&Group> {
    groups
        .iter()
        .find(|group| group.controllers.iter().any(|name| name == "freezer"))
}

/// Stops every process where it is, and waits until they have stopped.
pub(super) fn freeze(groups: &[Group]) -> io::Result<()> {
    let group = freezer(groups).ok_or(io::ErrorKind::Unsupported)?;
    match group.version {
        GroupVersion::V2 => {
            write(group, "cgroup.freeze", "1")?;
            until(|_| Ok(read(group, "cgroup.events")?.contains("frozen 1")))
        }
        GroupVersion::V1 => {
            write(group, "freezer.state", "FROZEN")?;
            until(|round| {
                if read(group, "freezer.state")?.trim() == "FROZEN" {
                    return Ok(true);
                }
                // A parent in vfork can't freeze before its child has gone on: let them run for a moment.
                if round % 8 == 7 {
                    write(group, "freezer.state", "THAWED")?;
                    sleep(Duration::from_millis(1));
                }
                write(group, "freezer.state", "FROZEN")?;
                Ok(false)
            })
        }
    }
}

/// Lets them run again.
pub(super) fn thaw(groups: &[Group]) -> io::Result<()> {
    let group = freezer(groups).ok_or(io::ErrorKind::Unsupported)?;
    match group.version {
        GroupVersion::V2 => {
            write(group, "cgroup.freeze", "0")?;
            until(|_| Ok(read(group, "cgroup.events")?.contains("frozen 0")))
        }
        GroupVersion::V1 => {
            write(group, "freezer.state", "THAWED")?;
            until(|_| Ok(read(group, "freezer.state")?.trim() == "THAWED"))
        }
    }
}

/// Whether it is frozen, or asked to be.
pub(super) fn is_frozen(groups: &[Group]) -> bool {
    freezer(groups).is_some_and(|group| match group.version {
        GroupVersion::V2 => read(group, "cgroup.freeze").is_ok_and(|text| text.trim() == "1"),
        GroupVersion::V1 => read(group, "freezer.state").is_ok_and(|text| text.trim() != "THAWED"),
    })
}

fn until(mut done: impl FnMut(u32) -> io::Result<bool>) -> io::Result<()> {
    let start = Instant::now();
    let mut round = 0;
    while !done(round)? {
        if start.elapsed() > DEADLINE {
            return Err(io::ErrorKind::TimedOut.into());
        }
        round += 1;
        // The first rounds are a matter of microseconds.
        if round > 20 {
            sleep(Duration::from_micros(200));
        } else {
            std::thread::yield_now();
        }
    }
    Ok(())
}

/// What the groups meter.
pub(super) fn usage(groups: &[Group]) -> Usage {
    let number = |group: &Group, file: &str| read(group, file).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let mut usage = Usage::default();
    for group in groups {
        for controller in &group.controllers {
            match (controller.as_str(), group.version) {
                ("memory", GroupVersion::V1) => usage.memory_bytes = number(group, "memory.usage_in_bytes"),
                ("memory", GroupVersion::V2) => usage.memory_bytes = number(group, "memory.current"),
                ("pids", _) => {
                    usage.processes = number(group, "pids.current").and_then(|count| u32::try_from(count).ok());
                }
                _ => {}
            }
        }
        // Every version 2 group has it, whatever its controllers.
        if group.version == GroupVersion::V2 {
            let stat = read(group, "cpu.stat").unwrap_or_default();
            let line = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
            usage.cpu_microseconds = line.and_then(|text| text.trim().parse().ok());
        } else if usage.cpu_microseconds.is_none() {
            usage.cpu_microseconds = number(group, "cpuacct.usage").map(|nanoseconds| nanoseconds / 1000);
        }
    }
    usage
}

fn read(group: &Group, file: &str) -> io::Result<String> {
    fs::read_to_string(group.path.join(file))
}

fn write(group: &Group, file: &str, value: &str) -> io::Result<()> {
    fs::write(Path::new(&group.path).join(file), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files of a group, in a plain directory: what the kernel would be told.
    fn told(version: GroupVersion, controllers: &[&str]) -> Vec<(String, String)> {
        let directory = tempfile::tempdir().unwrap();
        let group = Group {
            path: directory.path().join("group"),
            version,
            controllers: controllers.iter().map(|name| (*name).to_owned()).collect(),
        };
        let limits = SandboxLimits::new(512, 3, 100, 64, 60).unwrap();
        make(&[group], &limits).unwrap();
        let mut told: Vec<(String, String)> = fs::read_dir(directory.path().join("group"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                (
                    path.file_name().unwrap().to_str().unwrap().to_owned(),
                    fs::read_to_string(&path).unwrap(),
                )
            })
            .collect();
        told.sort();
        told
    }

    #[test]
    fn both_versions_are_told_the_same_limits() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            told(GroupVersion::V2, &["freezer", "memory", "cpu", "pids"]),
            [
                pair("cpu.max", "300000 100000"),
                pair("memory.max", "536870912"),
                pair("memory.swap.max", "0"),
                pair("pids.max", "100"),
            ]
        );
        assert_eq!(
            told(GroupVersion::V1, &["memory", "cpu"]),
            [
                pair("cpu.cfs_period_us", "100000"),
                pair("cpu.cfs_quota_us", "300000"),
                pair("memory.limit_in_bytes", "536870912"),
                pair("memory.memsw.limit_in_bytes", "536870912"),
            ]
        );
    }
}
