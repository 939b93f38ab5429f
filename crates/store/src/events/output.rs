//! The output of many steps at once: the way into the event log that the lines of agents take.
//!
//! The engine calls [`Store::append_output`] for each step by itself. While one batch is on its way to the disk the next
//! gathers: that, and no timer, makes the batches, so a lone append waits for nobody. A batch takes three statements,
//! where each append by itself would take four.
//!
//! Invariants:
//! - what holds for [`Tx::append_events`] holds here, and nothing is written for a task that is not held any more;
//! - each append stands or falls by itself, whatever else is in its batch;
//! - appends of one step are committed in the order in which they were handed in.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::sync::Arc;

use codecourier_domain::id::{RunId, StepId};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{CursorAdvance, NewEvent, StoredEvent, numbered};
use crate::background;
use crate::error::{Error, Result};
use crate::open::Store;
use crate::sql::{assembled, count, sql};
use crate::tasks::Fence;
use crate::writer::Tx;

/// A batch is closed when it holds that many appends, or that many events.
const APPENDS_PER_BATCH: usize = 256;
const EVENTS_PER_BATCH: usize = 2_048;
/// Rows per statement. A few fixed sizes, so that each statement is prepared once.
const ROWS: [usize; 4] = [1, 8, 64, APPENDS_PER_BATCH];
const EVENT_ROWS: [usize; 5] = [256, 64, 16, 4, 1];

/// What a step's agent put out, to append.
#[derive(Debug, Clone)]
pub struct OutputAppend {
    /// The hold under which the step is worked on; its project is the step's.
    pub fence: Fence,
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: StepId,
    /// The journal position that the events were read up to.
    pub cursor: CursorAdvance,
    /// The events, in order. May be empty: then only the position moves.
    pub events: Vec<NewEvent>,
}

/// What waits for the next batch.
#[derive(Debug, Default)]
pub(crate) struct OutputQueue(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Whether somebody takes batches out until there is none left.
    is_drained: bool,
}

#[derive(Debug)]
struct Waiting {
    append: OutputAppend,
    reply: oneshot::Sender<Result<u64>>,
}

impl Store {
    /// Appends what a step's agent put out, and gives the number of the last event in the run, after the commit.
    ///
    /// Fails with [`Error::Fenced`] when the task is not held by the caller any more, and with [`Error::Stale`] when the
    /// journal is not where the caller believes it to be. Dropping the returned future does not stop the append.
    pub async fn append_output(&self, append: OutputAppend) -> Result<u64> {
        let (reply, result) = oneshot::channel();
        if self.outputs().put(Waiting { append, reply }) {
            let store = self.clone();
            drop(background::spawn(async move {
                while let Some(batch) = store.outputs().next_batch() {
                    store.append_batch(batch).await;
                }
            }));
        }
        result.await.unwrap_or(Err(Error::Closed))
    }

    async fn append_batch(&self, batch: Vec<Waiting>) {
        let (appends, replies): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.append, waiting.reply)).unzip();
        let appends: Arc<[OutputAppend]> = appends.into();
        match self.append_together(&appends).await {
            Ok(ends) => {
                for (reply, end) in replies.into_iter().zip(ends) {
                    drop(reply.send(end));
                }
            }
            Err(error) => {
                for (append, reply) in appends.iter().zip(replies) {
                    let end = match error.repeated() {
                        Some(error) => Err(error),
                        // It is about one of them, and the others need not suffer from it.
                        None => self.append_alone(append).await,
                    };
                    drop(reply.send(end));
                }
            }
        }
    }

    async fn append_alone(&self, append: &OutputAppend) -> Result<u64> {
        let ends = self.append_together(&Arc::from([append.clone()])).await?;
        ends.into_iter().next().unwrap_or(Err(Error::Closed))
    }

    async fn append_together(&self, appends: &Arc<[OutputAppend]>) -> Result<Vec<Result<u64>>> {
        let appends = Arc::clone(appends);
        self.write(move |tx| Box::pin(async move { tx.append_outputs(&appends).await }))
            .await
    }
}

impl OutputQueue {
    /// Gives whether the caller is to see to it that the batches are taken out.
    fn put(&self, waiting: Waiting) -> bool {
        let mut queue = self.0.lock();
        queue.waiting.push_back(waiting);
        !std::mem::replace(&mut queue.is_drained, true)
    }

    /// The next batch, in which no step occurs twice. Without one, whoever puts something in next starts anew.
    fn next_batch(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.0.lock();
        let mut steps = HashSet::new();
        let mut events = 0;
        let fits = queue.waiting.iter().take(APPENDS_PER_BATCH).take_while(|waiting| {
            events += waiting.append.events.len();
            steps.insert(waiting.append.step) && (steps.len() == 1 || events <= EVENTS_PER_BATCH)
        });
        let fits = fits.count();
        queue.is_drained = fits > 0;
        (fits > 0).then(|| queue.waiting.drain(..fits).collect())
    }
}

impl Tx {
    /// Appends for different steps. What becomes of each is told by itself; the whole fails only with the database.
    async fn append_outputs(&mut self, appends: &[OutputAppend]) -> Result<Vec<Result<u64>>> {
        let moved = self.advance_cursors(appends).await?;
        let taken: Vec<&OutputAppend> = appends.iter().filter(|append| moved.contains(&append.step)).collect();
        let mut heads = self.take_numbers(&taken).await?;
        let mut added = Vec::new();
        let mut ends = Vec::with_capacity(appends.len());
        for append in appends {
            if !moved.contains(&append.step) {
                ends.push(Err(self.why_not(append).await?));
                continue;
            }
            let head = heads.get_mut(&append.run).ok_or(Error::NotFound { entity: "run" })?;
            let stored = numbered(append.events.iter().cloned(), Some(append.step), *head);
            *head += stored.len() as u64;
            ends.push(Ok(*head));
            if !stored.is_empty() {
                added.push((append.run, stored));
            }
        }
        self.insert_events(&added).await?;
        self.effects.events.extend(added);
        Ok(ends)
    }

