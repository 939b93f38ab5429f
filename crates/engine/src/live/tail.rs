//! The newest part of a log, in memory: what everybody who is up to date is told from.
//!
//! Pure. Invariants: the numbered frames it holds follow each other without a gap, and it holds all of them after
//! [`Tail::floor`]; who is further back is sent to the log; frames without a number are lost with the ones around them.

use std::collections::VecDeque;
use std::sync::Arc;

use super::frame::Frame;

/// How much of a log is kept for those who are not quite up to date.
const FRAMES_KEPT: usize = 512;
const WEIGHT_KEPT: usize = 512 * 1024;

/// The end of a log.
#[derive(Debug)]
pub(super) struct Tail {
    frames: VecDeque<Arc<Frame>>,
    /// The place of the first frame, counted from the beginning of this tail.
    first: u64,
    /// Every numbered frame after this number is held.
    floor: u64,
    /// The number of the newest frame taken in.
    head: u64,
    weight: usize,
}

/// How far somebody has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The number of the last frame they had.
    pub(super) seq: u64,
    /// The place in the tail from which they go on; `None` for those who come from the log.
    pub(super) place: Option<u64>,
}

/// What there is after a cursor.
#[derive(Debug)]
pub(super) enum Found {
    /// These frames, and where the reader is after them.
    Frames(Vec<Arc<Frame>>, Cursor),
    /// What follows is not here any more: the log has it.
    InTheLog,
}

/// How much to take at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Helping {
    pub(super) frames: usize,
    pub(super) weight: usize,
}

impl Cursor {
    /// Of somebody who has everything up to a number.
    pub(super) const fn after(seq: u64) -> Self {
        Self { seq, place: None }
    }
}

impl Tail {
    /// A tail of a log that begins after a number.
    pub(super) fn after(head: u64) -> Self {
        Self {
            frames: VecDeque::new(),
            first: 0,
            floor: head,
            head,
            weight: 0,
        }
    }

    /// Takes in what comes next.
    pub(super) fn push(&mut self, frame: Arc<Frame>) {
        if let Some(seq) = frame.seq() {
            if seq <= self.head {
                return;
            }
            if seq != self.head + 1 {
                // Whoever reads the log for us never skips; but a gap must not pass as none.
                self.restart_after(seq - 1);
            }
            self.head = seq;
        }
        self.weight += frame.weight();
        self.frames.push_back(frame);
        while self.frames.len() > FRAMES_KEPT || (self.weight > WEIGHT_KEPT && self.frames.len() > 1) {
            self.forget_oldest();
        }
    }

    /// Forgets everything up to a number that retention has removed from the log.
    pub(super) fn restart_after(&mut self, through: u64) {
        while !self.frames.is_empty() {
            self.forget_oldest();
        }
        self.floor = self.floor.max(through);
        self.head = self.head.max(through);
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.frames.pop_front() {
            self.first += 1;
            self.weight -= oldest.weight();
            if let Some(seq) = oldest.seq() {
                self.floor = seq;
            }
        }
    }

    /// What comes after a cursor. No frames means that there is nothing yet.
    pub(super) fn read(&self, cursor: Cursor, helping: Helping) -> Found {
        let place = match cursor.place {
            Some(place) if place >= self.first => place,
            _ if cursor.seq >= self.floor => self.first,
            _ => return Found::InTheLog,
        };
        let skipped = usize::try_from(place - self.first).unwrap_or(usize::MAX);
        let mut after = Cursor {
            seq: cursor.seq,
            place: Some(place),
        };
        let (mut taken, mut weight) = (Vec::new(), 0);
        for frame in self.frames.iter().skip(skipped) {
            if taken.len() >= helping.frames || (weight >= helping.weight && !taken.is_empty()) {
                break;
            }
            after.place = after.place.map(|place| place + 1);
            if let Some(seq) = frame.seq() {
                if seq <= cursor.seq {
                    continue;
                }
                after.seq = seq;
            }
            weight += frame.weight();
            taken.push(Arc::clone(frame));
        }
        Found::Frames(taken, after)
    }
}

#[cfg(test)]
mod tests {
    use codecourier_domain::time::Timestamp;
    use codecourier_store::Body;
    use codecourier_store::events::StoredEvent;
    use proptest::prelude::*;

    use super::super::frame::Content;
    use super::*;

    const ALL: Helping = Helping {
        frames: usize::MAX,
        weight: usize::MAX,
    };

