//! [`FakeBackend`]: makes, finds and destroys fake sandboxes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use codecourier_domain::id::SandboxId;
use codecourier_domain::limits::SandboxLimits;
use codecourier_sandbox::{
    Backend, Destroyed, Ended, EndedBecause, Error, JournalStream, Sandbox, SandboxSpec, Support, Tier,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::calls::Calls;
use super::process::Input;
use super::sandbox::FakeSandbox;
use super::{Call, Moment, Room};
use crate::fake_agent::{Gate, Script};

/// A backend in memory. Several engines, one after the other or at once, may share it.
pub struct FakeBackend {
    pub(super) shared: Arc<Shared>,
}

/// What the backend and its sandboxes share.
pub(super) struct Shared {
    directory: TempDir,
    /// Where whatever happens inside sandboxes runs. `None` only while it is dropped.
    runtime: Option<Runtime>,
    rooms: Mutex<Rooms>,
    pub(super) calls: Calls,
    script: Mutex<Script>,
    refusals: Mutex<BTreeMap<&'static str, u32>>,
    /// The largest piece of a journal that is given at once.
    pub(super) piece: AtomicUsize,
}

#[derive(Default)]
struct Rooms {
    present: BTreeMap<SandboxId, Arc<Room>>,
    /// Every sandbox that was destroyed, for what tests ask of it afterwards.
    past: BTreeMap<SandboxId, Arc<Room>>,
    created: Vec<SandboxId>,
    /// What each sandbox was allowed to use.
    limits: BTreeMap<SandboxId, SandboxLimits>,
}

impl FakeBackend {
    /// A backend whose agents follow a script.
    ///
    /// # Panics
    /// When there is no room for a temporary directory or a thread.
    #[must_use]
    pub fn new(script: Script) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("fake-sandboxes-")
            .tempdir()
            .expect("a temporary directory");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("fake-sandboxes")
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            shared: Arc::new(Shared {
                directory,
                runtime: Some(runtime),
                rooms: Mutex::default(),
                calls: Calls::default(),
                script: Mutex::new(script),
                refusals: Mutex::default(),
                // Small, so that lines come in pieces.
                piece: AtomicUsize::new(700),
            }),
        }
    }

    /// Gives agents that start from now on another script.
    pub fn play(&self, script: Script) {
        *self.shared.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// Stops the engine's world at a point, counted from now, from 1: the call that reaches it never returns, and
    /// neither does any other from then on. Each call has two points, one before and one after it did its work. What
    /// runs in the sandboxes goes on.
    pub fn stop_at(&self, point: u64) {
        self.shared.calls.stop_at(point);
    }

    /// Stops the engine's world at every point, the first time that it is reached: an engine gets one new point further
    /// than the one before it. Points are told apart by their sandbox, call, tag or path, and position in a journal.
    pub fn stop_at_each(&self) {
        self.shared.calls.stop_at_each();
    }

    /// Waits until the point of [`FakeBackend::stop_at`] was reached, and tells which it was.
    pub async fn stopped(&self) -> String {
        let mut stopped = self.shared.calls.stopped();
        match stopped.wait_for(Option::is_some).await.map(|what| what.clone()) {
            Ok(Some(what)) => what,
            _ => std::future::pending().await,
        }
    }

    /// Lets calls return again: for the next engine, once the one before is gone.
    pub fn revive(&self) {
        self.shared.calls.revive();
    }

    /// Lets every call whose name begins so wait at a gate before it does anything: `run collect`, `create`.
    pub fn hold(&self, what: &str, gate: Gate) {
        self.shared.calls.hold(what, gate);
    }

    /// Gives journals in pieces of at most so many bytes. They are small unless a test says otherwise.
    pub fn piece(&self, bytes: usize) {
        self.shared.piece.store(bytes, Ordering::SeqCst);
    }

    /// Lets the next calls of an operation (`create`, `destroy`, `list`) fail.
    pub fn refuse(&self, operation: &'static str, times: u32) {
        let mut refusals = self.shared.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.insert(operation, times);
    }

    /// Every call so far, when it was asked and when it was answered.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.made()
    }

    /// The sandboxes that are there, alive or not.
    #[must_use]
    pub fn present(&self) -> Vec<SandboxId> {
        self.rooms(|rooms| rooms.present.keys().copied().collect())
    }

    /// Every sandbox that was ever made, in that order. One that was made twice is in it twice.
    #[must_use]
    pub fn created(&self) -> Vec<SandboxId> {
        self.rooms(|rooms| rooms.created.clone())
    }

    /// Everything a process wrote to its standard output, also after its sandbox was destroyed.
    #[must_use]
    pub fn journal_of(&self, sandbox: SandboxId, tag: &str) -> Vec<u8> {
        let process = self.room(sandbox).and_then(|room| room.process(tag));
        process.map_or_else(Vec::new, |process| process.journal(JournalStream::Stdout).all())
    }

    /// Everything that was put on a process's standard input, also after its sandbox was destroyed.
    #[must_use]
    pub fn inputs_of(&self, sandbox: SandboxId, tag: &str) -> Vec<Input> {
        let process = self.room(sandbox).and_then(|room| room.process(tag));
        process.map_or_else(Vec::new, |process| process.written())
    }

    /// The environment a process was started with.
    #[must_use]
    pub fn environment_of(&self, sandbox: SandboxId, tag: &str) -> BTreeMap<String, String> {
        let process = self.room(sandbox).and_then(|room| room.process(tag));
        process.map_or_else(BTreeMap::new, |process| process.spec.env.iter().cloned().collect())
    }

    /// The command line that a process was started with.
    #[must_use]
    pub fn command_of(&self, sandbox: SandboxId, tag: &str) -> Vec<String> {
        let process = self.room(sandbox).and_then(|room| room.process(tag));
        process.map_or_else(Vec::new, |process| {
            let command = std::iter::once(&process.spec.command);
            command.chain(&process.spec.args).cloned().collect()
        })
    }

    /// What a sandbox was allowed to use.
    #[must_use]
    pub fn limits_of(&self, sandbox: SandboxId) -> Option<SandboxLimits> {
        self.rooms(|rooms| rooms.limits.get(&sandbox).copied())
    }

    /// Ends a sandbox as an accident would.
    pub fn end(&self, sandbox: SandboxId, because: EndedBecause) {
        if let Some(room) = self.room(sandbox) {
            room.end(because);
        }
    }

    fn room(&self, sandbox: SandboxId) -> Option<Arc<Room>> {
        self.rooms(|rooms| {
            rooms
                .present
                .get(&sandbox)
                .or_else(|| rooms.past.get(&sandbox))
                .cloned()
        })
    }

    fn rooms<T>(&self, ask: impl FnOnce(&Rooms) -> T) -> T {
        self.shared.rooms(|rooms| ask(rooms))
    }
}

