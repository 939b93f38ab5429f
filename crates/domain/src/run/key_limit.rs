//! The limit of a provider's key that a run waits for, and the moment at which it goes on.
//!
//! Invariant: the moment follows from the run's own name and the wait alone, so whoever computes it again, after a crash
//! or on another node, gets the same one; and the runs that wait for one key do not all come back at once.

use serde::{Deserialize, Serialize};

use crate::id::RunId;
use crate::provider::ModelProvider;
use crate::time::Timestamp;

/// The shortest time over which those that wait come back.
const LEAST_SPREAD: i64 = 1_000;
/// The longest.
const MOST_SPREAD: i64 = 60_000;
/// Beside these, it is that part of the wait.
const SPREAD_DIVISOR: i64 = 8;

/// A key that its provider told to wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyLimit {
    /// Whose key.
    pub provider: ModelProvider,
    /// The key's last four characters. Absent of a key that is so short that they would give it away.
    pub last_four: Option<String>,
    /// What happened, for people. Holds no secret.
    pub message: String,
    /// When the limit starts anew, as the provider says.
    pub resets_at: Timestamp,
    /// When the run goes on: a little later, each run at a moment of its own.
    pub resumes_at: Timestamp,
}

impl KeyLimit {
    /// The same wait once the key is another one: it ends by itself, at that moment at the latest.
    #[must_use]
    pub fn of_another_key(self, message: String, at: Timestamp, resumes_at: Timestamp) -> Self {
        if self.resumes_at <= resumes_at {
            return self;
        }
        Self {
            message,
            resets_at: at,
            resumes_at,
            ..self
        }
    }
}

/// When a run goes on that was told at `now` to come back at `resets_at`.
#[must_use]
pub fn resumes_at(run: RunId, now: Timestamp, resets_at: Timestamp) -> Timestamp {
    let wait = resets_at.since(now).max(0);
    let spread = (wait / SPREAD_DIVISOR).clamp(LEAST_SPREAD, MOST_SPREAD);
    // The end of the name is random; mixed once more, so that names which differ in one bit do not stand side by side.
    let (_, random) = run.uuid().as_u64_pair();
    let mixed = random.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let place = i64::try_from(mixed).unwrap_or(0) % spread;
    resets_at.max(now).plus_milliseconds(place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::pipeline::Pipeline;
    use crate::run::{Effect, PauseReason, RunEvent, RunState, RunStatus, Transition, next};

    const NOW: Timestamp = Timestamp(1_795_345_200_000);

    fn run(number: u128) -> RunId {
        RunId::from_uuid(Uuid::from_u128(number))
    }

    proptest! {
        #[test]
        fn nobody_comes_before_the_reset_or_long_after_it(number: u128, wait in -1_000_i64..10 * 24 * 3_600_000) {
            let resets_at = NOW.plus_milliseconds(wait);
            let resumes_at = resumes_at(run(number), NOW, resets_at);
            prop_assert!(resumes_at >= resets_at.max(NOW));
            prop_assert!(resumes_at.since(resets_at.max(NOW)) < (wait / 8).clamp(1_000, 60_000));
            prop_assert_eq!(resumes_at, super::resumes_at(run(number), NOW, resets_at), "it is always the same");
        }
    }

    fn executing() -> RunState {
        let state = RunState::new(Pipeline::designer_and_checker(1).unwrap());
        let state = next(state, RunEvent::Started).state;
        next(state, RunEvent::Prepared { base: "base".into() }).state
    }

    fn limit() -> Box<KeyLimit> {
        Box::new(KeyLimit {
            provider: ModelProvider::Anthropic,
            last_four: Some("abcd".into()),
            message: "wait".into(),
            resets_at: NOW,
            resumes_at: NOW.plus_milliseconds(5),
        })
    }

    fn held() -> Transition {
        let held = RunEvent::StepHeld {
            ordinal: 1,
            attempt: 1,
            limit: limit(),
        };
        next(executing(), held)
    }

    #[test]
    fn a_step_that_is_held_goes_on_as_the_same_attempt() {
        let held = held();
        let (ordinal, attempt) = (1, 1);
        assert_eq!(held.effects, [], "its task is still there");
        assert_eq!(held.state.status(), RunStatus::Paused);
        assert!(!held.state.pause().unwrap().waits_for_a_person());
        let other = RunEvent::StepReleased { ordinal, attempt: 2 };
        assert_eq!(next(held.state.clone(), other).state, held.state);
        let released = next(held.state.clone(), RunEvent::StepReleased { ordinal, attempt });
        assert_eq!((released.state, released.effects), (executing(), vec![]));
        let cancelled = next(held.state, RunEvent::CancelRequested);
        assert_eq!(cancelled.effects, [Effect::StopProcesses]);
    }

    #[test]
    fn another_key_of_the_same_provider_ends_the_wait() {
        let held = held();
        let replaced = |provider, resumes_at| RunEvent::KeyReplaced {
            provider,
            message: "another".into(),
            at: NOW.plus_milliseconds(-9),
            resumes_at,
        };
        for event in [
            replaced(ModelProvider::Openai, NOW),
            replaced(ModelProvider::Anthropic, NOW.plus_milliseconds(7)),
        ] {
            assert_eq!(next(held.state.clone(), event).state, held.state, "of no use to it");
        }
        let woken = next(held.state, replaced(ModelProvider::Anthropic, NOW));
        assert_eq!(woken.effects, [], "its task is still there");
        let Some(PauseReason::RateLimit { limit }) = woken.state.pause() else {
            panic!("{:?}", woken.state);
        };
        assert_eq!((limit.resumes_at, limit.message.as_str()), (NOW, "another"));
        assert_eq!(
            next(executing(), replaced(ModelProvider::Anthropic, NOW)).state,
            executing()
        );
    }

    #[test]
    fn a_step_that_ended_at_a_limit_is_done_again_at_its_time() {
        let (ordinal, attempt, limit) = (1, 1, limit());
        let due = limit.resumes_at;
        let limited = next(
            executing(),
            RunEvent::StepLimited {
                ordinal,
                attempt,
                limit,
            },
        );
        assert_eq!(limited.effects, [Effect::ResumeAt { due }]);
        assert_eq!(limited.state.status(), RunStatus::Paused);
        let resumed = next(limited.state, RunEvent::ResumeRequested);
        let [Effect::ExecuteStep { plan }] = resumed.effects.as_slice() else {
            panic!("{:?}", resumed.effects);
        };
        assert_eq!((plan.ordinal, plan.attempt), (1, 2));
    }

    #[test]
    fn a_crowd_is_spread_evenly() {
        let resets_at = NOW.plus_milliseconds(3_600_000);
        let mut tenths = [0; 10];
        for number in 0..1_000 {
            let place = resumes_at(run(number), NOW, resets_at).since(resets_at);
            tenths[usize::try_from(place / 6_000).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|count| (70..=130).contains(count)), "{tenths:?}");
    }
}
