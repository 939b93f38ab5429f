//! How fast requests are answered: a number at once, and then one after the other with a rest in between.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// The pace of one listener.
#[derive(Debug)]
pub(super) struct Pace {
    rest: Duration,
    /// How far ahead of the pace the answers may be.
    ahead: Duration,
    /// When everything answered so far would have been answered at the pace.
    due: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(burst: u32, rest: Duration) -> Self {
        Self {
            rest,
            ahead: rest.saturating_mul(burst.saturating_sub(1)),
            due: Mutex::new(Instant::now()),
        }
    }

    /// Returns when it is the caller's turn, in the order of the calls.
    pub(super) async fn turn(&self) {
        let mut due = self.due.lock().await;
        let now = Instant::now();
        let start = (*due).max(now);
        let wait = start.saturating_duration_since(now).saturating_sub(self.ahead);
        tokio::time::sleep(wait).await;
        *due = start + self.rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_burst_is_free_and_the_rest_waits() {
        let pace = Pace::new(3, Duration::from_secs(1));
        let start = Instant::now();
        for seconds in [0, 0, 0, 1, 2] {
            pace.turn().await;
            assert_eq!(start.elapsed().as_secs(), seconds);
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        for seconds in [62, 62, 62, 63] {
            pace.turn().await;
            assert_eq!(start.elapsed().as_secs(), seconds);
        }
    }
}
