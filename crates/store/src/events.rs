//! The event log of a run: what its agents and the platform did, in order, append-only.
//!
//! The engine appends; the API pages and follows. Invariants: the numbers of a run have no gap; events taken from a
//! journal and the position they were read up to are committed together, and only over the position that the writer
//! started from, so that of two writers on one journal (a stalled one and its successor) one gets nothing in.
//! What agents put out comes in by [`Store::append_output`], the rest in whatever command it belongs to.

mod output;

use std::sync::Arc;

use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::time::Timestamp;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::feed::{Follower, Log, LogPage, Met};
use crate::open::Store;
use crate::read::Reader;
use crate::sql::{Row, assembled, chunks, sql};
use crate::writer::Tx;
pub use output::OutputAppend;
pub(crate) use output::OutputQueue;

/// An event to append.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The kind, as in the body: `text`, `tool_call`.
    pub kind: Arc<str>,
    /// When it happened.
    pub at: Timestamp,
    /// The event.
    pub body: Body,
}

/// Where the journals of a step's processes have been read up to. The engine's own text; the store only compares it.
/// Empty before the first append.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalCursor(pub String);

/// The journal position that goes with an append.
#[derive(Debug, Clone)]
pub struct CursorAdvance {
    /// Where the writer believes the journal to be.
    pub expected: JournalCursor,
    /// Where it is after these events.
    pub new: JournalCursor,
}

/// Events of a run to append together.
#[derive(Debug, Clone)]
pub struct EventAppend {
    /// The project of the run.
    pub project: ProjectId,
    /// The run.
    pub run: RunId,
    /// The step they belong to; `None` for what the platform did for the whole run.
    pub step: Option<StepId>,
    /// The journal position, for events that were read from a journal of the step.
    pub cursor: Option<CursorAdvance>,
    /// The events, in order. May be empty: then only the position moves.
    pub events: Vec<NewEvent>,
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number in the run, from 1.
    pub seq: u64,
    /// Its step.
    pub step: Option<StepId>,
    /// Its kind.
    pub kind: Arc<str>,
    /// When it happened.
    pub at: Timestamp,
    /// The event.
    pub body: Body,
}

/// Which events of a run to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventWindow {
    /// Those after a number, oldest first.
    After(u64),
    /// Those before a number, newest first.
    Before(u64),
    /// The last ones, newest first.
    Last,
}

/// The columns that [`event`] reads, scoped by project through the head of the log.
macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT e.seq, e.step, e.kind, e.at, e.body FROM event_head h JOIN event e ON e.run = h.run \
             WHERE h.project = $1 AND h.run = $2 AND e.run = $2 AND ",
            $rest
        )
    };
}

impl Tx {
    /// Appends events and gives the number of the last one in the run.
    ///
    /// Fails with [`Error::Stale`] when the journal is not where the writer believes it to be.
    pub async fn append_events(&mut self, append: EventAppend) -> Result<u64> {
        let EventAppend {
            project,
            run,
            step,
            cursor,
            events,
        } = append;
        if let Some(cursor) = &cursor {
            let step = step.ok_or(Error::NotFound { entity: "step" })?;
            self.advance_cursor(project, run, step, cursor).await?;
        }
        let head = sql("UPDATE event_head SET seq = seq + $3 WHERE project = $1 AND run = $2 \
             AND ($4 IS NULL OR EXISTS (SELECT 1 FROM step_journal WHERE step = $4 AND run = $2)) RETURNING seq");
        let added = crate::sql::count(events.len() as u64);
        let row = self
            .fetch_optional(
                "take event numbers",
                head.bind(project).bind(run).bind(added).bind(step),
            )
            .await?;
        let last = row.ok_or(Error::NotFound { entity: "run" })?.count(0)?;
        if events.is_empty() {
            return Ok(last);
        }
        let head = last - events.len() as u64;
        let stored = numbered(events, step, head);
        self.insert_events(&[(run, Arc::clone(&stored))]).await?;
        self.effects.events.push((run, stored));
        Ok(last)
    }

    async fn advance_cursor(
        &mut self,
        project: ProjectId,
        run: RunId,
        step: StepId,
        cursor: &CursorAdvance,
    ) -> Result<()> {
        let statement = sql("UPDATE step_journal SET cursor = $5 \
             WHERE project = $1 AND run = $2 AND step = $3 AND cursor = $4")
        .bind(project)
        .bind(run)
        .bind(step)
        .bind(cursor.expected.0.as_str())
        .bind(cursor.new.0.as_str());
        if self.execute("advance the journal", statement).await? == 1 {
            return Ok(());
        }
        match self.read().journal_cursor(project, step).await? {
            Some(_) => Err(Error::Stale { entity: "journal" }),
            None => Err(Error::NotFound { entity: "step" }),
        }
    }
}