    /// Moves the journals that are where they are believed to be and whose tasks are held, and gives their steps.
    async fn advance_cursors(&mut self, appends: &[OutputAppend]) -> Result<HashSet<StepId>> {
        let text = joined(
            "UPDATE step_journal SET cursor = v.column5",
            &["TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "BIGINT"],
            "step_journal.step = v.column3 AND step_journal.run = v.column2 AND step_journal.project = v.column1 \
             AND step_journal.cursor = v.column4 \
             AND EXISTS (SELECT 1 FROM task t WHERE t.id = v.column6 AND t.project = v.column1 \
                         AND t.attempt = v.column7 AND t.status = 'running') \
             RETURNING step",
            appends.len(),
        );
        let mut statement = assembled(text);
        for append in filled(appends) {
            statement.push(append.fence.project);
            statement.push(append.run);
            statement.push(append.step);
            statement.push(append.cursor.expected.0.as_str());
            statement.push(append.cursor.new.0.as_str());
            statement.push(append.fence.task);
            statement.push(i64::from(append.fence.attempt));
        }
        let rows = self.fetch_all("advance journals", statement).await?;
        rows.iter().map(|row| row.parsed(0)).collect()
    }

    /// Takes the numbers for the events of each run, and gives the number before the first.
    async fn take_numbers(&mut self, appends: &[&OutputAppend]) -> Result<HashMap<RunId, u64>> {
        let mut counts = HashMap::new();
        for append in appends {
            *counts.entry((append.fence.project, append.run)).or_insert(0) += append.events.len() as u64;
        }
        let runs: Vec<_> = counts.iter().collect();
        if runs.is_empty() {
            return Ok(HashMap::new());
        }
        let text = joined(
            "UPDATE event_head SET seq = event_head.seq + v.column3",
            &["TEXT", "TEXT", "BIGINT"],
            "event_head.run = v.column2 AND event_head.project = v.column1 RETURNING project, run, seq",
            runs.len(),
        );
        let mut statement = assembled(text);
        for &(&(project, run), &added) in filled(&runs) {
            statement.push(project);
            statement.push(run);
            statement.push(count(added));
        }
        let rows = self.fetch_all("take event numbers of runs", statement).await?;
        rows.iter()
            .map(|row| {
                let key = (row.parsed(0)?, row.parsed(1)?);
                let added = counts.get(&key).copied().unwrap_or_default();
                Ok((key.1, row.count(2)?.saturating_sub(added)))
            })
            .collect()
    }

    /// Why a journal did not move.
    async fn why_not(&mut self, append: &OutputAppend) -> Result<Error> {
        let fence = append.fence;
        let statement =
            sql("SELECT 1 FROM task WHERE project = $1 AND id = $2 AND attempt = $3 AND status = 'running'");
        let statement = statement
            .bind(fence.project)
            .bind(fence.task)
            .bind(i64::from(fence.attempt));
        if self.fetch_optional("look for a hold", statement).await?.is_none() {
            return Ok(Error::Fenced);
        }
        Ok(match self.read().journal_cursor(fence.project, append.step).await? {
            Some(_) => Error::Stale { entity: "journal" },
            None => Error::NotFound { entity: "step" },
        })
    }

    /// Writes numbered events of runs, as many in a statement as there are.
    pub(super) async fn insert_events(&mut self, appended: &[(RunId, Arc<[StoredEvent]>)]) -> Result<()> {
        let rows = appended
            .iter()
            .flat_map(|(run, events)| events.iter().map(move |event| (*run, event)));
        let rows: Vec<(RunId, &StoredEvent)> = rows.collect();
        let mut rest = rows.as_slice();
        for size in EVENT_ROWS {
            while rest.len() >= size {
                let (chunk, after) = rest.split_at(size);
                rest = after;
                let types = ["TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT", "TEXT"];
                let text = format!(
                    "INSERT INTO event (run, step, seq, kind, at, body) {}",
                    values(&types, size)
                );
                let mut statement = assembled(text);
                for (run, event) in chunk {
                    statement.push(*run);
                    statement.push(event.step);
                    statement.push(count(event.seq));
                    statement.push(Arc::clone(&event.kind));
                    statement.push(event.at);
                    statement.push(&event.body);
                }
                self.execute("append events", statement).await?;
            }
        }
        Ok(())
    }
}

/// An UPDATE of the rows that belong to those of a list `v`.
fn joined(update: &str, types: &[&str], condition: &str, rows: usize) -> String {
    format!(
        "{update} FROM ({}) AS v WHERE {condition}",
        values(types, size_for(rows))
    )
}

/// A list of rows of placeholders, each of which says its type: from a list PostgreSQL could not know it.
fn values(types: &[&str], rows: usize) -> String {
    let mut text = String::from("VALUES ");
    let mut placeholder = 0;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for (column, kind) in types.iter().enumerate() {
            placeholder += 1;
            let comma = if column == 0 { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{comma}CAST(${placeholder} AS {kind})");
        }
        text.push(')');
    }
    text
}

fn size_for(rows: usize) -> usize {
    ROWS.into_iter().find(|size| *size >= rows).unwrap_or(rows)
}

/// The rows, and the last one again until the list is full. A row that is joined twice is updated once.
fn filled<T>(rows: &[T]) -> impl Iterator<Item = &T> {
    let missing = size_for(rows.len()) - rows.len();
    rows.iter().chain(rows.last().into_iter().cycle().take(missing))
}
