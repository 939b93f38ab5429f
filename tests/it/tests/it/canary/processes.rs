//! What every user of the machine can see of a server's programs: their command lines, and, for the same user, their
//! environments.

use std::path::Path;

/// A program, as `/proc` shows it.
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) command_line: Vec<u8>,
    pub(super) environment: Vec<u8>,
}

/// Every program that can be looked at, but for this test itself.
pub(super) fn all() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let read = |pid: u32, name: &str| std::fs::read(Path::new("/proc").join(pid.to_string()).join(name));
    pids.filter(|pid| *pid != std::process::id())
        .map(|pid| Process {
            pid,
            command_line: read(pid, "cmdline").unwrap_or_default(),
            environment: read(pid, "environ").unwrap_or_default(),
        })
        .collect()
}

impl Process {
    /// A variable of its environment.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let variables = self.environment.split(|byte| *byte == 0);
        let text = variables.filter_map(|variable| std::str::from_utf8(variable).ok());
        let mut pairs = text.filter_map(|variable| variable.split_once('='));
        pairs
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value.to_owned())
    }
}
