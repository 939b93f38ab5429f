//! Those who wait for something to be committed: followers of a change scope, followers of a run's events, workers.
//!
//! Watchers are told after the commit, and a slow one may miss what it is told. So that only saves a read:
//! [`Follower`] subscribes first, then reads the log, and goes back to the log whenever a number is missing.
//! Invariant: a follower gives every item once, in order, without a gap.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use codecourier_domain::id::RunId;
use tokio::sync::{broadcast, watch};

use crate::changes::{Change, Observed, Scope};
use crate::error::{Error, Result};
use crate::events::StoredEvent;
use crate::nodes::Hints;
use crate::open::Store;
use crate::writer::Effects;

/// How many announcements a slow follower may be behind before it reads from the log again.
const ANNOUNCEMENTS_KEPT: usize = 256;
/// The same for what concerns one person: there are as many such topics as people, and little happens in each.
const PERSONAL_ANNOUNCEMENTS_KEPT: usize = 16;
const PAGE: u32 = 500;

/// Is shown changes before anybody else; see [`Store::observe_changes`].
pub(crate) type Observer = Box<dyn Fn(Observed<'_>) + Send + Sync>;

/// What followers of a log are told.
#[derive(Debug, Clone)]
pub(crate) enum Announced<T> {
    /// This was committed here.
    Here(T),
    /// Another node's commit brought the log to this number.
    Elsewhere(u64),
}

/// Everybody who watches this store from inside this process.
pub(crate) struct Watchers {
    pub(crate) changes: Topics<Scope, Arc<Change>>,
    pub(crate) events: Topics<RunId, Arc<[StoredEvent]>>,
    observers: RwLock<Vec<Observer>>,
    /// Told when tasks have moved.
    work: Signal,
    /// The same, for mail to be sent.
    mail: Signal,
    /// Told when another node took somebody's hold on a task from them.
    holds: Signal,
    /// Told when somebody told a step's agent something.
    inputs: Signal,
}

/// Something that happens again and again, to be waited for. `None` once the store is closed.
struct Signal(Mutex<Option<watch::Sender<u64>>>);

impl Signal {
    fn new() -> Self {
        Self(Mutex::new(Some(watch::Sender::new(0))))
    }

    fn give(&self) {
        if let Some(sender) = &*lock(&self.0) {
            sender.send_modify(|generation| *generation = generation.wrapping_add(1));
        }
    }

    /// Waits fail at once after the end.
    fn receiver(&self) -> watch::Receiver<u64> {
        match &*lock(&self.0) {
            Some(sender) => sender.subscribe(),
            None => watch::Sender::new(0).subscribe(),
        }
    }

    fn end(&self) {
        lock(&self.0).take();
    }
}

impl Watchers {
    pub(crate) fn new() -> Self {
        Self {
            changes: Topics::default(),
            events: Topics::default(),
            observers: RwLock::default(),
            work: Signal::new(),
            mail: Signal::new(),
            holds: Signal::new(),
            inputs: Signal::new(),
        }
    }

    pub(crate) fn observe(&self, observer: Observer) {
        self.observers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(observer);
    }

    /// Shows something to the observers.
    pub(crate) fn show(&self, observed: Observed<'_>) {
        let observers = self.observers.read().unwrap_or_else(PoisonError::into_inner);
        observers.iter().for_each(|observer| observer(observed));
    }

    pub(crate) fn publish(&self, effects: Effects) {
        for change in &effects.changes {
            self.show(Observed::Change(change));
        }
        for change in effects.changes {
            self.changes.announce(&change.scope.clone(), change.seq, change);
        }
        for (run, events) in effects.events {
            if let Some(last) = events.last().map(|event| event.seq) {
                self.events.announce(&run, last, events);
            }
        }
        if effects.tasks_moved {
            self.wake_workers();
        }
        if effects.mails_moved {
            self.mail.give();
        }
        if effects.inputs_moved {
            self.inputs.give();
        }
    }

    /// Passes on what another node told of.
    pub(crate) fn hear(&self, hints: &Hints) {
        for (scope, seq) in &hints.changes {
            self.changes.grown(scope, *seq);
        }
        for (run, seq) in &hints.events {
            self.events.grown(run, *seq);
        }
        if hints.tasks_moved {
            self.wake_workers();
        }
        if hints.holds_lost {
            self.holds.give();
        }
        if hints.inputs_moved {
            self.inputs.give();
        }
    }

    /// Lets workers look for tasks, and for holds that they lost.
    pub(crate) fn wake_workers(&self) {
        self.work.give();
    }

    /// Waits fail at once after [`Watchers::close`].
    pub(crate) fn work(&self) -> watch::Receiver<u64> {
        self.work.receiver()
    }

    /// The same, for mail to be sent.
    pub(crate) fn mail(&self) -> watch::Receiver<u64> {
        self.mail.receiver()
    }

    /// The same of holds that other nodes took from somebody.
    pub(crate) fn holds(&self) -> watch::Receiver<u64> {
        self.holds.receiver()
    }

    /// The same of what people tell the agents of steps.
    pub(crate) fn inputs(&self) -> watch::Receiver<u64> {
        self.inputs.receiver()
    }

    /// Ends every wait.
    pub(crate) fn close(&self) {
        lock(&self.changes.topics).clear();
        lock(&self.events.topics).clear();
        self.observers.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.work.end();
        self.mail.end();
        self.holds.end();
        self.inputs.end();
    }
}

/// A panic while one of these was held leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Announcements by topic. A topic exists while it has followers.
#[derive(Debug)]
pub(crate) struct Topics<K, T> {
    topics: Mutex<HashMap<K, Topic<T>>>,
}

#[derive(Debug)]
struct Topic<T> {
    sender: broadcast::Sender<Announced<T>>,
    /// How far followers were told that the log is; `None` before the first time.
    told: Option<u64>,
}

impl<K, T> Default for Topics<K, T> {
    fn default() -> Self {
        Self {
            topics: Mutex::new(HashMap::new()),
        }
    }
}

impl Topics<Scope, Arc<Change>> {
    pub(crate) fn follow(&self, scope: Scope) -> broadcast::Receiver<Announced<Arc<Change>>> {
        let kept = match scope {
            Scope::Installation | Scope::Project(_) | Scope::Access => ANNOUNCEMENTS_KEPT,
            Scope::User(_) => PERSONAL_ANNOUNCEMENTS_KEPT,
        };
        self.subscribe(scope, kept)
    }
}

impl Topics<RunId, Arc<[StoredEvent]>> {
    pub(crate) fn follow(&self, run: RunId) -> broadcast::Receiver<Announced<Arc<[StoredEvent]>>> {
        self.subscribe(run, ANNOUNCEMENTS_KEPT)
    }
}

impl<K: Eq + Hash + Clone, T: Clone> Topics<K, T> {
    fn subscribe(&self, topic: K, topic_size: usize) -> broadcast::Receiver<Announced<T>> {
        let mut topics = lock(&self.topics);
        // Forgets topics whose followers left without an announcement since.
        if topics.len() == topics.capacity() {
            topics.retain(|_, topic| topic.sender.receiver_count() > 0);
        }
        let topic = topics.entry(topic).or_insert_with(|| Topic {
            sender: broadcast::Sender::new(topic_size),
            told: None,
        });
        topic.sender.subscribe()
    }

    /// Announces what was committed here, which brought the log to this number.
    pub(crate) fn announce(&self, key: &K, seq: u64, announcement: T) {
        let mut topics = lock(&self.topics);
        if let Some(topic) = topics.get_mut(key) {
            topic.told = topic.told.max(Some(seq));
            if topic.sender.send(Announced::Here(announcement)).is_err() {
                topics.remove(key);
            }
        }
    }

    /// Says that a log has come to this number elsewhere. Gives whether that was news to somebody who follows it for a while
    /// already: to new ones everything is.
    pub(crate) fn grown(&self, key: &K, seq: u64) -> bool {
        let mut topics = lock(&self.topics);
        let Some(topic) = topics.get_mut(key).filter(|topic| topic.told < Some(seq)) else {
            return false;
        };
        let was_told = topic.told.replace(seq).is_some();
        let heard = topic.sender.send(Announced::Elsewhere(seq)).is_ok();
        if !heard {
            topics.remove(key);
        }
        heard && was_told
    }

    /// What is followed now.
    pub(crate) fn followed(&self) -> Vec<K> {
        let topics = lock(&self.topics);
        let followed = topics.iter().filter(|(_, topic)| topic.sender.receiver_count() > 0);
        followed.map(|(key, _)| key.clone()).collect()
    }
}

/// A log that can be followed: numbered items in a table, announcements in memory.
pub(crate) trait Log: Send {
    /// One item.
    type Item: Send;
    /// What is announced of it.
    type Announced: Clone + Send;

    fn seq(item: &Self::Item) -> u64;
    fn items(announced: Self::Announced) -> Vec<Self::Item>;
    /// The items after a number, oldest first.
    fn page(&self, store: &Store, after: u64, limit: u32) -> impl Future<Output = Result<LogPage<Self::Item>>> + Send;
}

/// Part of a log.
pub(crate) enum LogPage<T> {
    /// What follows; empty at the end.
    Items(Vec<T>),
    /// Retention has removed what would follow; the log now begins after this number.
    Trimmed(u64),
}

/// Where a follower is; see the module.
#[derive(Debug)]
pub(crate) struct Follower<L: Log> {
    store: Store,
    log: L,
    cursor: u64,
    announcements: broadcast::Receiver<Announced<L::Announced>>,
    ready: VecDeque<L::Item>,
    reading: bool,
}

/// What a follower meets.
pub(crate) enum Met<T> {
    /// The next item.
    Item(T),
    /// Items are missing for good; it goes on after this number.
    Trimmed(u64),
}

impl<L: Log> Follower<L> {
    /// `announcements` must have been subscribed to before this is called.
    pub(crate) fn new(
        store: Store,
        log: L,
        after: u64,
        announcements: broadcast::Receiver<Announced<L::Announced>>,
    ) -> Self {
        Self {
            store,
            log,
            cursor: after,
            announcements,
            ready: VecDeque::new(),
            reading: true,
        }
    }

    /// The next item, waiting for it if need be. May be dropped at any await and called again.
    pub(crate) async fn next(&mut self) -> Result<Met<L::Item>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                let seq = L::seq(&item);
                if seq <= self.cursor {
                    continue;
                }
                if seq == self.cursor + 1 {
                    self.cursor = seq;
                    return Ok(Met::Item(item));
                }
                self.ready.clear();
                self.reading = true;
            }
            if self.reading {
                match self.log.page(&self.store, self.cursor, PAGE).await? {
                    LogPage::Items(items) => {
                        // What is committed after the last page was announced since, or will be.
                        self.reading = items.len() >= PAGE as usize;
                        self.ready = items.into();
                    }
                    LogPage::Trimmed(after) => {
                        self.cursor = after;
                        return Ok(Met::Trimmed(after));
                    }
                }
                continue;
            }
            match self.announcements.recv().await {
                Ok(Announced::Here(items)) => self.ready = L::items(items).into(),
                Ok(Announced::Elsewhere(seq)) => self.reading = seq > self.cursor,
                Err(broadcast::error::RecvError::Lagged(_)) => self.reading = true,
                Err(broadcast::error::RecvError::Closed) => return Err(Error::Closed),
            }
        }
    }
}
