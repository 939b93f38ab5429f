//! Keys whose provider has said when to come back: until then no request with that key leaves.
//!
//! An agent that is told to slow down asks again by itself, many of them sooner than they were told, and agents of other
//! steps with the same key do not know at all. So a request that comes too early waits here, and those that wait leave one
//! after the other, not all at the moment of the reset, which would only hit the limit again. Other keys are not held up.
//!
//! Invariants: a hold never ends later than the provider said plus the queue before it; a limit with a longer wait than
//! agents are patient for is not held, it is the run's affair; nothing is kept of a key but its hash.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use crate::keys::ProviderKey;
use crate::provider::Provider;

/// The longest wait that is held. The agents' own clients give up after five minutes without an answer.
pub(super) const LONGEST_HOLD: Duration = Duration::from_secs(4 * 60);

/// The distance between two requests that leave after a reset.
const STAGGER: Duration = Duration::from_millis(250);

/// A key, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyName([u8; 32]);

impl KeyName {
    pub(super) fn of(provider: Provider, key: &ProviderKey) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(provider.as_str());
        hasher.update([0]);
        hasher.update(key.expose());
        Self(hasher.finalize().into())
    }
}

/// The keys that must wait.
#[derive(Debug, Default)]
pub(crate) struct KeyLimits(Mutex<HashMap<KeyName, Hold>>);

#[derive(Debug, Clone, Copy)]
struct Hold {
    /// When the limit starts anew.
    until: Instant,
    /// When the next request in the queue may leave.
    next: Instant,
}

impl KeyLimits {
    /// The provider has said to come back after that long. False when that is too long to hold anything.
    pub(super) fn hold(&self, key: KeyName, wait: Duration) -> bool {
        if wait > LONGEST_HOLD {
            return false;
        }
        let until = Instant::now() + wait;
        let mut holds = self.0.lock();
        let hold = holds.entry(key).or_insert(Hold { until, next: until });
        hold.until = hold.until.max(until);
        hold.next = hold.next.max(hold.until);
        true
    }

    /// Many requests come to this key at once, from another one: they leave one after the other, as after a reset.
    pub(super) fn line_up(&self, key: KeyName) {
        self.hold(key, Duration::ZERO);
    }

    /// When a request with this key may leave. It takes a place in the queue only once the limit has started anew: until
    /// then whoever waits may go away, and must not hold a place for nobody.
    fn turn(&self, key: KeyName) -> Turn {
        let now = Instant::now();
        let mut holds = self.0.lock();
        let Some(hold) = holds.get_mut(&key) else {
            return Turn::Now;
        };
        if hold.until > now {
            return Turn::NotBefore(hold.until);
        }
        if hold.next + STAGGER <= now {
            holds.remove(&key);
            return Turn::Now;
        }
        let place = hold.next.max(now);
        hold.next = place + STAGGER;
        if place > now { Turn::At(place) } else { Turn::Now }
    }

    /// Waits until a request with this key may leave. `on_wait` is told, once, how long that will be at least.
    pub(super) async fn pass(&self, key: KeyName, on_wait: impl FnOnce(Duration)) {
        let mut on_wait = Some(on_wait);
        loop {
            let turn = self.turn(key);
            let (Turn::NotBefore(moment) | Turn::At(moment)) = turn else {
                return;
            };
            if let Some(tell) = on_wait.take() {
                tell(moment.saturating_duration_since(Instant::now()));
            }
            tokio::time::sleep_until(moment).await;
            // Whoever went before may have hit the limit again; else this was the place to leave from.
            let is_held_again = || self.0.lock().get(&key).is_some_and(|hold| hold.until > Instant::now());
            if matches!(turn, Turn::At(_)) && !is_held_again() {
                return;
            }
        }
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy)]
enum Turn {
    /// This one's.
    Now,
    /// Nobody's before that moment.
    NotBefore(Instant),
    /// This one's at that moment.
    At(Instant),
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures::future::join_all;

    use super::*;

    fn key(text: &str) -> KeyName {
        KeyName::of(Provider::Openai, &ProviderKey::api_key(text))
    }

    async fn passed(limits: &KeyLimits, key: KeyName) -> Duration {
        let started = Instant::now();
        limits.pass(key, |_| ()).await;
        started.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_wait_leave_one_after_the_other_and_other_keys_at_once() {
        let limits = KeyLimits::default();
        assert!(limits.hold(key("a"), Duration::from_secs(20)));
        let waits = join_all((0..4).map(|_| passed(&limits, key("a")))).await;
        let expected: Vec<_> = (0..4).map(|place| Duration::from_secs(20) + STAGGER * place).collect();
        let mut waits: Vec<_> = waits
            .into_iter()
            // Timers are a millisecond coarse.
            .map(|wait| Duration::from_millis(wait.as_millis() as u64 / 10 * 10))
            .collect();
        waits.sort_unstable();
        assert_eq!(waits, expected);
        assert_eq!(passed(&limits, key("b")).await, Duration::ZERO);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(passed(&limits, key("a")).await, Duration::ZERO);
        assert!(limits.0.lock().is_empty(), "a hold that is over is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_went_away_holds_up_nobody() {
        let limits = KeyLimits::default();
        limits.hold(key("a"), Duration::from_secs(20));
        for _ in 0..100 {
            let waiting = tokio::time::timeout(Duration::from_millis(10), limits.pass(key("a"), |_| ()));
            assert!(waiting.await.is_err());
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        assert!(passed(&limits, key("a")).await <= STAGGER);
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_that_is_hit_again_holds_those_that_still_wait() {
        let limits = KeyLimits::default();
        limits.hold(key("a"), Duration::from_secs(5));
        let is_hit = Cell::new(false);
        let pass = async || {
            let wait = passed(&limits, key("a")).await;
            if !is_hit.replace(true) {
                limits.hold(key("a"), Duration::from_secs(30));
            }
            wait
        };
        let (one, other) = tokio::join!(pass(), pass());
        assert!(one.min(other) < Duration::from_secs(6), "{one:?} {other:?}");
        assert!(one.max(other) >= Duration::from_secs(35), "{one:?} {other:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_come_from_another_key_leave_one_after_the_other() {
        let limits = KeyLimits::default();
        let come_over = async || {
            limits.line_up(key("b"));
            passed(&limits, key("b")).await
        };
        let mut waits = join_all((0..4).map(|_| come_over())).await;
        waits.sort_unstable();
        let waits: Vec<_> = waits.into_iter().map(|wait| wait.as_millis() / 10 * 10).collect();
        assert_eq!(waits, [0, 250, 500, 750]);
        // Whoever comes later does not send those back who wait, nor a limit of that key forward.
        limits.hold(key("b"), Duration::from_secs(20));
        assert!(come_over().await >= Duration::from_secs(20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_of_hours_is_not_held() {
        let limits = KeyLimits::default();
        assert!(!limits.hold(key("a"), Duration::from_secs(3600)));
        assert_eq!(passed(&limits, key("a")).await, Duration::ZERO);
    }

    #[test]
    fn a_key_is_told_by_its_text_and_its_provider() {
        assert_eq!(key("a"), key("a"));
        assert_ne!(key("a"), key("b"));
        assert_ne!(key("a"), KeyName::of(Provider::Openrouter, &ProviderKey::api_key("a")));
    }
}
