//! What nodes tell each other: which logs grew and how far, as text that fits a notification. Pure.
//!
//! Invariant: hints hold identifiers and numbers, nothing of what happened. What cannot be read is passed over: it is of
//! a newer version, and the sweep finds what it told of.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use codecourier_domain::id::RunId;

use crate::changes::Scope;

/// PostgreSQL takes less than 8,000 bytes.
const LONGEST: usize = 7_500;

/// Which node said it, so that nobody hears themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin(u64);

impl Origin {
    /// A node of a name that no other has, as far as anybody can tell: the keys of a hash map are random in each process.
    pub(super) fn new() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }
}

/// What there is to tell, with everything about one log as one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hints {
    pub(crate) changes: HashMap<Scope, u64>,
    pub(crate) events: HashMap<RunId, u64>,
    /// Tasks were added, ended or became free.
    pub(crate) tasks_moved: bool,
    /// Somebody's hold on a task was taken from them.
    pub(crate) holds_lost: bool,
    /// Somebody told a step's agent something.
    pub(crate) inputs_moved: bool,
}

impl Hints {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn add(&mut self, other: Self) {
        for (scope, seq) in other.changes {
            let known = self.changes.entry(scope).or_default();
            *known = seq.max(*known);
        }
        for (run, seq) in other.events {
            let known = self.events.entry(run).or_default();
            *known = seq.max(*known);
        }
        self.tasks_moved |= other.tasks_moved;
        self.holds_lost |= other.holds_lost;
        self.inputs_moved |= other.inputs_moved;
    }

    /// The texts that say it. Access comes first: it is looked into before anything else.
    pub(super) fn write(&self, origin: Origin) -> Vec<String> {
        let mut words = Vec::new();
        let mut changes: Vec<_> = self.changes.iter().collect();
        changes.sort_by_key(|(scope, _)| **scope != Scope::Access);
        words.extend(changes.into_iter().map(|(scope, seq)| format!("c:{scope}:{seq}")));
        words.extend(self.events.iter().map(|(run, seq)| format!("e:{run}:{seq}")));
        words.extend(self.tasks_moved.then(|| "t".to_owned()));
        words.extend(self.holds_lost.then(|| "h".to_owned()));
        words.extend(self.inputs_moved.then(|| "i".to_owned()));
        let mut texts = Vec::new();
        let mut text = String::new();
        for word in words {
            if text.len() + word.len() + 1 > LONGEST {
                texts.push(std::mem::take(&mut text));
            }
            if text.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(text, "{:016x}", origin.0);
            }
            text.push(' ');
            text.push_str(&word);
        }
        if !text.is_empty() {
            texts.push(text);
        }
        texts
    }

    /// What a text says, and who said it; `None` for what is no hint.
    pub(super) fn read(text: &str) -> Option<(Origin, Self)> {
        let mut words = text.split(' ');
        let origin = Origin(u64::from_str_radix(words.next()?, 16).ok()?);
        let mut hints = Self::default();
        for word in words {
            let mut parts = word.split(':');
            match (parts.next(), parts.next(), parts.next()) {
                (Some("c"), Some(scope), Some(seq)) => {
                    if let (Ok(scope), Ok(seq)) = (scope.parse(), seq.parse()) {
                        hints.changes.insert(scope, seq);
                    }
                }
                (Some("e"), Some(run), Some(seq)) => {
                    if let (Ok(run), Ok(seq)) = (run.parse(), seq.parse()) {
                        hints.events.insert(run, seq);
                    }
                }
                (Some("t"), None, None) => hints.tasks_moved = true,
                (Some("h"), None, None) => hints.holds_lost = true,
                (Some("i"), None, None) => hints.inputs_moved = true,
                _ => {}
            }
        }
        Some((origin, hints))
    }
}

#[cfg(test)]
mod tests {
    use codecourier_domain::id::{ProjectId, UserId};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn uuid() -> impl Strategy<Value = Uuid> {
        any::<u128>().prop_map(Uuid::from_u128)
    }

    fn scope() -> impl Strategy<Value = Scope> {
        prop_oneof![
            Just(Scope::Installation),
            Just(Scope::Access),
            uuid().prop_map(|id| Scope::Project(ProjectId::from_uuid(id))),
            uuid().prop_map(|id| Scope::User(UserId::from_uuid(id))),
        ]
    }

    fn hints() -> impl Strategy<Value = Hints> {
        (
            prop::collection::hash_map(scope(), any::<u64>(), 0..400),
            prop::collection::hash_map(uuid().prop_map(RunId::from_uuid), any::<u64>(), 0..400),
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
        )
            .prop_map(|(changes, events, tasks_moved, holds_lost, inputs_moved)| Hints {
                changes,
                events,
                tasks_moved,
                holds_lost,
                inputs_moved,
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// However much there is to tell, every text fits a notification, and together they say all of it.
        #[test]
        fn what_is_written_is_read(told in hints()) {
            let origin = Origin::new();
            let mut heard = Hints::default();
            for text in told.write(origin) {
                prop_assert!(text.len() < 8_000);
                let (from, part) = Hints::read(&text).unwrap();
                prop_assert_eq!(from, origin);
                heard.add(part);
            }
            prop_assert_eq!(heard, told);
        }

        #[test]
        fn any_text_is_read_or_passed_over(text in ".*") {
            let _ = Hints::read(&text);
        }
    }

    #[test]
    fn of_two_hints_about_one_log_the_later_number_counts() {
        let mut hints = Hints::default();
        for seq in [3, 9, 4] {
            hints.add(Hints {
                changes: HashMap::from([(Scope::Installation, seq)]),
                ..Hints::default()
            });
        }
        assert_eq!(hints.changes[&Scope::Installation], 9);
        assert!(Hints::default().write(Origin::new()).is_empty());
        let (_, read) = Hints::read("00ff c:installation:x c:nobody:1 z:new:kind t").unwrap();
        assert_eq!(
            read,
            Hints {
                tasks_moved: true,
                ..Hints::default()
            },
            "what is not known is passed over"
        );
        assert!(Hints::read("").is_none() && Hints::read("hello c:installation:1").is_none());
    }
}
