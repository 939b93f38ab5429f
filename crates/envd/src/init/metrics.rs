//! What the sandbox uses, as `GET /metrics` tells it.

use std::cell::Cell;
use std::fs;

use codecourier_e2b::files::Metrics;
use rustix::fs::statvfs;
use rustix::thread::sched_getaffinity;

use super::clock;

const MEBIBYTE: u64 = 1024 * 1024;

/// Remembers the last look at the processor times, which only mean something as a difference.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    last: Cell<CpuTimes>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct CpuTimes {
    busy: u64,
    total: u64,
}

impl Meter {
    /// Reads everything now. What cannot be read is zero.
    pub(crate) fn read(&self) -> Metrics {
        let cpu_count = sched_getaffinity(None).map_or(1, |set| set.count());
        let times =
            fs::read_to_string("/proc/stat").map_or_else(|_| CpuTimes::default(), |text| parse_cpu_times(&text));
        let last = self.last.replace(times);
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let field = |name| meminfo_field(&memory, name).unwrap_or(0);
        let total = cgroup_limit().map_or(field("MemTotal"), |limit| limit.min(field("MemTotal").max(1)));
        let used = cgroup_usage().unwrap_or_else(|| field("MemTotal").saturating_sub(field("MemAvailable")));
        let disk = statvfs("/").ok();
        let (disk_total, disk_free) = disk.map_or((0, 0), |disk| {
            (disk.f_blocks * disk.f_frsize, disk.f_bfree * disk.f_frsize)
        });
        Metrics {
            ts: clock::now_seconds(),
            cpu_count,
            cpu_used_pct: used_percent(last, times),
            mem_total: total,
            mem_used: used,
            mem_cache: field("Cached"),
            mem_total_mib: total / MEBIBYTE,
            mem_used_mib: used / MEBIBYTE,
            disk_used: disk_total.saturating_sub(disk_free),
            disk_total,
        }
    }
}

fn used_percent(last: CpuTimes, now: CpuTimes) -> f64 {
    let total = now.total.saturating_sub(last.total);
    if total == 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "a percentage; ticks stay far below 2^52")]
    let share = now.busy.saturating_sub(last.busy) as f64 / total as f64;
    (share * 10_000.0).round() / 100.0
}

fn parse_cpu_times(stat: &str) -> CpuTimes {
    let ticks: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|field| field.parse().ok())
        .collect();
    let total = ticks.iter().sum();
    // Fields 4 and 5 are idle and waiting for a disk.
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    CpuTimes {
        busy: total - idle,
        total,
    }
}

fn meminfo_field(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.split_ascii_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

fn cgroup_limit() -> Option<u64> {
    cgroup_number([
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ])
}

fn cgroup_usage() -> Option<u64> {
    cgroup_number([
        "/sys/fs/cgroup/memory.current",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ])
}

fn cgroup_number(paths: [&str; 2]) -> Option<u64> {
    paths
        .iter()
        .find_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_use_is_the_busy_share_between_two_looks() {
        let before = parse_cpu_times("cpu  100 0 100 700 100 0 0 0 9 9\ncpu0 1\n");
        let after = parse_cpu_times("cpu  150 0 150 750 150 0 0 0 9 9\n");
        assert_eq!(before, CpuTimes { busy: 200, total: 1000 });
        assert!((used_percent(before, after) - 50.0).abs() < f64::EPSILON);
        assert!(used_percent(after, after).abs() < f64::EPSILON);
        assert_eq!(parse_cpu_times(""), CpuTimes::default());
    }

    #[test]
    fn meminfo_is_in_kibibytes() {
        let text = "MemTotal:  2048 kB\nMemTotalish: 1 kB\nCached: x kB\n";
        assert_eq!(meminfo_field(text, "MemTotal"), Some(2 * MEBIBYTE));
        assert_eq!(meminfo_field(text, "Cached"), None);
        assert_eq!(meminfo_field(text, "Swap"), None);
    }
}
