//! The host: kernel, data directory, disk, and what sandboxes can do here.

use std::path::Path;

use codecourier_sandbox::{Backend as _, CheckState};

use super::Finding;
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::platform;
use crate::terminal::time;

const HOST: &str = "host";
const SANDBOXES: &str = "sandboxes";
/// What the templates and one sandbox with some room take.
const WANTED_DISK: u64 = 6 << 30;
/// Below this a template cannot be built.
const NEEDED_DISK: u64 = 2 << 30;

/// Looks at the host.
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![kernel(), memory()];
    let directory = DataDirectory::at(&config.data_directory);
    match directory.make() {
        Err(problem) => {
            let finding = Finding::missing(HOST, "data directory", problem.message);
            findings.push(match problem.remedy {
                Some(remedy) => finding.with_remedy(remedy),
                None => finding,
            });
            return findings;
        }
        Ok(()) => findings.push(Finding::works(
            HOST,
            "data directory",
            directory.path().display().to_string(),
        )),
    }
    findings.push(disk(directory.path()));
    findings.push(lock(&directory));
    findings.extend(sandboxes(&directory).await);
    findings
}

fn kernel() -> Finding {
    let uname = rustix::system::uname();
    let text = |field: &std::ffi::CStr| field.to_string_lossy().into_owned();
    let (release, machine) = (text(uname.release()), text(uname.machine()));
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let found = format!("Linux {release} on {machine}");
    if machine != "x86_64" {
        return Finding::missing(HOST, "kernel", found)
            .with_remedy("Sandboxes are built for x86_64 so far: use such a machine.");
    }
    if version < (5, 11) {
        return Finding::missing(HOST, "kernel", found).with_remedy("Use Linux 5.11 or newer.");
    }
    Finding::works(HOST, "kernel", found)
}

fn memory() -> Finding {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()
    };
    match (kilobytes("MemTotal:"), kilobytes("MemAvailable:")) {
        (Some(total), Some(free)) => {
            let found = format!("{} MB, of which {} MB are free", total / 1_024, free / 1_024);
            if free < 1 << 20 {
                Finding::degraded(HOST, "memory", found)
                    .with_remedy("A sandbox may use 2 GB unless --memory-mb says less.")
            } else {
                Finding::works(HOST, "memory", found)
            }
        }
        _ => Finding::note(HOST, "memory", "cannot be read"),
    }
}

fn disk(directory: &Path) -> Finding {
    match rustix::fs::statvfs(directory) {
        Ok(stat) => {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize);
            let found = format!("{} MB free for the data directory", time::count(free >> 20));
            if free < NEEDED_DISK {
                Finding::missing(HOST, "disk", found)
                    .with_remedy("Free at least 2 GB, or put the data directory elsewhere with --data-dir.")
            } else if free < WANTED_DISK {
                Finding::degraded(HOST, "disk", found)
                    .with_remedy("6 GB are comfortable: templates, and a sandbox's files.")
            } else {
                Finding::works(HOST, "disk", found)
            }
        }
        Err(error) => Finding::note(HOST, "disk", format!("cannot be measured: {error}")),
    }
}

fn lock(directory: &DataDirectory) -> Finding {
    match directory.try_lock("codecourier doctor") {
        Ok(Ok(_lock)) => Finding::works(HOST, "lock", "no other process uses the data directory"),
        Ok(Err(in_use)) => Finding::note(HOST, "lock", in_use.to_string()),
        Err(problem) => Finding::missing(HOST, "lock", problem.message),
    }
}

async fn sandboxes(directory: &DataDirectory) -> Vec<Finding> {
    let backend = match platform::open_backend(directory) {
        Ok(backend) => backend,
        Err(problem) => return vec![Finding::missing(SANDBOXES, "runtime", problem.message)],
    };
    let support = backend.probe().await;
    // What is degraded is told below with what holds instead, so once is enough.
    let is_told_below = !support.degraded.is_empty();
    let mut findings: Vec<Finding> = support
        .checks
        .into_iter()
        .filter(|check| !(is_told_below && matches!(check.state, CheckState::Degraded { .. })))
        .map(|check| match check.state {
            CheckState::Works { detail } => Finding::works(SANDBOXES, check.name, detail),
            CheckState::Degraded { why, remedy } => Finding::degraded(SANDBOXES, check.name, why).with_remedy(remedy),
            CheckState::Missing { why, remedy } => Finding::missing(SANDBOXES, check.name, why).with_remedy(remedy),
        })
        .collect();
    for degradation in support.degraded {
        findings.push(
            Finding::degraded(
                SANDBOXES,
                degradation.guarantee.as_str(),
                format!("{}; instead: {}", degradation.why, degradation.instead),
            )
            .with_remedy(degradation.remedy),
        );
    }
    if !support.available && !findings.iter().any(|finding| finding.state == super::Standing::Missing) {
        findings.push(Finding::missing(SANDBOXES, "runtime", "no sandbox can be made here"));
    }
    findings.push(Finding::note(SANDBOXES, "isolation", support.tier.protects_from()));
    findings
}
