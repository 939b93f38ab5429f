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

use crate::changes::{Change, Scope};
use crate::error::{Error, Result};
use crate::events::StoredEvent;
use crate::open::Store;
use crate::writer::Effects;

/// How many announcements a slow follower may be behind before it reads from the log again.
const ANNOUNCEMENTS_KEPT: usize = 256;
/// The same for what concerns one person: there are as many such topics as people, and little happens in each.
const PERSONAL_ANNOUNCEMENTS_KEPT: usize = 16;
const PAGE: u32 = 500;

/// Is shown every change before anybody else; see [`Store::observe_changes`].
pub(crate) type Observer = Box<dyn Fn(&Arc<Change>) + Send + Sync>;

/// Everybody who watches this store from inside this process.
pub(crate) struct Watchers {
    pub(crate) changes: Topics<Scope, Arc<Change>>,
    pub(crate) events: Topics<RunId, Arc<[StoredEvent]>>,
    observers: RwLock<Vec<Observer>>,
    /// `None` once the store is closed.
    work: Mutex<Option<watch::Sender<u64>>>,
    /// The same, for mail to be sent.
    mail: Mutex<Option<watch::Sender<u64>>>,
}

impl Watchers {
    pub(crate) fn new() -> Self {
        Self {
            changes: Topics::default(),
            events: Topics::default(),
            observers: RwLock::default(),
            work: Mutex::new(Some(watch::Sender::new(0))),
            mail: Mutex::new(Some(watch::Sender::new(0))),
        }
    }

    pub(crate) fn observe(&self, observer: Observer) {
        self.observers
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(observer);
    }

    pub(crate) fn publish(&self, effects: Effects) {
        if !effects.changes.is_empty() {
            let observers = self.observers.read().unwrap_or_else(PoisonError::into_inner);
            for observer in observers.iter() {
                effects.changes.iter().for_each(observer);
            }
        }
        for change in effects.changes {
            self.changes.announce(&change.scope.clone(), change);
        }
        for (run, events) in effects.events {
            self.events.announce(&run, events);
        }
        for (moved, signal) in [(effects.tasks_moved, &self.work), (effects.mails_moved, &self.mail)] {
            if moved && let Some(signal) = &*lock(signal) {
                signal.send_modify(|generation| *generation = generation.wrapping_add(1));
            }
        }
    }

    /// Waits fail at once after [`Watchers::close`].
    pub(crate) fn work(&self) -> watch::Receiver<u64> {
        subscribed(&self.work)
    }

    /// The same, for mail to be sent.
    pub(crate) fn mail(&self) -> watch::Receiver<u64> {
        subscribed(&self.mail)
    }

    /// Ends every wait.
    pub(crate) fn close(&self) {
        lock(&self.changes.senders).clear();
        lock(&self.events.senders).clear();
        self.observers.write().unwrap_or_else(PoisonError::into_inner).clear();
        lock(&self.work).take();
        lock(&self.mail).take();
    }
}

fn subscribed(signal: &Mutex<Option<watch::Sender<u64>>>) -> watch::Receiver<u64> {
    match &*lock(signal) {
        Some(signal) => signal.subscribe(),
        None => watch::Sender::new(0).subscribe(),
    }
}

/// A panic while one of these was held leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Announcements by topic. A topic exists while it has followers.
#[derive(Debug)]
pub(crate) struct Topics<K, T> {
    senders: Mutex<HashMap<K, broadcast::Sender<T>>>,
}

impl<K, T> Default for Topics<K, T> {
    fn default() -> Self {
        Self {
            senders: Mutex::new(HashMap::new()),
        }
    }
}

impl Topics<Scope, Arc<Change>> {
    pub(crate) fn follow(&self, scope: Scope) -> broadcast::Receiver<Arc<Change>> {
        let kept = match scope {
            Scope::Installation | Scope::Project(_) => ANNOUNCEMENTS_KEPT,
            Scope::User(_) => PERSONAL_ANNOUNCEMENTS_KEPT,
        };
        self.subscribe(scope, kept)
    }
}

impl Topics<RunId, Arc<[StoredEvent]>> {
    pub(crate) fn follow(&self, run: RunId) -> broadcast::Receiver<Arc<[StoredEvent]>> {
        self.subscribe(run, ANNOUNCEMENTS_KEPT)
    }
}

impl<K: Eq + Hash + Clone, T: Clone> Topics<K, T> {
    fn subscribe(&self, topic: K, topic_size: usize) -> broadcast::Receiver<T> {
        let mut senders = lock(&self.senders);
        // Forgets topics whose followers left without an announcement since.
        if senders.len() == senders.capacity() {
            senders.retain(|_, sender| sender.receiver_count() > 0);
        }
        senders
            .entry(topic)
            .or_insert_with(|| broadcast::Sender::new(topic_size))
            .subscribe()
    }

    pub(crate) fn announce(&self, topic: &K, announcement: T) {
        let mut senders = lock(&self.senders);
        if let Some(sender) = senders.get(topic)
            && sender.send(announcement).is_err()
        {
            senders.remove(topic);
        }
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
    announcements: broadcast::Receiver<L::Announced>,
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
    pub(crate) fn new(store: Store, log: L, after: u64, announcements: broadcast::Receiver<L::Announced>) -> Self {
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
                    LogPage::Items(items) if items.is_empty() => self.reading = false,
                    LogPage::Items(items) => self.ready = items.into(),
                    LogPage::Trimmed(after) => {
                        self.cursor = after;
                        return Ok(Met::Trimmed(after));
                    }
                }
                continue;
            }
            match self.announcements.recv().await {
                Ok(announced) => self.ready = L::items(announced).into(),
                Err(broadcast::error::RecvError::Lagged(_)) => self.reading = true,
                Err(broadcast::error::RecvError::Closed) => return Err(Error::Closed),
            }
        }
    }
}
