//! Following a run at a server over its event stream, across lost connections and restarts of the server.
//!
//! Invariants: every stored event is told once and in order, however often the connection is lost; the step of an event
//! is known before the event is told; a server that is away for a while, or that restarts, ends nothing.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use codecourier_domain::id::{RunId, StepId};
use codecourier_engine::ErrorCode;
use codecourier_wire::live::{LiveDelta, LiveEvent, LiveTransient};
use codecourier_wire::runs::RunDetail;
use serde::Deserialize;
use tokio::time::Instant;

use super::Remote;
use crate::client::sse::{Events, ServerEvent};
use crate::problem::Problem;

/// How long a server may be away.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait before trying again.
const AGAIN: Duration = Duration::from_millis(500);
/// How long a server is away before that is told.
const WORTH_TELLING: Duration = Duration::from_secs(2);
/// How often a run is looked at where its project's changes cannot be followed.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// What a follower is told.
pub(super) enum Told {
    /// A stored event.
    Event {
        /// Its number.
        seq: u64,
        /// It.
        event: Box<LiveEvent>,
    },
    /// What is not stored.
    Transient(LiveTransient),
    /// The run as it is now, which may be as it was.
    Run(Box<RunDetail>),
    /// The server does not answer; it is asked again and again.
    Away(String),
    /// The server answers again.
    Back,
}

/// A follower of one run.
pub(super) struct Follower<'a> {
    remote: &'a Remote,
    run: RunId,
    /// The number of the last event that was told.
    last: u64,
    known: HashSet<StepId>,
    /// What comes next, before anything is asked for.
    ready: VecDeque<Told>,
    /// The first event of a step, which waits until the run was looked at.
    newcomer: Option<Told>,
    sight: Sight,
    events: Option<Events>,
    changes: Changes,
    away: Option<Away>,
}

/// Whether the run has to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    Old,
    Fresh,
}

/// How long a server has been away.
struct Away {
    since: Instant,
    was_told: bool,
}

/// How a follower learns that the run changed.
enum Changes {
    /// Not yet.
    Unopened,
    /// From the project's changes.
    Stream(Box<Events>),
    /// By looking: whoever asks may see runs and not the project.
    Look,
}

/// What comes without a number.
#[derive(Deserialize)]
struct Alone {
    transient: LiveTransient,
}

impl<'a> Follower<'a> {
    /// Follows from after an event's number.
    pub(super) fn new(remote: &'a Remote, run: RunId, last: u64) -> Self {
        Self {
            remote,
            run,
            last,
            known: HashSet::new(),
            ready: VecDeque::new(),
            newcomer: None,
            sight: Sight::Old,
            events: None,
            changes: Changes::Unopened,
            away: None,
        }
    }

    /// Whether everything up to an event's number was told.
    pub(super) fn has_told(&self, event: u64) -> bool {
        self.last >= event && self.newcomer.is_none() && self.ready.is_empty()
    }

    /// Waits for the next thing. May be dropped at any time and called again.
    pub(super) async fn next(&mut self) -> Result<Told, Problem> {
        loop {
            if let Some(told) = self.ready.pop_front() {
                return Ok(told);
            }
            match self.try_next().await {
                Ok(Some(told)) => {
                    if self.away.take().is_some_and(|away| away.was_told) {
                        self.ready.push_back(told);
                        return Ok(Told::Back);
                    }
                    return Ok(told);
                }
                Ok(None) => {}
                Err(problem) if matches!(problem.code, ErrorCode::Unavailable | ErrorCode::RateLimited) => {
                    self.events = None;
                    self.changes = Changes::Unopened;
                    self.sight = Sight::Old;
                    let away = self.away.get_or_insert_with(|| Away {
                        since: Instant::now(),
                        was_told: false,
                    });
                    if away.since.elapsed() > PATIENCE {
                        return Err(problem);
                    }
                    // A restart is over in a moment and needs no words.
                    if !away.was_told && away.since.elapsed() > WORTH_TELLING {
                        away.was_told = true;
                        return Ok(Told::Away(problem.message));
                    }
                    tokio::time::sleep(AGAIN).await;
                }
                Err(problem) => return Err(problem),
            }
        }
    }

