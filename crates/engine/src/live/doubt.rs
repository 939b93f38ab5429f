//! Changes after which somebody may not be allowed to see what they are following: a membership, a session, a key or an
//! account that ended or became another.
//!
//! They are noted the moment they are committed, before the command that made them is answered (see
//! [`Store::observe_changes`](codecourier_store::Store::observe_changes)), and whoever delivers looks here after having
//! taken what to deliver and before delivering it. Invariant: once the one who removed a member has been told so,
//! nothing more is delivered to that member, whatever was on its way. If that was on another node: nothing that was
//! committed after the removal.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use codecourier_store::changes::{Change, Observed, Scope, is_about_access};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::access::Principal;

/// How many are remembered one by one. Whoever is further behind asks anew in any case.
const REMEMBERED: usize = 64;

/// Every scope in which somebody's permission is watched.
#[derive(Default)]
pub(super) struct Doubts {
    by_scope: Mutex<HashMap<Scope, Weak<Ground>>>,
}

/// The doubts of one scope.
#[derive(Default)]
struct Ground {
    /// How many there were.
    count: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The newest, the last one at the end.
    newest: VecDeque<Arc<Change>>,
    next: u64,
    wakes: HashMap<u64, Arc<Notify>>,
}

/// Somebody who watches a scope for doubts about themselves. They leave by dropping it.
pub(super) struct Guard {
    scope: Scope,
    ground: Arc<Ground>,
    number: u64,
    seen: u64,
}

impl Doubts {
    /// Notes what was committed, if it is of those. Called by the store's writer.
    pub(super) fn note(&self, observed: Observed<'_>) {
        match observed {
            Observed::Change(change) if is_about_access(&change.kind) => self.note_change(change),
            Observed::Change(_) => {}
            Observed::UnknownAccess => self.doubt_everybody(),
        }
    }

    /// Whoever is watched asks anew.
    fn doubt_everybody(&self) {
        let grounds: Vec<_> = self.by_scope.lock().values().filter_map(Weak::upgrade).collect();
        for ground in grounds {
            let state = ground.state.lock();
            ground.count.fetch_add(REMEMBERED as u64 + 1, Ordering::SeqCst);
            state.wakes.values().for_each(|wake| wake.notify_one());
        }
    }

    fn note_change(&self, change: &Arc<Change>) {
        let ground = self.by_scope.lock().get(&change.scope).and_then(Weak::upgrade);
        if let Some(ground) = ground {
            let mut state = ground.state.lock();
            state.newest.push_back(Arc::clone(change));
            if state.newest.len() > REMEMBERED {
                state.newest.pop_front();
            }
            ground.count.fetch_add(1, Ordering::SeqCst);
            state.wakes.values().for_each(|wake| wake.notify_one());
        }
    }

    /// Watches a scope from now on. Watch first, then ask whether it is allowed.
    pub(super) fn watch(&self, scope: Scope, wake: &Arc<Notify>) -> Guard {
        let mut by_scope = self.by_scope.lock();
        if by_scope.len() == by_scope.capacity() {
            by_scope.retain(|_, ground| ground.strong_count() > 0);
        }
        let known = by_scope.get(&scope).and_then(Weak::upgrade);
        let ground = known.unwrap_or_else(|| {
            let ground = Arc::<Ground>::default();
            by_scope.insert(scope, Arc::downgrade(&ground));
            ground
        });
        drop(by_scope);
        let mut state = ground.state.lock();
        let number = state.next;
        state.next += 1;
        state.wakes.insert(number, Arc::clone(wake));
        let seen = ground.count.load(Ordering::SeqCst);
        drop(state);
        Guard {
            scope,
            ground,
            number,
            seen,
        }
    }
}

impl Guard {
    pub(super) const fn scope(&self) -> Scope {
        self.scope
    }

    /// How many doubts there have been, to be given to [`Guard::settle`] when they have been looked into.
    pub(super) fn count(&self) -> u64 {
        self.ground.count.load(Ordering::SeqCst)
    }

    /// Whether something happened since the last settlement that concerns somebody. What does not is settled by itself.
    pub(super) fn is_in_doubt(&mut self, about: &Principal) -> bool {
        if self.count() == self.seen {
            return false;
        }
        let state = self.ground.state.lock();
        let count = self.ground.count.load(Ordering::SeqCst);
        let unseen = usize::try_from(count - self.seen).unwrap_or(usize::MAX);
        let concerned = unseen > state.newest.len()
            || state
                .newest
                .iter()
                .rev()
                .take(unseen)
                .any(|change| concerns(change, about));
        if !concerned {
            self.seen = count;
        }
        concerned
    }

    /// Up to that many have been looked into.
    pub(super) fn settle(&mut self, count: u64) {
        self.seen = self.seen.max(count);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.ground.state.lock().wakes.remove(&self.number);
    }
}

