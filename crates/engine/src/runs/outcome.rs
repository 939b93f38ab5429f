//! What a task came to, and the transaction that writes it down: the task ends, the step ends, the run moves.
//!
//! Called by the worker. Invariant: all of it or none of it, and only under the hold of the task.

use codecourier_domain::event::Event;
use codecourier_domain::id::{ProjectId, StepId};
use codecourier_domain::run::{RunEvent, RunState};
use codecourier_domain::time::Timestamp;
use codecourier_store::events::EventAppend;
use codecourier_store::steps::StepStatus;
use codecourier_store::{Body, Result as StoreResult, Tx};

use super::advance::{ENGINE_ACTOR, Move, advance};
use super::live::Notice;
use super::memo::StepMemo;
use super::new_event;
use super::other_key;
use super::pinned::Pinned;
use super::worker::TaskContext;

/// What a task came to.
pub(super) struct Outcome {
    /// What the run is told.
    pub(super) event: RunEvent,
    /// What the preparation pinned.
    pub(super) pinned: Option<Pinned>,
    /// The step that ended.
    pub(super) step: Option<EndedStep>,
}

/// A step that ended.
pub(super) struct EndedStep {
    pub(super) id: StepId,
    pub(super) status: StepStatus,
    /// What is left to write down of it.
    pub(super) last_words: Option<(Vec<Event>, StepMemo)>,
}

impl Outcome {
    pub(super) const fn of(event: RunEvent) -> Self {
        Self {
            event,
            pinned: None,
            step: None,
        }
    }
}

/// Ends the task and advances the run, in one transaction.
pub(super) async fn record(context: &TaskContext, outcome: Outcome) -> StoreResult<RunState> {
    let engine = &context.engine;
    let (project, run, fence) = (context.project, context.run, context.fence);
    let now = engine.clock.now();
    let Outcome { event, pinned, step } = outcome;
    let step_id = step.as_ref().map(|step| step.id);
    let state = engine
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.complete_task(fence, now).await?;
                let event = match event {
                    RunEvent::StepLimited {
                        ordinal,
                        attempt,
                        limit,
                    } => RunEvent::StepLimited {
                        ordinal,
                        attempt,
                        limit: Box::new(other_key::present(tx, (project, run), *limit, now).await?),
                    },
                    other => other,
                };
                if let RunEvent::TaskFailed { failure } = &event {
                    let failed = new_event(
                        &Event::Failed {
                            failure: failure.clone(),
                        },
                        now,
                    )?;
                    tx.append_events(EventAppend {
                        project,
                        run,
                        step: None,
                        cursor: None,
                        events: vec![failed],
                    })
                    .await?;
                }
                if let Some(ended) = step {
                    end_step(tx, project, ended, now).await?;
                }
                advance(
                    tx,
                    project,
                    run,
                    Move {
                        event,
                        pinned,
                        budget: None,
                        actor: ENGINE_ACTOR,
                        now,
                    },
                )
                .await
            })
        })
        .await?;
    if let Some(step) = step_id {
        engine.model_access.forget(step);
    }
    engine.live.tell(run, Notice::Changed);
    Ok(state)
}

/// Writes down the end of a step, and what was noted of it until then.
async fn end_step(tx: &mut Tx, project: ProjectId, ended: EndedStep, now: Timestamp) -> StoreResult<()> {
    let Some(mut row) = tx.read().step(project, ended.id).await? else {
        return Ok(());
    };
    if let Some((events, memo)) = ended.last_words {
        let append = EventAppend {
            project,
            run: row.run,
            step: Some(ended.id),
            cursor: None,
            events: events
                .iter()
                .map(|event| new_event(event, now))
                .collect::<StoreResult<_>>()?,
        };
        tx.append_events(append).await?;
        row.body = Body::of(&memo)?;
    }
    row.status = ended.status;
    row.finished_at = Some(now);
    row.sandbox = None;
    tx.drop_step_inputs(project, ended.id, now).await?;
    tx.save_step(&row).await
}
