//! Waiting until a request may leave with its key, or with another that was set meanwhile.
//!
//! Called where a request leaves. Invariants: the engine is told of a wait once; a request that waits goes on when the
//! project's key is another than the one it waits for, by what the source of keys tells and not by asking it again and
//! again; those that go over to another key leave one after the other.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use super::Core;
use super::exchange::Exchange;
use super::key_limits::KeyName;
use crate::grant::{StepGrant, StepToken};
use crate::keys::ProviderKey;
use crate::ledger::RequestId;
use crate::observer::{Complaint, GatewayEvent, KeyLimited, Meanwhile};

/// Up to this wait a limit is the agents' own affair: all of them try again by themselves after so short a time.
pub(super) const AGENTS_PATIENCE: Duration = Duration::from_secs(4);

/// Whether the engine is to be told of the wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// When it begins.
    Once,
    /// It knows.
    Done,
}

/// Waits until the request may leave, and gives the key with which.
pub(super) async fn wait_for_key(
    exchange: &mut Exchange,
    mut key: ProviderKey,
    token: &StepToken,
    mut telling: Telling,
) -> ProviderKey {
    let (core, grant) = (Arc::clone(&exchange.core), Arc::clone(&exchange.grant));
    loop {
        match wait_with(&core, &grant, (exchange.request, &key), &mut telling).await {
            Waited::MayLeave => return key,
            Waited::OtherKey(other) => {
                core.key_limits.line_up(KeyName::of(grant.provider, &other));
                exchange.leave_with(&other, token);
                key = other;
            }
        }
    }
}

/// How a wait ended.
enum Waited {
    /// It is the request's turn.
    MayLeave,
    /// The step has another key now.
    OtherKey(ProviderKey),
}

async fn wait_with(
    core: &Core,
    grant: &StepGrant,
    (request, key): (RequestId, &ProviderKey),
    telling: &mut Telling,
) -> Waited {
    let name = KeyName::of(grant.provider, key);
    let tell = |wait| {
        if std::mem::replace(telling, Telling::Done) == Telling::Once {
            tell_of_wait(core, grant, (request, key), wait);
        }
    };
    let mut passing = pin!(core.key_limits.pass(name, tell));
    if futures::poll!(passing.as_mut()).is_ready() {
        return Waited::MayLeave;
    }
    loop {
        // Watched first, then looked at: what is set in between is told of.
        let changed = core.keys.watch(grant).await;
        // A key that was removed or cannot be read now changes nothing: the request ends as it would have.
        if let Ok(other) = core.keys.key(grant).await
            && KeyName::of(grant.provider, &other) != name
        {
            return Waited::OtherKey(other);
        }
        tokio::select! {
            biased;
            () = passing.as_mut() => return Waited::MayLeave,
            () = changed => {}
        }
    }
}

fn tell_of_wait(core: &Core, grant: &StepGrant, (request, key): (RequestId, &ProviderKey), wait: Duration) {
    let limit = KeyLimited {
        request,
        key: key.last_four(),
        complaint: Complaint::RateLimit,
        message: String::new(),
        wait,
    };
    if wait <= AGENTS_PATIENCE || core.observer.limited(grant, limit) == Meanwhile::TellAgent {
        core.observer.observe(grant, GatewayEvent::Held { request, wait });
    }
}
