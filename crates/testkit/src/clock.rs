//! Time for tests: a clock that ticks with the machine's and that a test can move forward.
//!
//! Ticking, since whoever waits for a lease or a timer waits in real time too; moved forward, so that nobody has to.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use codecourier_domain::time::{Clock, Timestamp};

/// A clock that begins at the real time and can be moved forward. Several engines may share one.
#[derive(Debug)]
pub struct FakeClock {
    began_at: Timestamp,
    began: Instant,
    moved: AtomicI64,
}

impl Default for FakeClock {
    fn default() -> Self {
        Self {
            began_at: real_now(),
            began: Instant::now(),
            moved: AtomicI64::new(0),
        }
    }
}

impl FakeClock {
    /// Moves it forward.
    pub fn advance(&self, milliseconds: i64) {
        self.moved.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let ticked = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.began_at
            .plus_milliseconds(ticked)
            .plus_milliseconds(self.moved.load(Ordering::SeqCst))
    }
}

/// The machine's time.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that reads the time"
)]
pub(crate) fn real_now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}
