//! What this machine is and has. The only reader of the environment among the verbs.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is where the verbs read the environment"
)]

use std::path::{Path, PathBuf};

/// Where a program is, looked for as the shell does, then where Debian and Cargo put what they install.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    directories.extend(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from));
    directories.extend(cargo_home().map(|home| home.join("bin")));
    directories
        .iter()
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

/// Where the programs of the newest PostgreSQL server are.
pub(crate) fn postgresql() -> Option<PathBuf> {
    if let Some(program) = program("postgres") {
        return program.parent().map(Path::to_owned);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.path().join("bin"))
        .filter(|directory| directory.join("postgres").is_file())
        .collect();
    found.sort();
    found.pop()
}

/// A browser of Chromium's kind, under one of the names that `tests/browser` looks for.
pub(crate) fn browser() -> Option<PathBuf> {
    ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]
        .into_iter()
        .find_map(program)
}

/// Whether Python is there and can make virtual environments. Debian's leaves that to a package of its own; others
/// always can.
pub(crate) fn has_python_environments() -> bool {
    let Some(python) = program("python3") else {
        return false;
    };
    let is_of_system = ["/usr/bin", "/bin"]
        .iter()
        .any(|directory| python.starts_with(directory));
    let of_system = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    !is_of_system
        || of_system.into_iter().any(|entry| {
            entry.file_name().to_string_lossy().starts_with("python3.") && entry.path().join("ensurepip").is_dir()
        })
}

/// Whether this process is root, from the owner of what describes it.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// A line each about processor, cores, memory, kernel and system.
pub(crate) fn description() -> Vec<(&'static str, String)> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.trim_start_matches(key)
            .trim_matches([' ', '\t', ':', '=', '"'])
            .to_owned()
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory_kb: u64 = after(&read("/proc/meminfo"), "MemTotal")
        .trim_end_matches(" kB")
        .parse()
        .unwrap_or(0);
    vec![
        ("processor", after(&read("/proc/cpuinfo"), "model name")),
        ("cores", cores.to_string()),
        ("memory", format!("{} GiB", memory_kb / 1024 / 1024)),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("system", after(&read("/etc/os-release"), "PRETTY_NAME")),
    ]
}

/// What `/proc/loadavg` says; empty if it cannot be read.
pub(crate) fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default()
}

/// Whether the system has Debian's package manager.
pub(crate) fn has_apt() -> bool {
    program("apt-get").is_some()
}

fn cargo_home() -> Option<PathBuf> {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cargo")))
}
