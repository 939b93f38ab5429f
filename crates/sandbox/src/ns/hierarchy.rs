//! Which control group hierarchies this host has, and where in them this process may make groups.
//!
//! Each controller is found by itself: on version 1 if a mount there lists it, else on version 2. Both at once is
//! normal ("hybrid"). Nothing is mounted, unmounted or rebound here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::launch::GroupVersion;

/// The leaf that this process moves to, since a version 2 group with processes can't have limited children.
const DAEMON_LEAF: &str = "codecourier-daemon";

/// What a sandbox is limited and controlled by.
pub(super) const WANTED: &[&str] = &["memory", "cpu", "pids", "freezer"];

/// A directory in which groups for sandboxes can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// The directory.
    pub(super) parent: PathBuf,
    /// Its version.
    pub(super) version: GroupVersion,
    /// The wanted controllers that are used here. Freezing is part of every version 2 group.
    pub(super) controllers: Vec<String>,
}

/// What was found, and per missing controller why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Usable hierarchies.
    pub(super) hierarchies: Vec<Hierarchy>,
    /// Wanted controllers that can't be used, with the reason.
    pub(super) missing: Vec<(&'static str, String)>,
}

/// Looks at this process's groups. Tries each by making one.
pub(super) fn find() -> Found {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut found = Found::default();
    let mut reasons: Vec<(&'static str, String)> = Vec::new();
    for mut candidate in candidates(&mounts, &own) {
        if candidate.version == GroupVersion::V2 {
            enable_controllers(&mut candidate, &found);
        }
        candidate
            .controllers
            .retain(|name| !found.hierarchies.iter().any(|other| other.controllers.contains(name)));
        if candidate.controllers.is_empty() {
            continue;
        }
        match try_group(&candidate) {
            Ok(()) => found.hierarchies.push(candidate),
            Err(error) => {
                let why = format!("a group can't be made in {}: {error}", candidate.parent.display());
                let lost = WANTED
                    .iter()
                    .filter(|name| candidate.controllers.iter().any(|own| own == *name));
                reasons.extend(lost.map(|name| (*name, why.clone())));
            }
        }
    }
    for name in WANTED {
        if found
            .hierarchies
            .iter()
            .any(|hierarchy| hierarchy.controllers.iter().any(|own| own == name))
        {
            continue;
        }
        let why = reasons
            .iter()
            .find(|(lost, _)| lost == name)
            .map(|(_, why)| why.clone());
        found.missing.push((
            *name,
            why.unwrap_or_else(|| format!("no hierarchy here has the controller `{name}`")),
        ));
    }
    found
}

/// Version 2 comes first for freezing and killing, which it does better, and last for everything else: a controller that
/// a version 1 mount has is not there.
fn candidates(mounts: &str, own: &str) -> Vec<Hierarchy> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for line in mounts.lines() {
        let Some(mount) = parse_mount(line) else { continue };
        let (version, names) = match mount.kind {
            "cgroup2" => (GroupVersion::V2, Vec::new()),
            "cgroup" => (GroupVersion::V1, mount.options.split(',').collect::<Vec<_>>()),
            _ => continue,
        };
        let path = own.lines().find_map(|line| own_path(line, version, &names));
        let Some(parent) = path.and_then(|path| inside(mount.point, mount.root, path)) else {
            continue;
        };
        match version {
            GroupVersion::V1 => {
                let controllers: Vec<String> = WANTED
                    .iter()
                    .filter(|name| names.contains(name))
                    .map(|name| (*name).to_owned())
                    .collect();
                if !controllers.is_empty() {
                    second.push(Hierarchy {
                        parent,
                        version,
                        controllers,
                    });
                }
            }
            GroupVersion::V2 => {
                let parent = if parent.ends_with(DAEMON_LEAF) {
                    parent.parent().map(Path::to_path_buf)
                } else {
                    Some(parent)
                };
                if let Some(parent) = parent {
                    first.push(Hierarchy {
                        parent,
                        version,
                        controllers: vec!["freezer".to_owned()],
                    });
                }
            }
        }
    }
    first.extend(second);
    first
}

struct Mount<'line> {
    root: &'line str,
    point: &'line str,
    kind: &'line str,
    options: &'line str,
}

/// `36 35 98:0 /root /point options fields… - kind source super-options`.
fn parse_mount(line: &str) -> Option<Mount<'_>> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(3);
    let (root, point) = (left.next()?, left.next()?);
    let mut right = right.split(' ');
    let kind = right.next()?;
    Some(Mount {
        root,
        point,
        kind,
        options: right.nth(1)?,
    })
}

