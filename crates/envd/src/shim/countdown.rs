//! The time that a sandbox has left: it does not pass while the sandbox stands still.
//!
//! Invariant: what is looked at is the group's own state, so it counts the same whoever froze it and whoever has died since.
//! A stretch counts as still when the sandbox stood still at both its ends; whoever freezes or thaws has the shim look then,
//! and otherwise it looks every few seconds.

/// A countdown, in milliseconds of the clock that the shim keeps time by.
#[derive(Debug)]
pub(super) struct Countdown {
    ends_ms: u64,
    /// When the sandbox was last seen to stand still, if it did when it was last looked at.
    still_ms: Option<u64>,
}

/// Whether a sandbox stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// Its processes do not run.
    Still,
    /// They run.
    NotStill,
}

impl Countdown {
    pub(super) const fn until(ends_ms: u64) -> Self {
        Self {
            ends_ms,
            still_ms: None,
        }
    }

    /// Looks at it, and gives what is left. Whatever stands still has some.
    pub(super) fn left(&mut self, now_ms: u64, stands: Stands) -> u64 {
        if stands == Stands::NotStill {
            self.still_ms = None;
            return self.ends_ms.saturating_sub(now_ms);
        }
        if let Some(since_ms) = self.still_ms {
            let passed = now_ms.saturating_sub(since_ms);
            self.ends_ms = self.ends_ms.saturating_add(passed);
        }
        self.still_ms = Some(now_ms);
        self.ends_ms.saturating_sub(now_ms).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Countdown, Stands};

    #[test]
    fn no_time_passes_while_it_stands_still() {
        let mut countdown = Countdown::until(100);
        assert_eq!(countdown.left(10, Stands::NotStill), 90);
        assert_eq!(countdown.left(20, Stands::Still), 80);
        assert_eq!(countdown.left(1_000, Stands::Still), 80);
        assert_eq!(countdown.left(5_000, Stands::Still), 80);
        assert_eq!(countdown.left(5_030, Stands::NotStill), 50);
        assert_eq!(countdown.left(5_080, Stands::NotStill), 0);
    }

    #[test]
    fn what_stands_still_does_not_end() {
        let mut countdown = Countdown::until(100);
        assert_eq!(countdown.left(99, Stands::NotStill), 1);
        assert_eq!(countdown.left(200, Stands::Still), 1);
        assert_eq!(countdown.left(300, Stands::Still), 1);
        assert_eq!(countdown.left(301, Stands::NotStill), 0);
    }
}