impl Shared {
    fn rooms<T>(&self, ask: impl FnOnce(&mut Rooms) -> T) -> T {
        ask(&mut self.rooms.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn script(&self) -> Script {
        Arc::clone(&self.script.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    pub(super) fn refuse(&self, operation: &'static str) -> Result<(), Error> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        match refusals.get_mut(operation) {
            Some(times) if *times > 0 => {
                *times -= 1;
                Err(Error::Create {
                    step: operation.to_owned(),
                    message: "the test refuses it".to_owned(),
                })
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.rooms(|rooms| {
            for room in rooms.present.values() {
                room.end(EndedBecause::Killed);
            }
        });
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[async_trait]
impl Backend for FakeBackend {
    fn tier(&self) -> Tier {
        Tier::Ns
    }

    async fn probe(&self) -> Support {
        Support {
            tier: Tier::Ns,
            available: true,
            checks: Vec::new(),
            degraded: Vec::new(),
        }
    }

    async fn create(&self, spec: SandboxSpec) -> Result<Arc<dyn Sandbox>, Error> {
        let shared = &self.shared;
        let (id, limits) = (spec.id, spec.limits);
        shared.calls.point(Moment::Before, Some(id), "create").await;
        shared.refuse("create")?;
        let root = shared.directory.path().join(id.to_string());
        let room = shared.rooms(|rooms| {
            if let Some(room) = rooms.present.get(&id)
                && room.end_record().is_none()
            {
                return Ok(Arc::clone(room));
            }
            let room = Room::new(id, root).map_err(|error| Error::Create {
                step: "directory".to_owned(),
                message: error.to_string(),
            })?;
            let room = Arc::new(room);
            rooms.present.insert(id, Arc::clone(&room));
            rooms.created.push(id);
            rooms.limits.insert(id, limits);
            Ok::<_, Error>(room)
        })?;
        shared.calls.point(Moment::After, Some(id), "create").await;
        Ok(Arc::new(FakeSandbox::new(Arc::clone(shared), room)))
    }

    async fn open(&self, id: &SandboxId) -> Result<Option<Arc<dyn Sandbox>>, Error> {
        self.shared.calls.point(Moment::Before, Some(*id), "open").await;
        let room = self.shared.rooms(|rooms| rooms.present.get(id).cloned());
        let room = room.filter(|room| room.end_record().is_none());
        Ok(room.map(|room| Arc::new(FakeSandbox::new(Arc::clone(&self.shared), room)) as Arc<dyn Sandbox>))
    }

    async fn list(&self) -> Result<Vec<SandboxId>, Error> {
        self.shared.calls.point(Moment::Before, None, "list").await;
        self.shared.refuse("list")?;
        Ok(self.present())
    }

    async fn destroy(&self, id: &SandboxId) -> Result<Destroyed, Error> {
        let shared = &self.shared;
        shared.calls.point(Moment::Before, Some(*id), "destroy").await;
        shared.refuse("destroy")?;
        let room = shared.rooms(|rooms| {
            let room = rooms.present.remove(id);
            if let Some(room) = &room {
                rooms.past.insert(*id, Arc::clone(room));
            }
            room
        });
        let killed = room.map_or(0, |room| {
            let killed = room.end(EndedBecause::Killed);
            room.remove();
            killed
        });
        shared.calls.point(Moment::After, Some(*id), "destroy").await;
        Ok(Destroyed { killed, survivors: 0 })
    }

    async fn ended(&self, id: &SandboxId) -> Result<Option<Ended>, Error> {
        self.shared.calls.point(Moment::Before, Some(*id), "ended").await;
        let room = self.shared.rooms(|rooms| rooms.present.get(id).cloned());
        Ok(room.and_then(|room| room.end_record()))
    }
}
