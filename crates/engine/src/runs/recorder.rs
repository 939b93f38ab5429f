//! Writes down what a step does: events, the journal position they came from, and the step's memo, each time in one
//! transaction.
//!
//! Invariants: one recorder writes for a step at a time, and the store refuses every other (the memo is saved under the
//! task's fence); a call to record that returned has been committed; watchers are told after the commit; the values of
//! secret variables are in nothing that is recorded or shown.

use std::sync::Arc;

use parking_lot::Mutex;

use codecourier_domain::agent::ModelName;
use codecourier_domain::event::{Event, Phase, PhaseState};
use codecourier_domain::id::{InputId, ProjectId, RunId, StepId};
use codecourier_domain::time::Timestamp;
use codecourier_store::events::{CursorAdvance, EventAppend, JournalCursor, NewEvent, OutputAppend};
use codecourier_store::step_inputs::InputStatus;
use codecourier_store::steps::{Step, StepStatus};
use codecourier_store::tasks::Fence;
use codecourier_store::{Body, Error as StoreError, Tx};

use super::advance::ENGINE_ACTOR;
use super::live::Notice;
use super::memo::{PhaseTimes, StepMemo, Whose};
use super::step::{StepError, internal};
use super::talk::tell_of_step;
use super::worker::LEASE_MILLISECONDS;
use crate::Inner;
use crate::error::chain;
use crate::variables::Redactor;

/// The recorder of one step.
pub(crate) struct StepRecorder {
    engine: Arc<Inner>,
    fence: Fence,
    project: ProjectId,
    run: RunId,
    step: StepId,
    /// Takes the values of secret variables out of everything that passes.
    redactor: Redactor,
    written: Mutex<Written>,
}

/// What the store holds, and what was noted since.
struct Written {
    row: Step,
    memo: StepMemo,
    offset: u64,
    /// Events for the next commit.
    noted: Vec<Event>,
    /// Whether the memo was changed since the last commit.
    is_memo_noted: bool,
}

impl StepRecorder {
    /// Takes up a step where the store has it.
    pub(crate) fn new(
        engine: Arc<Inner>,
        fence: Fence,
        row: Step,
        memo: StepMemo,
        cursor: &JournalCursor,
        redactor: Redactor,
    ) -> Self {
        let (project, run, step) = (row.project, row.run, row.id);
        // An empty cursor is the beginning; the text is this recorder's own.
        let offset = cursor.0.parse().unwrap_or(0);
        Self {
            engine,
            fence,
            project,
            run,
            step,
            redactor,
            written: Mutex::new(Written {
                row,
                memo,
                offset,
                noted: Vec::new(),
                is_memo_noted: false,
            }),
        }
    }

    /// The memo, with what was noted since the last commit.
    pub(crate) fn memo(&self) -> StepMemo {
        self.written.lock().memo.clone()
    }

    /// Looks something up in the memo, with what was noted since the last commit. For what is asked often: the memo holds
    /// whole prompts, which [`Self::memo`] copies.
    pub(crate) fn look<T>(&self, up: impl FnOnce(&StepMemo) -> T) -> T {
        up(&self.written.lock().memo)
    }

    /// The hold under which it writes.
    pub(crate) const fn fence(&self) -> Fence {
        self.fence
    }

