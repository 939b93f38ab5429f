//! What one client follows: many subscriptions, told in turn, each from its own cursor.
//!
//! The API holds one per connection and asks for what to say next whenever the client can take it. Invariants: nothing
//! is fetched before it is asked for, so a slow client costs no memory; of each subscription every stored thing is told
//! once, in order, or `reset` and a new snapshot; what a client may not see any more is not told, even if it had been
//! fetched already; [`Watch::next`] may be dropped at any time and called again, and loses nothing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use codecourier_store::changes::{ChangesAfter, Scope};
use codecourier_store::events::EventWindow;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::count::{count_frames, count_messages};
use super::doubt::Guard;
use super::frame::{Content, Frame};
use super::query::{Admission, Query};
use super::seats::Seat;
use super::snapshot::Snapshot;
use super::tail::{Cursor, Found, Helping};
use super::topic::{Follower, Key};
use crate::Inner;
use crate::access::{Access, Credential, Principal};
use crate::error::{Error, ErrorCode, chain};

/// How much is told of one subscription before it is the next one's turn.
const HELPING: Helping = Helping {
    frames: 128,
    weight: 64 * 1024,
};
/// How much is read from the log at once by who is behind.
const PAGE: u32 = 128;
/// Subscriptions of one client.
pub const SUBSCRIPTIONS: usize = 64;
/// How often a credential is looked at again although nothing is known to have happened to it: sessions end with time.
const LOOK_AGAIN: Duration = Duration::from_secs(240);
/// How long to wait after the store has failed.
const BACK_OFF: Duration = Duration::from_millis(500);

/// What one client follows.
pub struct Watch {
    engine: Arc<Inner>,
    credential: Credential,
    principal: Principal,
    wake: Arc<Notify>,
    /// Of whom the permission depends on: the person, and each project that is followed.
    guards: Vec<Guard>,
    subscriptions: Vec<Subscription>,
    /// Whose turn it is.
    turn: usize,
    /// To be told before anything else.
    first: VecDeque<Told>,
    look_again_at: Instant,
    /// Goes off then. Kept from one wait to the next, as the end of the server is: to enter both into lists that all clients
    /// share, and to leave them, would cost more than the rest of a message.
    alarm: Pin<Box<Sleep>>,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    /// How many helpings this client was told: some of them are measured.
    told: u32,
    /// The server waits for it when it stops.
    _attendance: TaskTrackerToken,
    _seat: Seat,
}

struct Subscription {
    name: Arc<str>,
    query: Query,
    admission: Admission,
    follower: Follower,
    stage: Stage,
}

#[derive(Clone, Copy)]
enum Stage {
    /// A snapshot comes next.
    Opening,
    /// What was told so far cannot be gone on from: `reset` comes next, then a snapshot.
    Lost,
    Following(Cursor),
}

/// What to tell a client next.
#[derive(Debug)]
pub enum Told {
    /// What is there: what was told of this subscription before, if anything, is void.
    Snapshot {
        /// Of which subscription.
        name: Arc<str>,
        /// What is there.
        snapshot: Box<Snapshot>,
    },
    /// What happened, in order.
    Frames {
        /// Of which subscription.
        name: Arc<str>,
        /// What happened.
        frames: Vec<Arc<Frame>>,
    },
    /// What happened since cannot be told any more. A snapshot follows.
    Reset {
        /// Of which subscription.
        name: Arc<str>,
    },
    /// A subscription is over.
    Ended {
        /// Which.
        name: Arc<str>,
        /// Why.
        error: Error,
    },
    /// Everything is over: the client is not who they were any more.
    SignedOut(Error),
    /// The server stops. The client connects again and goes on from its cursors.
    Closing,
}

/// What there is to do next.
enum Next {
    Tell(usize, Vec<Arc<Frame>>, Cursor),
    ReadLog(usize, Cursor),
    Open(usize),
    Reset(usize),
    Wait,
}