/// Whether such a change can take a permission from this one. In doubt, yes.
fn concerns(change: &Change, about: &Principal) -> bool {
    match (change.kind.as_str(), about) {
        ("member", Principal::Person(person)) => names_or_unclear(&change.id, &person.user),
        ("session", Principal::Person(person)) => match &person.session {
            Some(session) => names_or_unclear(&change.id, session),
            None => false,
        },
        ("api_key", Principal::ApiKey(holder)) => names_or_unclear(&change.id, &holder.key),
        ("member" | "session", Principal::ApiKey(_)) | ("api_key", Principal::Person(_)) => false,
        _ => true,
    }
}

/// Whether a change's identifier is this one, or is none of this kind: then nobody can tell.
fn names_or_unclear<Id: std::str::FromStr + PartialEq>(text: &str, id: &Id) -> bool {
    text.parse::<Id>().map_or(true, |named| named == *id)
}

#[cfg(test)]
mod tests {
    use codecourier_domain::id::{ApiKeyId, ProjectId, SessionId, UserId};
    use codecourier_domain::time::Timestamp;
    use codecourier_store::Body;
    use codecourier_store::changes::ChangeOp;
    use uuid::Uuid;

    use super::*;
    use crate::access::{KeyHolder, Person, Standing};

    fn user(number: u128) -> UserId {
        UserId::from_uuid(Uuid::from_u128(number))
    }

    fn change(scope: Scope, kind: &str, id: impl ToString) -> Arc<Change> {
        Arc::new(Change {
            scope,
            seq: 1,
            kind: kind.to_owned(),
            id: id.to_string(),
            op: ChangeOp::Put,
            actor: String::new(),
            at: Timestamp(0),
            body: Body::null(),
        })
    }

    #[test]
    fn only_what_concerns_somebody_puts_them_in_doubt() {
        let scope = Scope::Project(ProjectId::from_uuid(Uuid::from_u128(9)));
        let (session, key) = (
            SessionId::from_uuid(Uuid::from_u128(3)),
            ApiKeyId::from_uuid(Uuid::from_u128(4)),
        );
        let person = Principal::Person(Person {
            user: user(1),
            session: Some(session),
            standing: Standing::User,
        });
        let holder = Principal::ApiKey(KeyHolder {
            key,
            project: ProjectId::from_uuid(Uuid::from_u128(9)),
            permissions: Vec::new(),
        });
        for (kind, id, person_doubts, key_doubts) in [
            ("member", user(1).to_string(), true, false),
            ("member", user(2).to_string(), false, false),
            ("member", "somebody".to_owned(), true, false),
            ("session", session.to_string(), true, false),
            ("session", SessionId::from_uuid(Uuid::nil()).to_string(), false, false),
            ("api_key", key.to_string(), false, true),
            ("api_key", ApiKeyId::from_uuid(Uuid::nil()).to_string(), false, false),
            ("account", user(1).to_string(), true, true),
            ("project", "prj_x".to_owned(), true, true),
            ("run", user(1).to_string(), false, false),
        ] {
            let doubts = Doubts::default();
            let mut guard = doubts.watch(scope, &Arc::default());
            doubts.note(Observed::Change(&change(scope, kind, &id)));
            assert_eq!(guard.is_in_doubt(&person), person_doubts, "{kind} {id}, a person");
            let mut guard = doubts.watch(scope, &Arc::default());
            doubts.note(Observed::Change(&change(scope, kind, &id)));
            assert_eq!(guard.is_in_doubt(&holder), key_doubts, "{kind} {id}, a key");
        }
    }

    #[test]
    fn a_doubt_stays_until_it_is_settled_and_a_later_one_is_another() {
        let scope = Scope::User(user(1));
        let person = Principal::Person(Person {
            user: user(1),
            session: None,
            standing: Standing::User,
        });
        let doubts = Doubts::default();
        let mut guard = doubts.watch(scope, &Arc::default());
        assert!(!guard.is_in_doubt(&person));
        doubts.note(Observed::Change(&change(scope, "account", user(1))));
        let count = guard.count();
        assert!(guard.is_in_doubt(&person) && guard.is_in_doubt(&person));
        doubts.note(Observed::Change(&change(scope, "account", user(1))));
        guard.settle(count);
        assert!(guard.is_in_doubt(&person));
        guard.settle(guard.count());
        assert!(!guard.is_in_doubt(&person));
        // More than is remembered, and not one of them concerns the person: who cannot tell asks.
        for _ in 0..=REMEMBERED {
            doubts.note(Observed::Change(&change(scope, "member", user(2))));
        }
        assert!(guard.is_in_doubt(&person));
        guard.settle(guard.count());
        // Nor can anybody tell what they concern when they cannot be named.
        doubts.note(Observed::UnknownAccess);
        assert!(guard.is_in_doubt(&person));
    }
}
