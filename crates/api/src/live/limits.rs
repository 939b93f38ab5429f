//! What a client may ask of the server on one socket.

use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use tokio::time::Instant;

/// The longest message that is read.
pub(super) const MESSAGE: usize = 16 * 1024;
/// How long a client may take to say who it is.
pub(super) const INTRODUCTION: Duration = Duration::from_secs(10);
/// How long a client may keep us from sending anything.
pub(super) const STALL: Duration = Duration::from_secs(20);
/// How often the server asks a silent client whether it is there.
pub(super) const PING: Duration = Duration::from_secs(30);
/// How long a client may be silent, also when it is asked.
pub(super) const SILENCE: Duration = Duration::from_secs(75);
/// How long the last words to a client may take.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// How many messages in a row that cannot be read are answered.
pub(super) const NONSENSE: u32 = 10;
/// How many messages may come at once, and how many a second in the long run.
const BURST: u32 = 200;
const PACE: u32 = 20;

/// Small buffers: a socket is mostly silent, and there are many. The default takes 128 KiB for each to read into.
pub(super) fn apply(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(4 * 1024)
        .write_buffer_size(2 * 1024)
        .max_message_size(MESSAGE)
        .max_frame_size(MESSAGE)
}

/// How many more messages a client may send now.
#[derive(Debug)]
pub(super) struct Pace {
    left: u32,
    since: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            left: BURST,
            since: Instant::now(),
        }
    }

    /// Counts a message; false when there are too many.
    pub(super) fn allows_one(&mut self) -> bool {
        let passed = self.since.elapsed();
        let earned = u32::try_from(passed.as_millis() * u128::from(PACE) / 1_000).unwrap_or(u32::MAX);
        if earned > 0 {
            self.left = self.left.saturating_add(earned).min(BURST);
            self.since = Instant::now();
        }
        self.left = match self.left.checked_sub(1) {
            Some(left) => left,
            None => return false,
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_a_flood_does_not() {
        let mut pace = Pace::new();
        assert_eq!((0..1_000).filter(|_| pace.allows_one()).count(), BURST as usize);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!((0..1_000).filter(|_| pace.allows_one()).count(), PACE as usize);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!((0..1_000).filter(|_| pace.allows_one()).count(), BURST as usize);
    }
}
