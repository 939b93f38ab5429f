//! The wall clock of this daemon: the one place that reads it.

use rustix::time::{ClockId, clock_gettime};

/// Unix milliseconds.
pub(crate) fn now_milliseconds() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000)
}

/// Unix seconds.
pub(crate) fn now_seconds() -> i64 {
    clock_gettime(ClockId::Realtime).tv_sec
}