impl Watch {
    pub(super) async fn begin(engine: &Arc<Inner>, credential: Credential) -> Result<Self, Error> {
        let wake = Arc::<Notify>::default();
        let scope = scope_of(&access(engine).authenticate(&credential).await?);
        let guards = vec![engine.hub.doubts.watch(scope, &wake)];
        // Again, now that the guard watches.
        let principal = access(engine).authenticate(&credential).await?;
        let seat = engine.hub.seats.take(principal.actor())?;
        Ok(Self {
            engine: Arc::clone(engine),
            credential,
            principal,
            wake,
            guards,
            subscriptions: Vec::new(),
            turn: 0,
            first: VecDeque::new(),
            look_again_at: Instant::now() + LOOK_AGAIN,
            alarm: Box::pin(tokio::time::sleep(LOOK_AGAIN)),
            closing: Box::pin(engine.hub.closing.clone().cancelled_owned()),
            // Not the same for all, or all would be measured at the same time.
            told: engine.hub.next_offset(),
            _attendance: engine.hub.attendance.token(),
            _seat: seat,
        })
    }

    /// Who follows.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Follows something under a name: from after a number on, or from what is there now.
    pub async fn subscribe(&mut self, name: Arc<str>, query: Query, after: Option<u64>) -> Result<(), Error> {
        if self.subscriptions.iter().any(|known| known.name == name) {
            return Err(Error::new(
                ErrorCode::Conflict,
                "There is a subscription of this name. End it first, or choose another name.",
            )
            .of_field("id"));
        }
        if self.subscriptions.len() >= SUBSCRIPTIONS {
            return Err(Error::validation(format!(
                "One connection can follow {SUBSCRIPTIONS} things. End a subscription first."
            )));
        }
        let mut admission = query.admit(&self.engine, &self.principal).await?;
        if let Some(grant) = admission.grant() {
            let scope = Scope::Project(grant.project);
            if self.guards.iter().all(|guard| guard.scope() != scope) {
                self.guards.push(self.engine.hub.doubts.watch(scope, &self.wake));
                // Again, now that the guard watches.
                admission = query.admit(&self.engine, &self.principal).await?;
            }
        }
        let follower = self.engine.hub.follow(admission.key(), &self.wake).await?;
        let stage = match after {
            None => Stage::Opening,
            // From a future that is not ours: of another database, or of one that was restored from a backup.
            Some(after) if after > self.head(admission.key()).await? => Stage::Lost,
            Some(after) => Stage::Following(Cursor::after(after)),
        };
        self.subscriptions.push(Subscription {
            name,
            query,
            admission,
            follower,
            stage,
        });
        Ok(())
    }

    /// Follows something no longer. Gives whether it was followed.
    pub fn unsubscribe(&mut self, name: &str) -> bool {
        let Some(index) = self.subscriptions.iter().position(|known| &*known.name == name) else {
            return false;
        };
        self.subscriptions.remove(index);
        true
    }

    /// Takes a newer credential of the same caller, for those that are good for a short time only.
    pub async fn renew(&mut self, credential: Credential) -> Result<(), Error> {
        let principal = access(&self.engine).authenticate(&credential).await?;
        if principal.actor() != self.principal.actor() {
            return Err(Error::new(
                ErrorCode::Conflict,
                "This connection is somebody else's. Open another one.",
            ));
        }
        let scope = scope_of(&principal);
        if self.guards.iter().all(|guard| guard.scope() != scope) {
            self.guards.push(self.engine.hub.doubts.watch(scope, &self.wake));
        }
        (self.credential, self.principal) = (credential, principal);
        // What the new one allows may be less.
        self.look_again_within(Duration::ZERO);
        Ok(())
    }

    /// Whether what [`Watch::next`] gave may still be told: to be asked again after a client made one wait.
    pub async fn may_tell(&mut self, name: &str, frame: &Frame) -> bool {
        while self.is_in_doubt() {
            if let Err(error) = Box::pin(self.look_again()).await {
                if self.engine.hub.closing.is_cancelled() {
                    return false;
                }
                tracing::warn!("telling a client waits for the store: {}", chain(&error));
                drop(tokio::time::timeout(BACK_OFF, self.engine.hub.closing.cancelled()).await);
            }
        }
        self.subscriptions
            .iter()
            .find(|known| &*known.name == name)
            .is_some_and(|known| known.admission.shows(frame.content(), &self.principal))
    }

    /// Waits for what to tell next.
    pub async fn next(&mut self) -> Told {
        loop {
            if self.engine.hub.closing.is_cancelled() {
                return Told::Closing;
            }
            if let Some(told) = self.first.pop_front() {
                return told;
            }
            let worked = match self.work().await {
                Ok(worked) => worked,
                Err(error) => {
                    tracing::warn!("telling a client waits for the store: {}", chain(&error));
                    drop(tokio::time::timeout(BACK_OFF, self.engine.hub.closing.cancelled()).await);
                    continue;
                }
            };
            if let Some(told) = worked {
                return told;
            }
        }
    }

