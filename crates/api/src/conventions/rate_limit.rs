//! Limits on how fast anybody may ask: by who they are where they prove it, by their address where they do not, and
//! stricter where credentials are tried.
//!
//! Invariants: whoever proves who they are is counted as that and not by address, so that people behind one address do
//! not take each other's share; a credential that is not good is counted by address, so that guessing is slow; every
//! answer of the API says what is left.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::access::Principal;
use codecourier_engine::{Error, ErrorCode};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};

use super::client_address::ClientAddress;
use super::error::{ApiError, whole_seconds};
use crate::ApiState;
use crate::access::authenticate;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// After how many requests those who have been quiet are forgotten.
const FORGET_EVERY: u32 = 10_000;

/// How fast something may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once after a silence.
    pub burst: NonZeroU32,
    /// How many a minute for ever.
    pub per_minute: NonZeroU32,
}

impl Rate {
    /// So many a minute for ever, a fifth of them at once after a silence.
    #[must_use]
    pub const fn per_minute(per_minute: NonZeroU32) -> Self {
        let burst = match NonZeroU32::new(per_minute.get() / 5) {
            Some(burst) => burst,
            None => NonZeroU32::MIN,
        };
        Self { burst, per_minute }
    }
}

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// For whoever proves who they are.
    pub principal: Rate,
    /// For an address, of whoever does not.
    pub address: Rate,
    /// For an address, where credentials are tried: signing in and up, resets, links.
    pub sign_in: Rate,
}

impl Default for RateLimits {
    fn default() -> Self {
        const fn rate(burst: u32, per_minute: u32) -> Rate {
            let one = NonZeroU32::MIN;
            Rate {
                burst: one.saturating_add(burst - 1),
                per_minute: one.saturating_add(per_minute - 1),
            }
        }
        Self {
            principal: rate(300, 1_800),
            address: rate(120, 600),
            sign_in: rate(20, 30),
        }
    }
}

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// Who asked how much of late.
pub(crate) struct Limiters {
    rates: RateLimits,
    principals: Limiter<String>,
    addresses: Limiter<IpAddr>,
    sign_ins: Limiter<IpAddr>,
    asked: AtomicU32,
}

impl Limiters {
    pub(crate) fn new(rates: RateLimits) -> Self {
        Self {
            rates,
            principals: limiter(rates.principal),
            addresses: limiter(rates.address),
            sign_ins: limiter(rates.sign_in),
            asked: AtomicU32::new(0),
        }
    }

    fn forget_the_quiet(&self) {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.principals.retain_recent();
            self.addresses.retain_recent();
            self.sign_ins.retain_recent();
        }
    }
}

/// What is left of a limit.
struct Left {
    rate: Rate,
    remaining: u32,
    refused: Option<Duration>,
}

pub(super) async fn limit(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if !path.starts_with("/api/") {
        return next.run(request).await;
    }
    let is_sign_in = path.starts_with("/api/v1/auth/");
    let limiters = &state.limiters;
    limiters.forget_the_quiet();
    let address = ClientAddress::of(request.headers(), request.extensions(), &state.config).bucket();
    let (mut parts, body) = request.into_parts();
    let principal = authenticate(&mut parts, &state).await;
    let left = match &principal {
        _ if is_sign_in => ask(&limiters.sign_ins, &address, limiters.rates.sign_in),
        Ok(principal) => ask(&limiters.principals, &name(principal), limiters.rates.principal),
        Err(_) => ask(&limiters.addresses, &address, limiters.rates.address),
    };
    let mut response = match left.refused {
        Some(wait) => refusal(wait).into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    };
    say(response.headers_mut(), &left);
    response
}

fn name(principal: &Principal) -> String {
    principal.actor().to_string()
}

fn limiter<K: std::hash::Hash + Eq + Clone>(rate: Rate) -> Limiter<K> {
    let quota = Quota::per_minute(rate.per_minute).allow_burst(rate.burst);
    RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>()
}

fn ask<K: std::hash::Hash + Eq + Clone>(limiter: &Limiter<K>, key: &K, rate: Rate) -> Left {
    match limiter.check_key(key) {
        Ok(snapshot) => Left {
            rate,
            remaining: snapshot.remaining_burst_capacity(),
            refused: None,
        },
        Err(not_until) => Left {
            rate,
            remaining: 0,
            refused: Some(not_until.wait_time_from(DefaultClock::default().now())),
        },
    }
}

fn refusal(wait: Duration) -> ApiError {
    let wait = wait.max(Duration::from_secs(1));
    let message = format!("Too many requests. Try again in {} seconds.", whole_seconds(wait));
    Error::new(ErrorCode::RateLimited, message).after(wait).into()
}

/// The headers that clients watch: how many at once, how many are left, in how many seconds all are there again.
fn say(headers: &mut HeaderMap, left: &Left) {
    let missing = u64::from(left.rate.burst.get().saturating_sub(left.remaining));
    let reset = (missing * 60).div_ceil(u64::from(left.rate.per_minute.get()));
    headers.insert(LIMIT, HeaderValue::from(left.rate.burst.get()));
    headers.insert(REMAINING, HeaderValue::from(left.remaining));
    headers.insert(RESET, HeaderValue::from(reset));
}