/// Gives events of a step the numbers after one.
fn numbered(events: impl IntoIterator<Item = NewEvent>, step: Option<StepId>, head: u64) -> Arc<[StoredEvent]> {
    let numbered = events.into_iter().zip(head + 1..).map(|(event, seq)| StoredEvent {
        seq,
        step,
        kind: event.kind,
        at: event.at,
        body: event.body,
    });
    numbered.collect()
}

impl Reader<'_> {
    /// Where the journals of a step have been read up to; `None` if there is no such step.
    pub async fn journal_cursor(&mut self, project: ProjectId, step: StepId) -> Result<Option<JournalCursor>> {
        let statement = sql("SELECT cursor FROM step_journal WHERE project = $1 AND step = $2")
            .bind(project)
            .bind(step);
        let row = self.fetch_optional("read the position in a journal", statement).await?;
        row.map(|row| row.text(0).map(JournalCursor)).transpose()
    }

    /// The number of the last event of a run; 0 before the first.
    pub async fn event_head(&mut self, project: ProjectId, run: RunId) -> Result<u64> {
        let statement = sql("SELECT seq FROM event_head WHERE project = $1 AND run = $2")
            .bind(project)
            .bind(run);
        let row = self.fetch_optional("read the head of an event log", statement).await?;
        row.ok_or(Error::NotFound { entity: "run" })?.count(0)
    }

    /// The same of many runs, whatever their projects, without those that are gone. For the sweep only, which tells
    /// nobody.
    pub(crate) async fn event_heads(&mut self, runs: &[RunId]) -> Result<Vec<(RunId, u64)>> {
        let mut heads = Vec::new();
        for (text, chunk) in chunks("SELECT run, seq FROM event_head WHERE run IN ", runs) {
            let mut statement = assembled(text);
            for run in chunk {
                statement.push(run);
            }
            let rows = self.fetch_all("read the heads of event logs", statement).await?;
            for row in rows {
                heads.push((row.parsed(0)?, row.count(1)?));
            }
        }
        Ok(heads)
    }

    /// Part of a run's event log.
    pub async fn events(
        &mut self,
        project: ProjectId,
        run: RunId,
        window: EventWindow,
        limit: u32,
    ) -> Result<Vec<StoredEvent>> {
        let (text, seq) = match window {
            EventWindow::After(seq) => (select_events!("e.seq > $3 ORDER BY e.seq LIMIT $4"), seq),
            EventWindow::Before(seq) => (select_events!("e.seq < $3 ORDER BY e.seq DESC LIMIT $4"), seq),
            EventWindow::Last => (select_events!("e.seq < $3 ORDER BY e.seq DESC LIMIT $4"), u64::MAX),
        };
        let statement = sql(text)
            .bind(project)
            .bind(run)
            .bind(crate::sql::count(seq))
            .bind(i64::from(limit));
        self.fetch_all("read events", statement)
            .await?
            .iter()
            .map(event)
            .collect()
    }
}

fn event(row: &Row) -> Result<StoredEvent> {
    Ok(StoredEvent {
        seq: row.count(0)?,
        step: row.optional_parsed(1)?,
        kind: Arc::from(row.text(2)?),
        at: row.time(3)?,
        body: row.body(4)?,
    })
}

/// The events of a run as they are committed.
#[derive(Debug)]
pub struct EventFeed {
    follower: Follower<RunLog>,
}

impl Store {
    /// Follows a run's events from after a number on: each once, in order, without a gap.
    #[must_use]
    pub fn follow_events(&self, project: ProjectId, run: RunId, after: u64) -> EventFeed {
        let announcements = self.watchers().events.follow(run);
        EventFeed {
            follower: Follower::new(self.clone(), RunLog { project, run }, after, announcements),
        }
    }
}

impl EventFeed {
    /// Waits for the next event. May be dropped at any time and called again.
    pub async fn next(&mut self) -> Result<StoredEvent> {
        loop {
            if let Met::Item(event) = self.follower.next().await? {
                return Ok(event);
            }
        }
    }
}

#[derive(Debug)]
struct RunLog {
    project: ProjectId,
    run: RunId,
}

impl Log for RunLog {
    type Item = StoredEvent;
    type Announced = Arc<[StoredEvent]>;

    fn seq(item: &StoredEvent) -> u64 {
        item.seq
    }

    fn items(announced: Arc<[StoredEvent]>) -> Vec<StoredEvent> {
        announced.to_vec()
    }

    async fn page(&self, store: &Store, after: u64, limit: u32) -> Result<LogPage<StoredEvent>> {
        let window = EventWindow::After(after);
        let mut reader = store.read().await?;
        let events = reader.events(self.project, self.run, window, limit).await?;
        drop(reader);
        if !events.is_empty() {
            store.hear_of_access().await?;
        }
        Ok(LogPage::Items(events))
    }
}
