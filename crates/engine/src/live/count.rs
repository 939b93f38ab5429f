//! Counting what clients are told, for whoever watches the server.
//!
//! Invariant: a label is a word of this module's.

use std::sync::Arc;

use super::frame::Frame;

/// Of how many helpings one is measured: with many clients all of them would be a flood.
const MEASURED: u32 = 32;

/// Counts what goes out, and of one helping in [`MEASURED`] how long it took.
pub(super) fn count_frames(frames: &[Arc<Frame>], told: &mut u32) {
    let Some(last) = frames.last() else { return };
    let deltas = frames.iter().filter(|frame| frame.seq().is_some()).count();
    count_messages("delta", deltas);
    count_messages("transient", frames.len() - deltas);
    *told = told.wrapping_add(1);
    if told.is_multiple_of(MEASURED) {
        metrics::histogram!("codecourier_live_delay_seconds").record(last.age().as_secs_f64());
    }
}

/// Counts messages of a kind.
pub(super) fn count_messages(kind: &'static str, count: usize) {
    if count > 0 {
        metrics::counter!("codecourier_live_messages_total", "kind" => kind).increment(count as u64);
    }
}
