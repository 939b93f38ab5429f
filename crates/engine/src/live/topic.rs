//! What is followed: the changes of a scope, the events of a run, or what a sandbox uses. One reader for all who follow.
//!
//! Invariants: a topic exists, and its reader runs, as long as somebody follows it; a frame is taken from the log once,
//! whatever the number of followers; followers are only woken, and fetch what they want when they can take it, so a slow
//! one holds nothing up and takes no memory.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use codecourier_domain::id::{ProjectId, RunId, SandboxId};
use codecourier_store::changes::{ChangeFeed, FollowedChange, Scope};
use codecourier_store::events::EventFeed;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use parking_lot::Mutex;
use tokio::sync::{Notify, OnceCell, broadcast};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Hub;
use super::frame::{Content, Frame};
use super::tail::{Cursor, Found, Helping, Tail};
use crate::error::{Error, chain};
use crate::runs::live::Notice;
use crate::sandboxes::{UsageSample, samples};

/// How many frames a reader takes in before it wakes the followers.
const TAKEN_AT_ONCE: usize = 256;
/// How long a reader waits after the store has failed.
const BACK_OFF: Duration = Duration::from_millis(500);

/// What can be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Changes(Scope),
    Events {
        project: ProjectId,
        run: RunId,
    },
    /// It has no log: the newest sample is all there is.
    Usage(SandboxId),
}

/// Something that is followed.
pub(super) struct Topic {
    key: Key,
    tail: Mutex<Tail>,
    followers: Mutex<Followers>,
    started: OnceCell<DropGuard>,
}

#[derive(Default)]
struct Followers {
    next: u64,
    wakes: HashMap<u64, Arc<Notify>>,
}

/// Somebody's place among the followers of a topic. They leave by dropping it.
pub(super) struct Follower {
    topic: Arc<Topic>,
    number: u64,
}

/// The topics that are followed now.
#[derive(Default)]
pub(super) struct Topics {
    by_key: Mutex<HashMap<Key, Weak<Topic>>>,
}

impl Topics {
    fn of(&self, key: Key) -> Arc<Topic> {
        let mut by_key = self.by_key.lock();
        if let Some(topic) = by_key.get(&key).and_then(Weak::upgrade) {
            return topic;
        }
        if by_key.len() == by_key.capacity() {
            by_key.retain(|_, topic| topic.strong_count() > 0);
        }
        let topic = Arc::new(Topic {
            key,
            tail: Mutex::new(Tail::after(0)),
            followers: Mutex::default(),
            started: OnceCell::new(),
        });
        by_key.insert(key, Arc::downgrade(&topic));
        topic
    }

    /// How many are followed.
    pub(super) fn count(&self) -> usize {
        let by_key = self.by_key.lock();
        by_key.values().filter(|topic| topic.strong_count() > 0).count()
    }
}

impl Topics {
    /// How many followers they have, all together.
    pub(super) fn followers(&self) -> usize {
        let topics: Vec<_> = self.by_key.lock().values().filter_map(Weak::upgrade).collect();
        topics.iter().map(|topic| topic.followers.lock().wakes.len()).sum()
    }
}

impl Hub {
    /// Begins to follow. What is committed from now on is in the tail, and `wake` is told of it.
    pub(super) async fn follow(&self, key: Key, wake: &Arc<Notify>) -> Result<Follower, Error> {
        let topic = self.topics.of(key);
        topic.started.get_or_try_init(|| self.start(&topic)).await?;
        Ok(Follower::new(topic, wake))
    }

    /// Starts the reader of a topic where its log is now.
    async fn start(&self, topic: &Arc<Topic>) -> Result<DropGuard, Error> {
        let source = match topic.key {
            Key::Changes(scope) => {
                let head = self.store.read().await?.change_head(scope).await?;
                *topic.tail.lock() = Tail::after(head);
                Source::Changes(self.store.follow_changes(scope, head))
            }
            Key::Events { project, run } => {
                let notices = self.notices.listen(run);
                let head = self.store.read().await?.event_head(project, run).await?;
                *topic.tail.lock() = Tail::after(head);
                Source::Events(self.store.follow_events(project, run, head), notices)
            }
            Key::Usage(sandbox) => Source::Usage(samples(Arc::clone(&self.backend), Arc::clone(&self.clock), sandbox)),
        };
        let stop = self.closing.child_token();
        self.tasks
            .spawn("live reader", read(Arc::downgrade(topic), source, stop.clone()));
        Ok(stop.drop_guard())
    }
}