    /// Does one thing; what it fails with is the store's failure, and passes. What is done seldom is in boxes: every idle
    /// client keeps this future.
    async fn work(&mut self) -> Result<Option<Told>, Error> {
        if self.is_in_doubt() {
            Box::pin(self.look_again()).await?;
            return Ok(None);
        }
        match self.find() {
            Next::Wait => {
                let Self {
                    wake, alarm, closing, ..
                } = self;
                tokio::select! {
                    biased;
                    () = wake.notified() => {}
                    () = closing.as_mut() => {}
                    () = alarm.as_mut() => {}
                }
                Ok(None)
            }
            Next::Tell(index, frames, cursor) => Ok(self.tell(index, frames, cursor)),
            Next::ReadLog(index, cursor) => {
                metrics::counter!("codecourier_live_log_reads_total").increment(1);
                let key = self.subscriptions[index].follower.key();
                match Box::pin(self.read_log(key, cursor)).await? {
                    Some(frames) => {
                        let seq = frames.last().and_then(|frame| frame.seq()).unwrap_or(cursor.seq);
                        Ok(self.tell(index, frames, Cursor::after(seq)))
                    }
                    None => {
                        self.subscriptions[index].stage = Stage::Lost;
                        Ok(None)
                    }
                }
            }
            Next::Reset(index) => {
                self.subscriptions[index].stage = Stage::Opening;
                let name = Arc::clone(&self.subscriptions[index].name);
                count_messages("reset", 1);
                Ok(Some(Told::Reset { name }))
            }
            Next::Open(index) => {
                let subscription = &self.subscriptions[index];
                let taken = self.engine.hub.snapshot(&subscription.admission, &self.principal);
                let taken = Box::pin(taken).await;
                self.engine.store.hear_of_access().await?;
                if self.is_in_doubt() {
                    return Ok(None);
                }
                let name = Arc::clone(&self.subscriptions[index].name);
                match taken {
                    Ok(snapshot) => {
                        self.subscriptions[index].stage = Stage::Following(Cursor::after(snapshot.seq));
                        let snapshot = Box::new(snapshot);
                        count_messages("snapshot", 1);
                        Ok(Some(Told::Snapshot { name, snapshot }))
                    }
                    Err(error) if error.code == ErrorCode::NotFound => {
                        self.subscriptions.remove(index);
                        Ok(Some(Told::Ended { name, error }))
                    }
                    Err(error) => Err(error),
                }
            }
        }
    }

    /// The next thing to do, beginning with the subscription whose turn it is.
    fn find(&self) -> Next {
        let count = self.subscriptions.len();
        for index in (self.turn..count).chain(0..self.turn.min(count)) {
            let subscription = &self.subscriptions[index];
            match subscription.stage {
                Stage::Opening => return Next::Open(index),
                Stage::Lost => return Next::Reset(index),
                Stage::Following(cursor) => match subscription.follower.read(cursor, HELPING) {
                    Found::Frames(frames, after) if !frames.is_empty() => return Next::Tell(index, frames, after),
                    Found::Frames(..) => {}
                    Found::InTheLog => return Next::ReadLog(index, cursor),
                },
            }
        }
        Next::Wait
    }

    /// What was fetched goes out only if nothing has happened meanwhile to whoever gets it.
    fn tell(&mut self, index: usize, mut frames: Vec<Arc<Frame>>, cursor: Cursor) -> Option<Told> {
        if self.is_in_doubt() {
            return None;
        }
        let subscription = &mut self.subscriptions[index];
        subscription.stage = Stage::Following(cursor);
        self.turn = index + 1;
        frames.retain(|frame| subscription.admission.shows(frame.content(), &self.principal));
        count_frames(&frames, &mut self.told);
        (!frames.is_empty()).then(|| Told::Frames {
            name: Arc::clone(&subscription.name),
            frames,
        })
    }

