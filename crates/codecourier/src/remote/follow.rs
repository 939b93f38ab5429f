//! Following a run at a server over its event stream, across lost connections and restarts of the server.
//!
//! Invariant: every stored event is told once and in order, however often the connection is lost.

use std::time::Duration;

use codecourier_domain::id::RunId;
use codecourier_engine::ErrorCode;
use codecourier_wire::live::{LiveDelta, LiveEvent, LiveTransient};
use serde::Deserialize;
use tokio::time::Instant;

use super::Remote;
use crate::client::sse::{Events, ServerEvent};
use crate::problem::Problem;

/// How long a server may be away.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long to wait before trying again.
const AGAIN: Duration = Duration::from_secs(1);
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
    /// The run may have changed: look at it again.
    Changed,
}

/// A follower of one run.
pub(super) struct Follower<'a> {
    remote: &'a Remote,
    run: RunId,
    last: u64,
    events: Option<Events>,
    changes: Changes,
    away_since: Option<Instant>,
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
    pub(super) const fn new(remote: &'a Remote, run: RunId, last: u64) -> Self {
        Self {
            remote,
            run,
            last,
            events: None,
            changes: Changes::Unopened,
            away_since: None,
        }
    }

    /// Waits for the next thing. May be dropped at any time and called again.
    pub(super) async fn next(&mut self) -> Result<Told, Problem> {
        loop {
            match self.try_next().await {
                Ok(Some(told)) => {
                    self.away_since = None;
                    return Ok(told);
                }
                Ok(None) => {}
                Err(problem) if problem.code == ErrorCode::Unavailable => {
                    let since = *self.away_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > PATIENCE {
                        return Err(problem);
                    }
                    tracing::info!("the server is away: {}", problem.message);
                    self.events = None;
                    self.changes = Changes::Unopened;
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
            return Ok(Some(Told::Changed));
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
                Some(event) => self.of_run(&event),
                None => {
                    self.events = None;
                    tokio::time::sleep(AGAIN).await;
                    Ok(Some(Told::Changed))
                }
            },
            event = next_change(changes) => match event? {
                Some(event) => Ok(self.of_project(&event)),
                None => {
                    self.changes = Changes::Unopened;
                    tokio::time::sleep(AGAIN).await;
                    Ok(None)
                }
            },
        }
    }

    fn of_run(&mut self, event: &ServerEvent) -> Result<Option<Told>, Problem> {
        match event.kind.as_str() {
            "delta" => match serde_json::from_str::<LiveDelta>(&event.data) {
                Ok(LiveDelta {
                    seq,
                    event: Some(event),
                    ..
                }) if seq > self.last => {
                    self.last = seq;
                    let event = Box::new(event);
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
            _ => Ok(Some(Told::Changed)),
        }
    }

    fn of_project(&self, event: &ServerEvent) -> Option<Told> {
        match event.kind.as_str() {
            "delta" => {
                let change = serde_json::from_str::<LiveDelta>(&event.data).ok()?.change?;
                (change.id == self.run.to_string()).then_some(Told::Changed)
            }
            "transient" => None,
            _ => Some(Told::Changed),
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
