//! Moving a run: the transaction in which a task ends, the state machine steps, and the next tasks are ordered.
//!
//! Invariant: all of it or none of it. A crash before the commit leaves the task to be done again, with effects that are
//! idempotent; a crash after it leaves the next task to be claimed.

use serde::{Deserialize, Serialize};

use codecourier_domain::id::{ProjectId, RunId, StepId, TaskId};
use codecourier_domain::money::MicroUsd;
use codecourier_domain::run::{Effect, RunEvent, RunState, StepPlan, Transition, next};
use codecourier_domain::time::Timestamp;
use codecourier_store::changes::{ChangeOp, NewChange, Scope};
use codecourier_store::runs::{Run, RunUpdate};
use codecourier_store::steps::{Step, StepStatus};
use codecourier_store::tasks::{NewTask, TaskClass};
use codecourier_store::{Body, Error as StoreError, Tx};

use super::memo::StepMemo;
use super::pinned::Pinned;
use super::prompt;
use super::spec::RunSpec;
use crate::random::uuid_v7;

/// Where a run is: the state the store holds of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    /// The state machine's state.
    pub(crate) machine: RunState,
    /// What the preparation pinned, once it is done.
    pub(crate) pinned: Option<Pinned>,
    /// The budget, if it was raised since the start.
    #[serde(default)]
    pub(crate) budget: Option<MicroUsd>,
}

/// Something that moves a run.
pub(crate) struct Move<'a> {
    /// What happened.
    pub(crate) event: RunEvent,
    /// What the preparation pinned, if that is what happened.
    pub(crate) pinned: Option<Pinned>,
    /// Another budget for the rest of the run.
    pub(crate) budget: Option<MicroUsd>,
    /// Who did it.
    pub(crate) actor: &'a str,
    /// When.
    pub(crate) now: Timestamp,
}

/// What a task is to do. The task's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Work {
    /// Prepare mirror, template and branch.
    Prepare,
    /// Execute a step.
    ExecuteStep {
        /// Which.
        step: StepId,
    },
    /// Deliver the result.
    Deliver,
    /// Clean up after a failure.
    Close,
    /// Kill every process of the run.
    StopProcesses,
    /// Let the paused run go on: the limit it waits for starts anew.
    Resume,
}

impl Work {
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::ExecuteStep { .. } => "execute_step",
            Self::Deliver => "deliver",
            Self::Close => "close",
            Self::StopProcesses => "stop_processes",
            Self::Resume => "resume",
        }
    }

    const fn class(&self) -> TaskClass {
        match self {
            Self::ExecuteStep { .. } => TaskClass::Work,
            Self::Prepare | Self::Deliver | Self::Close | Self::StopProcesses | Self::Resume => TaskClass::Control,
        }
    }
}

/// Who did it, for the change log.
pub(crate) const ENGINE_ACTOR: &str = "engine";

/// Tells the run what happened, saves where it is now, and orders what comes next. Gives the state afterwards.
pub(crate) async fn advance(
    tx: &mut Tx,
    project: ProjectId,
    run: RunId,
    moved: Move<'_>,
) -> Result<RunState, StoreError> {
    let Move {
        event,
        pinned,
        budget,
        actor,
        now,
    } = moved;
    let row = tx
        .read()
        .run(project, run)
        .await?
        .ok_or(StoreError::NotFound { entity: "run" })?;
    let before: RunRecord = row.state.read()?;
    let Transition { state, effects } = next(before.machine.clone(), event);
    if state == before.machine {
        return Ok(state);
    }
    let record = RunRecord {
        machine: state,
        pinned: pinned.or(before.pinned),
        budget: budget.or(before.budget),
    };
    save(tx, &row, &record, actor, now).await?;
    let state = record.machine;
    if !effects.is_empty() {
        let body = tx
            .read()
            .run_body(project, run)
            .await?
            .ok_or(StoreError::NotFound { entity: "run" })?;
        let spec: RunSpec = body.read()?;
        for effect in effects {
            order(tx, &row, &spec, &state, effect, now).await?;
        }
    }
    Ok(state)
}

async fn save(tx: &mut Tx, row: &Run, record: &RunRecord, actor: &str, now: Timestamp) -> Result<(), StoreError> {
    let summary = &row.summary;
    let status = record.machine.status();
    let update = RunUpdate {
        status,
        started_at: summary.started_at.or(Some(now)),
        finished_at: status.has_ended().then_some(now),
        state: Body::of(record)?,
    };
    tx.save_run(summary.project, summary.id, row.revision, &update).await?;
    let told = serde_json::json!({
        "id": summary.id,
        "status": status,
        "step": record.machine.current().map(|plan| plan.lane.clone()),
    });
    tx.append_change(NewChange {
        scope: Scope::Project(summary.project),
        kind: "run",
        id: summary.id.to_string(),
        op: ChangeOp::Put,
        actor: actor.to_owned(),
        at: now,
        body: Body::of(&told)?,
    })
    .await?;
    Ok(())
}

async fn order(
    tx: &mut Tx,
    row: &Run,
    spec: &RunSpec,
    state: &RunState,
    effect: Effect,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut due = now;
    let work = match effect {
        Effect::Prepare => Work::Prepare,
        Effect::ExecuteStep { plan } => Work::ExecuteStep {
            step: insert_step(tx, row, spec, state, plan, now).await?,
        },
        Effect::Deliver => Work::Deliver,
        Effect::Close => Work::Close,
        Effect::StopProcesses => Work::StopProcesses,
        Effect::ResumeAt { due: at } => {
            due = at;
            Work::Resume
        }
    };
    tx.insert_task(&NewTask {
        id: TaskId::from_uuid(uuid_v7(now)),
        project: row.summary.project,
        kind: work.kind().to_owned(),
        run: Some(row.summary.id),
        class: work.class(),
        priority: 0,
        due,
        created_at: now,
        body: Body::of(&work)?,
    })
    .await
    .map(drop)
}

async fn insert_step(
    tx: &mut Tx,
    row: &Run,
    spec: &RunSpec,
    state: &RunState,
    plan: StepPlan,
    now: Timestamp,
) -> Result<StepId, StoreError> {
    let id = StepId::from_uuid(uuid_v7(now));
    let message = prompt::step_prompt(spec, state, &plan);
    let memo = StepMemo::new(plan.clone(), state.tip.clone().unwrap_or_default(), message);
    tx.insert_step(&Step {
        id,
        project: row.summary.project,
        run: row.summary.id,
        ordinal: plan.ordinal,
        attempt: plan.attempt,
        iteration: plan.iteration,
        lane: plan.lane.clone(),
        role: plan.spec.role,
        status: StepStatus::Pending,
        sandbox: Some(codecourier_domain::id::SandboxId::of_step(&id)),
        created_at: now,
        started_at: None,
        finished_at: None,
        body: Body::of(&memo)?,
    })
    .await?;
    Ok(id)
}