    async fn try_next(&mut self) -> Result<Option<Told>, Problem> {
        let client = &self.remote.client;
        if matches!(self.changes, Changes::Unopened) {
            self.changes = match client.stream(&self.remote.path("/live"), None).await {
                Ok(stream) => Changes::Stream(Box::new(stream)),
                Err(problem) if matches!(problem.code, ErrorCode::ScopeDenied | ErrorCode::Forbidden) => Changes::Look,
                Err(problem) => return Err(problem),
            };
            // Whatever changed before this moment is seen by looking once.
            self.sight = Sight::Old;
        }
        if self.sight == Sight::Old {
            let detail = self.remote.get(self.run).await?;
            self.sight = Sight::Fresh;
            self.known.extend(detail.steps.iter().map(|step| step.id));
            self.ready.extend(self.newcomer.take());
            return Ok(Some(Told::Run(Box::new(detail))));
        }
        if self.events.is_none() {
            let path = self.remote.run_path(self.run, "/live");
            self.events = Some(client.stream(&path, Some(self.last)).await?);
        }
        let (Some(events), changes) = (&mut self.events, &mut self.changes) else {
            return Ok(None);
        };
        tokio::select! {
            event = events.next() => match event? {
                Some(event) => return self.of_run(&event),
                None => self.events = None,
            },
            event = next_change(changes) => match event? {
                Some(event) => {
                    self.of_project(&event);
                    return Ok(None);
                }
                None => self.changes = Changes::Unopened,
            },
        }
        // The server ended a stream, as it does when it stops: it is there again soon.
        self.sight = Sight::Old;
        tokio::time::sleep(AGAIN).await;
        Ok(None)
    }

    fn of_run(&mut self, event: &ServerEvent) -> Result<Option<Told>, Problem> {
        match event.kind.as_str() {
            "delta" => match serde_json::from_str::<LiveDelta>(&event.data) {
                Ok(LiveDelta { seq, event, .. }) if seq > self.last => {
                    self.last = seq;
                    let Some(event) = event.map(Box::new) else {
                        return Ok(None);
                    };
                    if event.step_id.is_some_and(|step| self.known.insert(step)) {
                        self.newcomer = Some(Told::Event { seq, event });
                        self.sight = Sight::Old;
                        return Ok(None);
                    }
                    Ok(Some(Told::Event { seq, event }))
                }
                _ => Ok(None),
            },
            "transient" => {
                let told = serde_json::from_str::<Alone>(&event.data).ok();
                Ok(told.map(|alone| Told::Transient(alone.transient)))
            }
            "ended" => Err(ended(&event.data)),
            // A snapshot, a reset (nothing older is told any more) or the end of the server: look at the run.
            _ => {
                self.sight = Sight::Old;
                Ok(None)
            }
        }
    }

    fn of_project(&mut self, event: &ServerEvent) {
        let is_of_another = match event.kind.as_str() {
            "delta" => serde_json::from_str::<LiveDelta>(&event.data)
                .ok()
                .and_then(|delta| delta.change)
                .is_none_or(|change| change.id != self.run.to_string()),
            "transient" => true,
            _ => false,
        };
        if !is_of_another {
            self.sight = Sight::Old;
        }
    }
}

async fn next_change(changes: &mut Changes) -> Result<Option<ServerEvent>, Problem> {
    match changes {
        Changes::Stream(stream) => stream.next().await,
        Changes::Look | Changes::Unopened => {
            tokio::time::sleep(LOOK_AGAIN).await;
            Ok(Some(ServerEvent::default()))
        }
    }
}

/// The server says that the caller may not follow any more.
fn ended(data: &str) -> Problem {
    let said: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
    let text = |name: &str| said.get(name).and_then(serde_json::Value::as_str);
    let code = text("code")
        .and_then(ErrorCode::from_word)
        .unwrap_or(ErrorCode::Forbidden);
    Problem::of_code(code, text("message").unwrap_or("The server tells no more of this run."))
}
