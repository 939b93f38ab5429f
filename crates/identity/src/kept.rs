//! Something that a provider publishes and that is kept for a while: its key set, its description.
//!
//! Used by `jwks` and `oidc`. Invariants: at most one fetch of a thing is under way, whoever waits for it; between two
//! fetches that a stranger can cause lies a pause; a fetch that fails takes nothing away from what was good before, for
//! as long as that may be trusted.

use std::sync::Arc;

use parking_lot::Mutex;

use codecourier_domain::time::Timestamp;

use crate::outbound::FetchError;

/// After this long, a thing is fetched again.
const FRESH_MS: i64 = 10 * 60 * 1000;
/// For this long, what was good is used while its publisher is down. Not for ever: a key may have been withdrawn.
const TRUSTED_MS: i64 = 24 * 60 * 60 * 1000;
/// The least time between two fetches that somebody's wish for something newer, or a failure, may cause.
const PAUSE_MS: i64 = 10 * 1000;

#[derive(Debug)]
pub(crate) struct Kept<T> {
    state: Mutex<State<T>>,
    /// Whoever holds it fetches.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State<T> {
    good: Option<(Arc<T>, Timestamp)>,
    attempted_at: Option<Timestamp>,
    failure: Option<FetchError>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                good: None,
                attempted_at: None,
                failure: None,
            }),
            turn: tokio::sync::Mutex::new(()),
        }
    }
}

impl<T> Kept<T> {
    /// The thing, fetched if it has to be.
    pub(crate) async fn get(
        &self,
        now: Timestamp,
        fetch: impl AsyncFnOnce() -> Result<T, FetchError>,
    ) -> Result<Arc<T>, FetchError> {
        if let Some(fresh) = self.state.lock().fresh(now) {
            return Ok(fresh);
        }
        let trusted = self.state.lock().trusted(now);
        let _turn = match (&trusted, self.turn.try_lock()) {
            (_, Ok(turn)) => turn,
            // Somebody else is at it, which is no reason to wait while there is something to go on with.
            (Some(trusted), Err(_)) => return Ok(Arc::clone(trusted)),
            (None, Err(_)) => self.turn.lock().await,
        };
        if let Some(settled) = self.state.lock().settled(now) {
            return settled;
        }
        let fetched = fetch().await;
        self.state.lock().note(fetched, now)
    }

    /// A newer one than `known`, in which something was missing; `known` itself if there is none, or it is too soon.
    pub(crate) async fn newer_than(
        &self,
        known: Arc<T>,
        now: Timestamp,
        fetch: impl AsyncFnOnce() -> Result<T, FetchError>,
    ) -> Arc<T> {
        let or_newer = |known: Arc<T>| {
            let state = self.state.lock();
            let newer = state.trusted(now).filter(|good| !Arc::ptr_eq(good, &known));
            let is_settled = newer.is_some() || state.is_too_soon(now);
            (newer.unwrap_or(known), is_settled)
        };
        let (known, is_settled) = or_newer(known);
        if is_settled {
            return known;
        }
        let _turn = self.turn.lock().await;
        let (known, is_settled) = or_newer(known);
        if is_settled {
            return known;
        }
        let fetched = fetch().await;
        self.state.lock().note(fetched, now).unwrap_or(known)
    }
}

impl<T> State<T> {
    fn good_for(&self, age: i64, now: Timestamp) -> Option<Arc<T>> {
        let (good, fetched_at) = self.good.as_ref()?;
        (now.since(*fetched_at) < age).then(|| Arc::clone(good))
    }

    fn fresh(&self, now: Timestamp) -> Option<Arc<T>> {
        self.good_for(FRESH_MS, now)
    }

    fn trusted(&self, now: Timestamp) -> Option<Arc<T>> {
        self.good_for(TRUSTED_MS, now)
    }

    fn is_too_soon(&self, now: Timestamp) -> bool {
        self.attempted_at
            .is_some_and(|attempted_at| now.since(attempted_at) < PAUSE_MS)
    }

    /// What is known without another fetch: something fresh, or that the last fetch failed just now.
    fn settled(&self, now: Timestamp) -> Option<Result<Arc<T>, FetchError>> {
        if let Some(fresh) = self.fresh(now) {
            return Some(Ok(fresh));
        }
        let failure = self.failure.clone().filter(|_| self.is_too_soon(now))?;
        Some(self.trusted(now).ok_or(failure))
    }

