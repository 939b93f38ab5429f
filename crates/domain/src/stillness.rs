//! For how long a sandbox has stood still, and whether a person wants it to.
//!
//! Pure. Invariants: a sandbox stands still for a person, for the platform (a key's limit), or for both; it goes on when
//! neither wants it to any more; and the time for which it stood still never shrinks.

use crate::time::Timestamp;

/// The stillness of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stillness {
    /// Since when it stands still; `None` for one that runs.
    pub since: Option<Timestamp>,
    /// Who paused it. `None` for one that stands still for the platform alone, or runs.
    pub paused_by: Option<String>,
    /// For how long it stood still before, in milliseconds.
    pub before: i64,
}

impl Stillness {
    /// A person wants it to stand still.
    #[must_use]
    pub fn paused(self, by: &str, now: Timestamp) -> Self {
        Self {
            paused_by: Some(by.to_owned()),
            ..self.held(now)
        }
    }

    /// The platform wants it to stand still.
    #[must_use]
    pub fn held(self, now: Timestamp) -> Self {
        Self {
            since: self.since.or(Some(now)),
            ..self
        }
    }

    /// No person wants it to stand still any more. It goes on, unless the platform holds it.
    #[must_use]
    pub fn resumed(self, holds: Holds, now: Timestamp) -> Self {
        let asked = Self {
            paused_by: None,
            ..self
        };
        match holds {
            Holds::Yes => asked,
            Holds::No => asked.ended(now),
        }
    }

    /// The platform does not hold it any more. It goes on, unless a person paused it.
    #[must_use]
    pub fn released(self, now: Timestamp) -> Self {
        if self.paused_by.is_some() {
            self
        } else {
            self.ended(now)
        }
    }

    /// For how long it has stood still at this moment, in milliseconds.
    #[must_use]
    pub fn total(&self, now: Timestamp) -> i64 {
        let present = self.since.map_or(0, |since| now.since(since).max(0));
        self.before.saturating_add(present)
    }

    fn ended(self, now: Timestamp) -> Self {
        Self {
            since: None,
            paused_by: None,
            before: self.total(now),
        }
    }
}

/// Whether the platform holds a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// It does.
    Yes,
    /// It does not.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_still_for_whoever_wants_it_to_and_goes_on_when_nobody_does() {
        let at = Timestamp;
        let paused = Stillness::default().paused("ada", at(10));
        assert_eq!((paused.total(at(15)), paused.since), (5, Some(at(10))));
        assert_eq!(
            paused.clone().paused("bob", at(20)).since,
            Some(at(10)),
            "once is enough"
        );

        // Held meanwhile, it is still the person's; and the other way round.
        let both = paused.held(at(12));
        assert_eq!(both.clone().released(at(13)), both);
        let held = both.resumed(Holds::Yes, at(14));
        assert_eq!((held.since, &held.paused_by), (Some(at(10)), &None));
        let runs = held.released(at(30));
        assert_eq!((runs.total(at(99)), runs.since), (20, None));

        let again = runs.paused("ada", at(100)).resumed(Holds::No, at(103));
        assert_eq!((again.total(at(200)), again.since, again.paused_by), (23, None, None));
    }

    #[test]
    fn a_clock_that_goes_back_takes_nothing_away() {
        let paused = Stillness::default().paused("ada", Timestamp(10));
        assert_eq!(paused.resumed(Holds::No, Timestamp(3)).before, 0);
    }
}