    /// What follows in the log, for one who is behind; `None` when retention has removed it.
    async fn read_log(&self, key: Key, cursor: Cursor) -> Result<Option<Vec<Arc<Frame>>>, Error> {
        let mut reader = self.engine.store.read().await?;
        let read = match key {
            Key::Changes(scope) => match reader.changes_after(scope, cursor.seq, PAGE).await? {
                ChangesAfter::Changes(changes) => Some(
                    changes
                        .into_iter()
                        .map(|change| Frame::new(Content::Change(Arc::new(change))))
                        .collect(),
                ),
                ChangesAfter::Trimmed { .. } => None,
            },
            // Nothing of it is kept, and its tail sends nobody here.
            Key::Usage(_) => Some(Vec::new()),
            Key::Events { project, run } => {
                let events = reader
                    .events(project, run, EventWindow::After(cursor.seq), PAGE)
                    .await?;
                Some(
                    events
                        .into_iter()
                        .map(|event| Frame::new(Content::Event(event)))
                        .collect(),
                )
            }
        };
        drop(reader);
        self.engine.store.hear_of_access().await?;
        Ok(read)
    }

    async fn head(&self, key: Key) -> Result<u64, Error> {
        let mut reader = self.engine.store.read().await?;
        Ok(match key {
            Key::Changes(scope) => reader.change_head(scope).await?,
            Key::Events { project, run } => reader.event_head(project, run).await?,
            Key::Usage(_) => 0,
        })
    }

    fn is_in_doubt(&mut self) -> bool {
        let principal = &self.principal;
        let by_time = self.look_again_at <= Instant::now();
        // Every guard is asked, so that each settles what does not concern this client.
        self.guards
            .iter_mut()
            .fold(by_time, |doubt, guard| guard.is_in_doubt(principal) || doubt)
    }

    /// Asks anew who this is and what they may follow.
    async fn look_again(&mut self) -> Result<(), Error> {
        let counts: Vec<u64> = self.guards.iter().map(Guard::count).collect();
        let principal = match access(&self.engine).still(&self.principal, &self.credential).await {
            Ok(principal) if principal.actor() == self.principal.actor() => principal,
            Ok(_) => {
                self.sign_out(crate::access::refusal());
                return Ok(());
            }
            Err(error) if is_refusal(&error) => {
                self.sign_out(error);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let mut admissions = Vec::new();
        for subscription in &self.subscriptions {
            let admitted = match subscription.query.admit(&self.engine, &principal).await {
                // The slug may have become another project's.
                Ok(admission) if admission.key() == subscription.admission.key() => Ok(admission),
                Ok(_) => Err(Error::not_found("This is not there any more, or not for you.")),
                Err(error) if is_refusal(&error) => Err(error),
                Err(error) => return Err(error),
            };
            admissions.push(admitted);
        }
        self.principal = principal;
        for (subscription, admitted) in std::mem::take(&mut self.subscriptions).into_iter().zip(admissions) {
            match admitted {
                Ok(admission) => self.subscriptions.push(Subscription {
                    admission,
                    ..subscription
                }),
                Err(error) => self.first.push_back(Told::Ended {
                    name: subscription.name,
                    error,
                }),
            }
        }
        for (guard, count) in self.guards.iter_mut().zip(counts) {
            guard.settle(count);
        }
        self.look_again_within(LOOK_AGAIN);
        Ok(())
    }

    fn look_again_within(&mut self, time: Duration) {
        self.look_again_at = Instant::now() + time;
        self.alarm.as_mut().reset(self.look_again_at);
    }

    fn sign_out(&mut self, why: Error) {
        self.subscriptions.clear();
        self.guards.clear();
        self.look_again_within(LOOK_AGAIN);
        self.first.clear();
        self.first.push_back(Told::SignedOut(why));
    }
}

/// Where changes of a caller's credential are told.
const fn scope_of(principal: &Principal) -> Scope {
    match principal {
        Principal::Person(person) => Scope::User(person.user),
        Principal::ApiKey(holder) => Scope::Project(holder.project),
    }
}

/// Whether an error says no, rather than that nobody can tell now.
fn is_refusal(error: &Error) -> bool {
    matches!(
        error.code,
        ErrorCode::AuthMissing
            | ErrorCode::AuthInvalid
            | ErrorCode::Forbidden
            | ErrorCode::ScopeDenied
            | ErrorCode::NotFound
    )
}

fn access(engine: &Arc<Inner>) -> Access {
    Access {
        engine: Arc::clone(engine),
    }
}