    fn note(&mut self, fetched: Result<T, FetchError>, now: Timestamp) -> Result<Arc<T>, FetchError> {
        self.attempted_at = Some(now);
        match fetched {
            Ok(thing) => {
                let thing = Arc::new(thing);
                self.good = Some((Arc::clone(&thing), now));
                self.failure = None;
                Ok(thing)
            }
            Err(failure) => {
                tracing::warn!(%failure, "an identity provider cannot be asked");
                self.failure = Some(failure.clone());
                self.trusted(now).ok_or(failure)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const NOON: Timestamp = Timestamp(1_800_000_000_000);

    /// A publisher that numbers what it gives, or is down.
    #[derive(Default)]
    struct Publisher {
        asked: AtomicU32,
        is_down: std::sync::atomic::AtomicBool,
    }

    impl Publisher {
        async fn answer(&self) -> Result<u32, FetchError> {
            let number = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            if self.is_down.load(Ordering::SeqCst) {
                return Err(FetchError::TooLarge { host: String::new() });
            }
            Ok(number)
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn many_at_once_fetch_once() {
        let (kept, publisher) = (Kept::default(), Publisher::default());
        let askers = (0..50).map(|_| kept.get(NOON, async || publisher.answer().await));
        for got in futures_of(askers).await {
            assert_eq!(*got.unwrap(), 1);
        }
        publisher.is_down.store(true, Ordering::SeqCst);
        let empty: Kept<u32> = Kept::default();
        let askers = (0..50).map(|_| empty.get(NOON, async || publisher.answer().await));
        for got in futures_of(askers).await {
            assert!(got.is_err());
        }
        assert_eq!(publisher.asked(), 2, "those who waited for a failure tried again");
    }

    #[tokio::test]
    async fn what_was_good_stays_while_its_publisher_is_down_but_not_for_ever() {
        let (kept, publisher) = (Kept::default(), Publisher::default());
        let at = |milliseconds: i64| NOON.plus_milliseconds(milliseconds);
        assert_eq!(*kept.get(NOON, async || publisher.answer().await).await.unwrap(), 1);
        assert_eq!(
            *kept
                .get(at(FRESH_MS - 1), async || publisher.answer().await)
                .await
                .unwrap(),
            1
        );
        assert_eq!(publisher.asked(), 1);
        publisher.is_down.store(true, Ordering::SeqCst);
        for milliseconds in [FRESH_MS, FRESH_MS + 1, FRESH_MS + PAUSE_MS, TRUSTED_MS - 1] {
            assert_eq!(
                *kept
                    .get(at(milliseconds), async || publisher.answer().await)
                    .await
                    .unwrap(),
                1
            );
        }
        assert_eq!(publisher.asked(), 4, "one of those came too soon after a failure");
        assert!(
            kept.get(at(TRUSTED_MS), async || publisher.answer().await)
                .await
                .is_err()
        );
        publisher.is_down.store(false, Ordering::SeqCst);
        let back = at(TRUSTED_MS + PAUSE_MS);
        assert_eq!(*kept.get(back, async || publisher.answer().await).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn wishes_for_something_newer_are_rationed() {
        let (kept, publisher) = (Kept::default(), Publisher::default());
        let mut known = kept.get(NOON, async || publisher.answer().await).await.unwrap();
        for milliseconds in 0..PAUSE_MS {
            let now = NOON.plus_milliseconds(milliseconds);
            known = kept.newer_than(known, now, async || publisher.answer().await).await;
        }
        assert_eq!((*known, publisher.asked()), (1, 1));
        let now = NOON.plus_milliseconds(PAUSE_MS);
        let askers = (0..50).map(|_| kept.newer_than(Arc::clone(&known), now, async || publisher.answer().await));
        for got in futures_of(askers).await {
            assert_eq!(*got, 2);
        }
        assert_eq!(publisher.asked(), 2);
    }

    /// Runs futures side by side.
    async fn futures_of<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
        let mut waiting: Vec<_> = futures.map(Box::pin).collect();
        let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
        std::future::poll_fn(|context| {
            for (future, slot) in waiting.iter_mut().zip(&mut done) {
                if slot.is_none()
                    && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
                {
                    *slot = Some(output);
                }
            }
            if done.iter().all(Option::is_some) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        done.into_iter().flatten().collect()
    }
}