enum Source {
    Changes(ChangeFeed),
    Events(EventFeed, broadcast::Receiver<Notice>),
    Usage(BoxStream<'static, UsageSample>),
}

/// What a source gives.
enum Given {
    Frame(Arc<Frame>),
    /// What stands for everything before it: who comes now gets it, and who was slow gets nothing older.
    Newest(Arc<Frame>),
    /// Nothing for followers.
    Nothing,
    /// What would follow was removed up to this number.
    Removed(u64),
}

/// Takes in what comes until nobody follows any more. Holds no topic while it waits.
async fn read(topic: Weak<Topic>, mut source: Source, stop: CancellationToken) {
    loop {
        let given = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            given = source.next() => given,
        };
        let Some(topic) = topic.upgrade() else { return };
        let mut given = Some(given);
        for _ in 0..TAKEN_AT_ONCE {
            match given.take() {
                Some(Ok(Given::Frame(frame))) => topic.tail.lock().push(frame),
                Some(Ok(Given::Newest(frame))) => {
                    let mut tail = topic.tail.lock();
                    tail.restart_after(0);
                    tail.push(frame);
                }
                Some(Ok(Given::Removed(through))) => topic.tail.lock().restart_after(through),
                Some(Ok(Given::Nothing)) => {}
                Some(Err(codecourier_store::Error::Closed)) => return,
                Some(Err(error)) => {
                    tracing::warn!("following {:?} waits for the store: {}", topic.key, chain(&error));
                    topic.wake_followers();
                    // Whoever stops meanwhile stops this wait too.
                    drop(tokio::time::timeout(BACK_OFF, stop.cancelled()).await);
                }
                None => break,
            }
            given = source.next().now_or_never();
        }
        topic.wake_followers();
    }
}

impl Source {
    /// May be dropped at any time and called again.
    async fn next(&mut self) -> Result<Given, codecourier_store::Error> {
        match self {
            Self::Changes(feed) => Ok(match feed.next().await? {
                FollowedChange::Change(change) => Given::Frame(Frame::new(Content::Change(change))),
                FollowedChange::Reset { through } => Given::Removed(through),
            }),
            // A stream keeps what it was about when it is asked anew.
            Self::Usage(samples) => match samples.next().await {
                Some(sample) => Ok(Given::Newest(Frame::new(Content::Usage(sample)))),
                None => std::future::pending().await,
            },
            Self::Events(feed, notices) => tokio::select! {
                biased;
                event = feed.next() => Ok(Given::Frame(Frame::new(Content::Event(event?)))),
                notice = notices.recv() => Ok(match notice {
                    Ok(Notice::Transient { step, event }) => Given::Frame(Frame::new(Content::Piece { step, event })),
                    Ok(Notice::Preparing { stage, detail }) => Given::Frame(Frame::new(Content::Preparing { stage, detail })),
                    Ok(Notice::Waiting { reason }) => Given::Frame(Frame::new(Content::Waiting { reason })),
                    Ok(Notice::EventsStored | Notice::Changed) | Err(broadcast::error::RecvError::Lagged(_)) => Given::Nothing,
                    // The bus goes with the engine, and the store is closed then.
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }),
            },
        }
    }
}

impl Topic {
    fn wake_followers(&self) {
        self.followers.lock().wakes.values().for_each(|wake| wake.notify_one());
    }
}

impl Follower {
    fn new(topic: Arc<Topic>, wake: &Arc<Notify>) -> Self {
        let mut followers = topic.followers.lock();
        let number = followers.next;
        followers.next += 1;
        followers.wakes.insert(number, Arc::clone(wake));
        drop(followers);
        Self { topic, number }
    }

    pub(super) fn key(&self) -> Key {
        self.topic.key
    }

    pub(super) fn read(&self, cursor: Cursor, helping: Helping) -> Found {
        self.topic.tail.lock().read(cursor, helping)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.topic.followers.lock().wakes.remove(&self.number);
    }
}
