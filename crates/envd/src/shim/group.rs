//! The sandbox's control groups as the shim needs them: join, thaw, count, and the kernel's count of memory kills.
//!
//! Descriptors are opened before the shim leaves the host's root, so that it can use the files afterwards.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::process::Pid;

use super::launch::{Group, GroupVersion};
use super::{Fallible, InStep};

/// One group, opened.
#[derive(Debug)]
pub(super) struct OpenGroup {
    directory: OwnedFd,
    parent: OwnedFd,
    name: OsString,
    version: GroupVersion,
    controllers: Vec<String>,
}

/// Opens the groups' directories.
pub(super) fn open_all(groups: &[Group]) -> Fallible<Vec<OpenGroup>> {
    groups
        .iter()
        .map(|group| {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let directory = rustix::fs::open(&group.path, flags, Mode::empty())
                .in_step(&format!("open the control group {}", group.path.display()))?;
            let step = || format!("open the control group {}", group.path.display());
            Ok(OpenGroup {
                parent: rustix::fs::openat(&directory, "..", flags, Mode::empty()).in_step(&step())?,
                name: group.path.file_name().unwrap_or_default().to_owned(),
                directory,
                version: group.version,
                controllers: group.controllers.clone(),
            })
        })
        .collect()
}

impl OpenGroup {
    /// Puts a process in.
    pub(super) fn join(&self, process: Pid) -> io::Result<()> {
        self.write("cgroup.procs", &process.as_raw_nonzero().to_string())
    }

    fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|own| own == controller)
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        let file = self.open(file, OFlags::WRONLY)?;
        rustix::io::write(file, text.as_bytes())?;
        Ok(())
    }

    fn read(&self, file: &str) -> io::Result<String> {
        read_whole(self.open(file, OFlags::RDONLY)?)
    }

    fn open(&self, file: &str, flags: OFlags) -> io::Result<OwnedFd> {
        Ok(rustix::fs::openat(
            self.directory.as_fd(),
            file,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
        )?)
    }
}

/// Lets frozen processes run: on version 1 they can't be killed before.
pub(super) fn thaw(groups: &[OpenGroup]) {
    for group in groups.iter().filter(|group| group.has("freezer")) {
        let _ = match group.version {
            GroupVersion::V1 => group.write("freezer.state", "THAWED"),
            GroupVersion::V2 => group.write("cgroup.freeze", "0"),
        };
    }
}

/// Whether the processes are stopped where they are, or asked to be.
pub(super) fn is_frozen(groups: &[OpenGroup]) -> bool {
    let freezer = groups.iter().find(|group| group.has("freezer"));
    freezer.is_some_and(|group| match group.version {
        GroupVersion::V1 => group.read("freezer.state").is_ok_and(|text| text.trim() != "THAWED"),
        GroupVersion::V2 => group.read("cgroup.freeze").is_ok_and(|text| text.trim() == "1"),
    })
}

/// Removes the (empty) groups. Only for a sandbox that nobody will clean up after.
pub(super) fn remove(groups: &[OpenGroup]) {
    for group in groups {
        let _ = rustix::fs::unlinkat(&group.parent, group.name.as_os_str(), AtFlags::REMOVEDIR);
    }
}

/// How many processes there are, if a group can tell.
pub(super) fn processes(groups: &[OpenGroup]) -> Option<u32> {
    let text = groups.first()?.read("cgroup.procs").ok()?;
    u32::try_from(text.lines().count()).ok()
}

/// The file that counts kills for want of memory.
pub(super) fn memory_events(groups: &[OpenGroup]) -> Option<OwnedFd> {
    let group = groups.iter().find(|group| group.has("memory"))?;
    let file = match group.version {
        GroupVersion::V1 => "memory.oom_control",
        GroupVersion::V2 => "memory.events",
    };
    group.open(file, OFlags::RDONLY).ok()
}

/// How many processes were killed for want of memory.
pub(super) fn memory_kills(groups: &[OpenGroup]) -> u64 {
    let text = memory_events(groups)
        .and_then(|file| read_whole(file).ok())
        .unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_prefix("oom_kill "))
        .filter_map(|count| count.trim().parse::<u64>().ok())
        .sum()
}

fn read_whole(file: OwnedFd) -> io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::from(file).read_to_string(&mut text)?;
    Ok(text)
}