/// `4:memory:/path` or `0::/path`.
fn own_path<'line>(line: &'line str, version: GroupVersion, names: &[&str]) -> Option<&'line str> {
    let mut fields = line.splitn(3, ':');
    let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
    let ours = match version {
        GroupVersion::V2 => controllers.is_empty(),
        GroupVersion::V1 => !controllers.is_empty() && controllers.split(',').all(|name| names.contains(&name)),
    };
    ours.then_some(path)
}

/// Where a group is visible below a mount of (part of) its hierarchy.
fn inside(point: &str, root: &str, path: &str) -> Option<PathBuf> {
    if path.split('/').any(|part| part == "..") {
        return None;
    }
    let below = if root == "/" {
        path
    } else {
        path.strip_prefix(root).unwrap_or("")
    };
    Some(Path::new(point).join(below.trim_start_matches('/')))
}

/// Adds the controllers that can be given to children. A group with processes can't, unless it is the root: then this
/// process moves into a leaf.
fn enable_controllers(candidate: &mut Hierarchy, found: &Found) {
    let available = fs::read_to_string(candidate.parent.join("cgroup.controllers")).unwrap_or_default();
    let taken = |name: &str| {
        found
            .hierarchies
            .iter()
            .any(|other| other.controllers.iter().any(|own| own == name))
    };
    let wanted: Vec<&str> = available
        .split_whitespace()
        .filter(|name| WANTED.contains(name) && !taken(name))
        .collect();
    if wanted.is_empty() {
        return;
    }
    let file = candidate.parent.join("cgroup.subtree_control");
    let enabled = || fs::read_to_string(&file).unwrap_or_default();
    let all = |text: &str| {
        wanted
            .iter()
            .all(|name| text.split_whitespace().any(|own| own == *name))
    };
    if !all(&enabled()) {
        let line = wanted
            .iter()
            .map(|name| format!("+{name}"))
            .collect::<Vec<_>>()
            .join(" ");
        if fs::write(&file, &line).is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY)) {
            let leaf = candidate.parent.join(DAEMON_LEAF);
            drop(fs::create_dir(&leaf));
            let moved = fs::write(leaf.join("cgroup.procs"), std::process::id().to_string());
            drop(moved.and_then(|()| fs::write(&file, &line)));
        }
    }
    let now = enabled();
    let usable = wanted
        .iter()
        .filter(|name| now.split_whitespace().any(|own| own == **name));
    candidate.controllers.extend(usable.map(|name| (*name).to_owned()));
}

const PROBE: &str = "codecourier-probe-";

fn try_group(hierarchy: &Hierarchy) -> io::Result<()> {
    sweep_probes(&hierarchy.parent);
    let path = hierarchy.parent.join(format!("{PROBE}{}", std::process::id()));
    match fs::create_dir(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::remove_dir(path)
}

/// A server that was killed between the two lines above left its group.
fn sweep_probes(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PROBE));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            drop(fs::remove_dir(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID_MOUNTS: &str = "\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
34 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";

    #[test]
    fn on_a_hybrid_host_each_controller_is_found_by_itself() {
        let own = "4:memory:/work/a\n1:cpu:/\n9:name=systemd:/\n0::/";
        let found = candidates(HYBRID_MOUNTS, own);
        let paths: Vec<_> = found
            .iter()
            .map(|hierarchy| hierarchy.parent.to_str().unwrap())
            .collect();
        assert_eq!(
            paths,
            [
                "/sys/fs/cgroup/unified/",
                "/sys/fs/cgroup/cpu/",
                "/sys/fs/cgroup/memory/work/a"
            ]
        );
        assert_eq!(found[0].controllers, ["freezer"]);
        assert_eq!(found[2].controllers, ["memory"]);
    }

    #[test]
    fn a_mount_of_a_part_of_the_hierarchy_is_understood() {
        let mounts = "41 31 0:38 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        let found = candidates(mounts, "0::/docker/abc/codecourier-daemon");
        assert_eq!(found[0].parent, Path::new("/sys/fs/cgroup"));
        assert!(candidates(mounts, "0::/../elsewhere").is_empty());
    }

    #[test]
    fn controllers_that_share_a_version_1_mount_are_found() {
        let mounts = "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct";
        let found = candidates(mounts, "3:cpu,cpuacct:/user.slice");
        assert_eq!(found[0].parent, Path::new("/sys/fs/cgroup/cpu,cpuacct/user.slice"));
    }
}