    /// How far the agent's output has been read and committed, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.written.lock().offset
    }

    /// Shows an event to whoever watches now, and keeps nothing of it.
    pub(crate) fn show(&self, event: Event) {
        let event = self.redactor.value(event);
        self.engine.live.tell(
            self.run,
            Notice::Transient {
                step: self.step,
                event: Arc::new(event),
            },
        );
    }

    /// Records events and a change of the memo.
    pub(crate) async fn record(&self, events: Vec<Event>, change: impl FnOnce(&mut StepMemo)) -> Result<(), StepError> {
        self.commit(events, Along::default(), change).await
    }

    /// Records what became of something that a person said, with the events that tell of it.
    pub(crate) async fn record_talk(
        &self,
        events: Vec<Event>,
        settled: Option<(InputId, InputStatus)>,
        change: impl FnOnce(&mut StepMemo),
    ) -> Result<(), StepError> {
        let along = Along { offset: None, settled };
        self.commit(events, along, change).await
    }

    /// The same, where the agent's next process follows: its output is read from its beginning.
    pub(crate) async fn record_next_process(
        &self,
        events: Vec<Event>,
        settled: Option<(InputId, InputStatus)>,
        change: impl FnOnce(&mut StepMemo),
    ) -> Result<(), StepError> {
        let along = Along {
            offset: Some(0),
            settled,
        };
        self.commit(events, along, change).await
    }

    /// Records events that were read from the agent's output up to an offset, and a change of the memo.
    pub(crate) async fn record_output(
        &self,
        events: Vec<Event>,
        offset: u64,
        change: impl FnOnce(&mut StepMemo),
    ) -> Result<(), StepError> {
        let along = Along {
            offset: Some(offset),
            settled: None,
        };
        self.commit(events, along, change).await
    }

    /// Records that a phase begins, with more events that belong to its beginning, unless it has begun before. Either
    /// way the caller holds the step when this returns.
    pub(crate) async fn begin(&self, phase: Phase, more: Vec<Event>) -> Result<(), StepError> {
        self.begin_with(phase, more, |_| {}).await
    }

    /// The same, with a change of the memo that belongs to the beginning.
    pub(crate) async fn begin_with(
        &self,
        phase: Phase,
        more: Vec<Event>,
        change: impl FnOnce(&mut StepMemo),
    ) -> Result<(), StepError> {
        if self.look(|memo| memo.has_begun(phase)) {
            return self.commit(Vec::new(), Along::default(), |_| {}).await;
        }
        let now = self.engine.clock.now();
        let mut events = vec![Event::Phase {
            phase,
            state: PhaseState::Started,
            duration_ms: None,
            detail: None,
        }];
        events.extend(more);
        self.record(events, |memo| {
            memo.phases.insert(
                phase,
                PhaseTimes {
                    started_at: now,
                    ended_at: None,
                },
            );
            change(memo);
        })
        .await
    }

    /// Notes events and a change of the memo, to be committed with whatever is recorded next. Only for what is done again
    /// without harm when it is lost.
    pub(crate) fn note(&self, events: Vec<Event>, change: impl FnOnce(&mut StepMemo)) {
        let mut written = self.written.lock();
        written.noted.extend(self.without_secrets(events));
        let mut memo = written.memo.clone();
        change(&mut memo);
        written.memo = self.redactor.value(memo);
        written.is_memo_noted = true;
    }

    /// Notes that a phase ended well, unless that is known. It is committed with the beginning of the next one.
    pub(crate) fn end(&self, phase: Phase, detail: Option<String>) {
        self.end_as(phase, PhaseState::Finished, detail, Vec::new());
    }

    /// Notes that a phase ended, after events that belong to its end, unless that is known.
    pub(crate) fn end_as(&self, phase: Phase, state: PhaseState, detail: Option<String>, mut events: Vec<Event>) {
        let now = self.engine.clock.now();
        let started_at = match self.memo().phases.get(&phase) {
            Some(PhaseTimes { ended_at: Some(_), .. }) => return,
            Some(times) => times.started_at,
            None => now,
        };
        events.push(Event::Phase {
            phase,
            state,
            duration_ms: u64::try_from(now.since(started_at)).ok(),
            detail,
        });
        self.note(events, |memo| {
            memo.phases.insert(
                phase,
                PhaseTimes {
                    started_at,
                    ended_at: Some(now),
                },
            );
        });
    }

    /// What was noted and not committed, with the memo that goes with it: for the transaction that ends the step.
    pub(crate) fn last_words(&self) -> (Vec<Event>, StepMemo) {
        let written = self.written.lock();
        (written.noted.clone(), written.memo.clone())
    }

    fn without_secrets(&self, events: Vec<Event>) -> Vec<Event> {
        if self.redactor.is_empty() {
            return events;
        }
        events.into_iter().map(|event| self.redactor.value(event)).collect()
    }

    /// The same where the memo stays as it is: what most lines of an agent are. Such output of many steps is committed
    /// together.
    pub(crate) async fn record_plain_output(&self, events: Vec<Event>, offset: u64) -> Result<(), StepError> {
        let (has_notes, expected) = {
            let written = self.written.lock();
            (
                written.is_memo_noted || !written.noted.is_empty(),
                cursor_of(written.offset),
            )
        };
        if has_notes {
            return self.record_output(events, offset, |_| {}).await;
        }
        let now = self.engine.clock.now();
        let events = self.without_secrets(events);
        let events = events
            .iter()
            .map(|event| new_event(event, now))
            .collect::<Result<_, _>>();
        let wrapped = |error: &StoreError| store_failure("Recording the step", error);
        let append = OutputAppend {
            fence: self.fence,
            run: self.run,
            step: self.step,
            cursor: CursorAdvance {
                expected,
                new: cursor_of(offset),
            },
            events: events.map_err(|error| wrapped(&error))?,
        };
        self.engine
            .store
            .append_output(append)
            .await
            .inspect_err(|error| tell_of_trouble(&self.engine, self.run, error))
            .map_err(|error| wrapped(&error))?;
        self.written.lock().offset = offset;
        self.engine.live.tell(self.run, Notice::EventsStored);
        Ok(())
    }

    async fn commit(
        &self,
        events: Vec<Event>,
        along: Along,
        change: impl FnOnce(&mut StepMemo),
    ) -> Result<(), StepError> {
        let Along { offset, settled } = along;
        let now = self.engine.clock.now();
        let events = self.without_secrets(events);
        let (mut row, memo, memo_changed, is_seen, cursor, noted) = {
            let written = self.written.lock();
            let mut memo = written.memo.clone();
            change(&mut memo);
            let memo = self.redactor.value(memo);
            // A note changes the memo at once, so a comparison would not see it.
            let memo_changed = written.is_memo_noted || memo != written.memo;
            let is_seen = settled.is_some() || what_is_seen(&memo) != what_is_seen(&written.memo);
            let cursor = offset.map(|offset| CursorAdvance {
                expected: cursor_of(written.offset),
                new: cursor_of(offset),
            });
            (
                written.row.clone(),
                memo,
                memo_changed,
                is_seen,
                cursor,
                written.noted.clone(),
            )
        };
        let wrapped = |error: &StoreError| store_failure("Recording the step", error);
        let events = noted
            .iter()
            .chain(&events)
            .map(|event| new_event(event, now))
            .collect::<Result<Vec<_>, _>>();
        let append = EventAppend {
            project: self.project,
            run: self.run,
            step: Some(self.step),
            cursor,
            events: events.map_err(|error| wrapped(&error))?,
        };
        if memo_changed {
            row.status = StepStatus::Running;
            row.started_at = row.started_at.or(Some(now));
            row.body = Body::of(&memo).map_err(|error| wrapped(&error))?;
        }
        let fence = self.fence;
        let saved = memo_changed.then(|| row.clone());
        let (project, run) = (self.project, self.run);
        self.engine
            .store
            .write(move |tx| {
                Box::pin(async move {
                    hold(tx, fence, now).await?;
                    tx.append_events(append).await?;
                    if let Some(row) = &saved {
                        tx.save_step(row).await?;
                    }
                    if let Some((input, status)) = settled {
                        tx.settle_step_input(project, input, status, now).await?;
                    }
                    if is_seen {
                        tell_of_step(tx, project, run, ENGINE_ACTOR, now).await?;
                    }
                    Ok(())
                })
            })
            .await
            .inspect_err(|error| tell_of_trouble(&self.engine, self.run, error))
            .map_err(|error| wrapped(&error))?;
        {
            let mut written = self.written.lock();
            written.noted.drain(..noted.len());
            written.is_memo_noted = false;
            if memo_changed {
                written.row = row;
                written.memo = memo;
            }
            if let Some(offset) = offset {
                written.offset = offset;
            }
        }
        self.engine.live.tell(self.run, Notice::EventsStored);
        if is_seen {
            self.engine.live.tell(self.run, Notice::Changed);
        }
        Ok(())
    }
}

