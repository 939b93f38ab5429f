//! The task queue: durable work of the engine, claimed under a lease and fenced by attempt.
//!
//! The engine inserts tasks in the same command as the state that calls for them, claims them, and finishes them in the
//! command that records their result. Invariants:
//! - A task is held by at most one attempt. [`Fence`] proves the hold; whoever lost it gets [`Error::Fenced`] and
//!   everything else in its command is undone with it.
//! - The number of running tasks of class [`TaskClass::Work`] of a project never passes its limit.
//! - A task that was committed is done or given up at last, whatever dies: its lease ends and it is claimed again.
//! - Nobody polls: [`WorkSignal`] says that something moved, [`Claim::next_due`] when something will by itself.

mod claim;
mod finish;

pub use claim::{Claim, ClaimRequest, ClaimedTask, WorkSignal};
pub use finish::{TaskRetry, VoidedLeases};

use codecourier_domain::id::{BootId, ProjectId, RunId, TaskId};
use codecourier_domain::time::Timestamp;

use crate::body::Body;
use crate::error::{Error, Result};
use crate::read::Reader;
use crate::runs::Inserted;
use crate::sql::{Row, sql};
use crate::words::words;
use crate::writer::Tx;

words! {
    /// Whether a task takes one of its project's places.
    pub TaskClass {
        /// Bookkeeping: short, never limited.
        Control = "control",
        /// Work in a sandbox: limited per project.
        Work = "work",
    }
}

words! {
    /// Where a task is in its life.
    pub TaskStatus {
        /// Waits for its time.
        Scheduled = "scheduled",
        /// Waits for a worker.
        Ready = "ready",
        /// Held by a worker under a lease.
        Running = "running",
        /// Done.
        Done = "done",
        /// Given up.
        Failed = "failed",
        /// Called off.
        Cancelled = "cancelled",
    }
}

/// A task to add.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// Its identifier; adding the same one twice changes nothing.
    pub id: TaskId,
    /// Its project.
    pub project: ProjectId,
    /// Its run, if it belongs to one.
    pub run: Option<RunId>,
    /// What is to be done: `prepare`, `execute_step`.
    pub kind: String,
    /// Whether it takes a place.
    pub class: TaskClass,
    /// Higher goes first, within a project.
    pub priority: i64,
    /// Not before this time. A timer is a task with a later one.
    pub due: Timestamp,
    /// When it was added.
    pub created_at: Timestamp,
    /// What the worker needs to know.
    pub body: Body,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its identifier, which is also the idempotency key of its effects outside.
    pub id: TaskId,
    /// Its project.
    pub project: ProjectId,
    /// Its run.
    pub run: Option<RunId>,
    /// What is to be done.
    pub kind: String,
    /// Whether it takes a place.
    pub class: TaskClass,
    /// Where it is in its life.
    pub status: TaskStatus,
    /// Its priority.
    pub priority: i64,
    /// Not before this time.
    pub due: Timestamp,
    /// How often it was claimed.
    pub attempt: u32,
    /// The start of the server that holds it.
    pub owner: Option<BootId>,
    /// Until when it is held.
    pub lease_until: Option<Timestamp>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it was given up, or put off the last time.
    pub failure: Option<String>,
    /// What the worker needs to know.
    pub body: Body,
}

/// The proof of holding a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The project of the task.
    pub project: ProjectId,
    /// The task.
    pub task: TaskId,
    /// The attempt that holds it.
    pub attempt: u32,
}

/// The columns that [`task`] reads.
macro_rules! task_columns {
    () => {
        "id, project, run, kind, class, status, priority, due, attempt, owner, lease_until, created_at, finished_at, \
         failure, body"
    };
}
use task_columns;

impl Tx {
    /// Adds a task, ready at `due`.
    pub async fn insert_task(&mut self, new: &NewTask) -> Result<Inserted> {
        // What is due already never enters the index of timers; what becomes due is for the claim to see.
        let status = if new.due <= new.created_at {
            TaskStatus::Ready
        } else {
            TaskStatus::Scheduled
        };
        let statement = sql(
            "INSERT INTO task (id, project, run, kind, class, status, priority, due, attempt, created_at, \
             body) SELECT $1, $2, $3, $4, $5, $10, $6, $7, 0, $8, $9 \
             WHERE $3 IS NULL OR EXISTS (SELECT 1 FROM run WHERE id = $3 AND project = $2) ON CONFLICT (id) DO NOTHING",
        )
        .bind(new.id)
        .bind(new.project)
        .bind(new.run)
        .bind(new.kind.as_str())
        .bind(new.class.as_str())
        .bind(new.priority)
        .bind(new.due)
        .bind(new.created_at)
        .bind(&new.body)
        .bind(status.as_str());
        if self.execute("insert a task", statement).await? == 0 {
            return self.why_no_task(new).await;
        }
        self.effects.tasks_moved = true;
        Ok(Inserted::New)
    }

    /// What it means that a task was not inserted.
    async fn why_no_task(&mut self, new: &NewTask) -> Result<Inserted> {
        if self.read().task(new.project, new.id).await?.is_some() {
            return Ok(Inserted::Existing);
        }
        if let Some(run) = new.run
            && self.read().run(new.project, run).await?.is_none()
        {
            return Err(Error::NotFound { entity: "run" });
        }
        Err(Error::Taken { entity: "task" })
    }
}

impl Reader<'_> {
    /// Whether any task waits for a worker, of whatever project. For the sweep between nodes.
    pub(crate) async fn has_ready_tasks(&mut self) -> Result<bool> {
        let statement = sql("SELECT 1 FROM task WHERE status = 'ready' LIMIT 1");
        let row = self.fetch_optional("look for ready tasks", statement).await?;
        Ok(row.is_some())
    }

    /// One task.
    pub async fn task(&mut self, project: ProjectId, id: TaskId) -> Result<Option<Task>> {
        let statement = sql(concat!(
            "SELECT ",
            task_columns!(),
            " FROM task WHERE project = $1 AND id = $2"
        ));
        let row = self
            .fetch_optional("read a task", statement.bind(project).bind(id))
            .await?;
        row.map(|row| task(&row)).transpose()
    }

    /// The tasks of a run, oldest first, ended ones too.
    pub async fn tasks(&mut self, project: ProjectId, run: RunId) -> Result<Vec<Task>> {
        let statement = sql(concat!(
            "SELECT ",
            task_columns!(),
            " FROM task WHERE project = $1 AND run = $2 ORDER BY created_at, id"
        ));
        self.fetch_all("list the tasks of a run", statement.bind(project).bind(run))
            .await?
            .iter()
            .map(task)
            .collect()
    }
}

fn task(row: &Row) -> Result<Task> {
    Ok(Task {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        run: row.optional_parsed(2)?,
        kind: row.text(3)?,
        class: row.parsed(4)?,
        status: row.parsed(5)?,
        priority: row.integer(6)?,
        due: row.time(7)?,
        attempt: row.small(8)?,
        owner: row.optional_parsed(9)?,
        lease_until: row.optional_time(10)?,
        created_at: row.time(11)?,
        finished_at: row.optional_time(12)?,
        failure: row.optional_text(13)?,
        body: row.body(14)?,
    })
}

/// A statement about a held task changed no row: the hold is lost.
fn fenced(changed: u64) -> Result<()> {
    if changed == 1 { Ok(()) } else { Err(Error::Fenced) }
}