    fn stored(seq: u64) -> Arc<Frame> {
        Frame::new(Content::Event(StoredEvent {
            seq,
            step: None,
            kind: Arc::from("text"),
            at: Timestamp(0),
            body: Body::null(),
        }))
    }

    fn piece(number: u64) -> Arc<Frame> {
        Frame::new(Content::Waiting {
            reason: number.to_string(),
        })
    }

    fn numbers(found: &[Arc<Frame>]) -> Vec<u64> {
        found.iter().filter_map(|frame| frame.seq()).collect()
    }

    #[test]
    fn whoever_is_up_to_date_reads_on_and_whoever_is_not_is_sent_to_the_log() {
        let mut tail = Tail::after(5);
        for seq in 6..=8 {
            tail.push(stored(seq));
        }
        let Found::Frames(found, after) = tail.read(Cursor::after(6), ALL) else {
            panic!("it is held")
        };
        assert_eq!(numbers(&found), [7, 8]);
        assert!(matches!(tail.read(Cursor::after(4), ALL), Found::InTheLog));
        let Found::Frames(found, again) = tail.read(after, ALL) else {
            panic!("it is held")
        };
        assert!(found.is_empty() && again == after);
    }

    #[test]
    fn large_frames_push_out_old_ones_and_the_newest_stays() {
        let mut tail = Tail::after(0);
        let large = "x".repeat(WEIGHT_KEPT);
        for seq in 1..=3 {
            tail.push(Frame::new(Content::Event(StoredEvent {
                seq,
                step: None,
                kind: Arc::from("text"),
                at: Timestamp(0),
                body: Body::of(&large).unwrap(),
            })));
        }
        assert_eq!(tail.frames.len(), 1);
        assert!(matches!(tail.read(Cursor::after(1), ALL), Found::InTheLog));
        assert!(matches!(tail.read(Cursor::after(2), ALL), Found::Frames(found, _) if numbers(&found) == [3]));
    }

    #[test]
    fn what_retention_removed_is_not_taken_for_nothing() {
        let mut tail = Tail::after(0);
        tail.push(stored(1));
        tail.restart_after(7);
        tail.push(stored(8));
        assert!(matches!(tail.read(Cursor::after(1), ALL), Found::InTheLog));
        assert!(matches!(tail.read(Cursor::after(7), ALL), Found::Frames(found, _) if numbers(&found) == [8]));
    }

    proptest! {
        /// A reader who stops at random, takes helpings of any size and goes to the log when told to sees every number
        /// once, and the pieces in between in order, none twice.
        #[test]
        fn a_reader_sees_every_number_once(
            steps in prop::collection::vec((any::<bool>(), 0usize..900, 1usize..40), 1..40),
            start in 0u64..20,
        ) {
            let mut tail = Tail::after(start);
            let (mut head, mut pieces) = (start, 0);
            let mut cursor = Cursor::after(start);
            let (mut seen, mut seen_pieces) = (Vec::new(), Vec::new());
            let read = |tail: &Tail, cursor: &mut Cursor, frames: usize, seen: &mut Vec<u64>, seen_pieces: &mut Vec<u64>| {
                match tail.read(*cursor, Helping { frames, weight: usize::MAX }) {
                    Found::Frames(found, after) => {
                        for frame in &found {
                            match frame.content() {
                                Content::Waiting { reason } => seen_pieces.push(reason.parse().unwrap()),
                                _ => seen.extend(frame.seq()),
                            }
                        }
                        *cursor = after;
                        found.len()
                    }
                    Found::InTheLog => {
                        // The log has everything; a page of it.
                        let to = (cursor.seq + 7).min(tail.head);
                        seen.extend(cursor.seq + 1..=to);
                        *cursor = Cursor::after(to);
                        1
                    }
                }
            };
            for (is_piece, pushed, helping) in steps {
                for _ in 0..pushed {
                    if is_piece {
                        pieces += 1;
                        tail.push(piece(pieces));
                    } else {
                        head += 1;
                        tail.push(stored(head));
                    }
                }
                read(&tail, &mut cursor, helping, &mut seen, &mut seen_pieces);
            }
            while read(&tail, &mut cursor, 16, &mut seen, &mut seen_pieces) > 0 {}
            prop_assert_eq!(seen, (start + 1..=head).collect::<Vec<_>>());
            prop_assert!(seen_pieces.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