/// What is committed beside events and the memo.
#[derive(Default)]
struct Along {
    /// How far the agent's output has been read.
    offset: Option<u64>,
    /// What became of something that a person said.
    settled: Option<(InputId, InputStatus)>,
}

/// What people see of the conversation without reading the events: when it changes, they read the step again.
fn what_is_seen(memo: &StepMemo) -> (Whose, bool, Option<&ModelName>) {
    (memo.talk.turn, memo.talk.finished, memo.talk.model.as_ref())
}

/// Makes sure, in a command, that a task is still the caller's, and prolongs the hold.
pub(crate) async fn hold(tx: &mut Tx, fence: Fence, now: Timestamp) -> Result<(), StoreError> {
    let lost = tx
        .heartbeat_tasks(&[fence], now.plus_milliseconds(LEASE_MILLISECONDS))
        .await?;
    if lost.is_empty() {
        Ok(())
    } else {
        Err(StoreError::Fenced)
    }
}

/// An event as the store takes it.
pub(crate) fn new_event(event: &Event, at: Timestamp) -> Result<NewEvent, StoreError> {
    Ok(NewEvent {
        kind: Arc::from(event.kind()),
        at,
        body: Body::of(event)?,
    })
}

fn cursor_of(offset: u64) -> JournalCursor {
    if offset == 0 {
        JournalCursor::default()
    } else {
        JournalCursor(offset.to_string())
    }
}

/// Tells whoever watches a run that it waits for the store, if that is so.
pub(crate) fn tell_of_trouble(engine: &Inner, run: RunId, error: &StoreError) {
    let reason = match error {
        StoreError::DiskFull(_) => {
            "The disk with the data directory is full, so nothing can be recorded. Free some space on it: the run goes on \
             by itself within a minute, and nothing of it is lost."
        }
        StoreError::Unavailable(_) => "The database cannot be reached. The run goes on by itself once it can.",
        _ => return,
    };
    engine.live.tell(
        run,
        Notice::Waiting {
            reason: reason.to_owned(),
        },
    );
}

/// What a store's error means for the worker: somebody else goes on with the work, it is done again once the store is
/// there again, or the platform has a fault.
pub(crate) fn store_failure(operation: &str, error: &StoreError) -> StepError {
    match error {
        StoreError::Fenced | StoreError::Stale { .. } | StoreError::Closed => StepError::LetGo,
        // These pass. The lease ends, and the work goes on where the store has it: a full disk fails no run.
        StoreError::DiskFull(_) | StoreError::Unavailable(_) | StoreError::CommitUnknown(_) => {
            tracing::warn!("{operation} is put off: {}", chain(error));
            StepError::LetGo
        }
        other => internal(operation, other),
    }
}
