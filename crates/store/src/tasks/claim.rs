//! Claiming tasks, and waiting for some to claim.
//!
//! A claim first wakes what has become due and frees what nobody holds any more, then takes tasks one by one: each
//! time from the project that has the fewest running, of that project's the one with the highest priority, of those
//! the one due longest. Each of these looks at the first entry of an index per project that has something ready, so a
//! backlog of any length costs nothing.

use codecourier_domain::id::BootId;
use codecourier_domain::time::Timestamp;
use tokio::sync::watch;

use super::{Fence, Task, TaskClass, task, task_columns};
use crate::error::{Error, Result};
use crate::open::Store;
use crate::sql::sql;
use crate::writer::Tx;

/// What to claim.
#[derive(Debug, Clone, Copy)]
pub struct ClaimRequest {
    /// Who claims.
    pub owner: BootId,
    /// Of which class.
    pub class: TaskClass,
    /// How many at most.
    pub limit: u32,
    /// The present moment.
    pub now: Timestamp,
    /// Until when the claim holds without a heartbeat.
    pub lease_until: Timestamp,
}

/// What a claim gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The tasks, first claimed first.
    pub tasks: Vec<ClaimedTask>,
    /// When a timer or a lease ends next, so that a claim may give more; `None` if nothing will by itself.
    pub next_due: Option<Timestamp>,
}

/// A task in the hands of the claimer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedTask {
    /// The task.
    pub task: Task,
    /// The proof of the hold.
    pub fence: Fence,
}

/// The first ready task of a project, by the order of the index.
macro_rules! head_of_queue {
    ($column:literal) => {
        concat!(
            "(SELECT t.",
            $column,
            " FROM task t WHERE t.status = 'ready' AND t.class = $1 AND t.project = w.project \
             ORDER BY t.priority DESC, t.due, t.id LIMIT 1)"
        )
    };
}

/// One task: the head of the queue of the project that has the fewest running. `$1` class, `$2` owner, `$3` lease.
///
/// `waiting` jumps through the index from project to project instead of reading every ready task. `head` asks three
/// times for one row rather than joining `task` to the first answer: PostgreSQL keeps the plan that it made
/// while the queue was short, and that of a join reads the whole table once it is long.
const CLAIM_ONE: &str = concat!(
    "WITH RECURSIVE waiting (project) AS ( \
        SELECT min(project) FROM task WHERE status = 'ready' AND class = $1 \
        UNION ALL \
        SELECT (SELECT min(t.project) FROM task t WHERE t.status = 'ready' AND t.class = $1 AND t.project > w.project) \
        FROM waiting w WHERE w.project IS NOT NULL \
     ), busy (project, running) AS ( \
        SELECT project, count(*) FROM task WHERE status = 'running' AND class = $1 GROUP BY project \
     ), head (id, priority, due, running) AS ( \
        SELECT ",
    head_of_queue!("id"),
    ", ",
    head_of_queue!("priority"),
    ", ",
    head_of_queue!("due"),
    ", coalesce(b.running, 0) \
        FROM waiting w JOIN project p ON p.id = w.project LEFT JOIN busy b ON b.project = w.project \
        WHERE $1 = 'control' OR coalesce(b.running, 0) < p.work_limit \
     ) \
     UPDATE task SET status = 'running', attempt = attempt + 1, owner = $2, lease_until = $3 \
     WHERE id = (SELECT h.id FROM head h ORDER BY h.running, h.priority DESC, h.due, h.id LIMIT 1) \
     RETURNING ",
    task_columns!()
);

impl Tx {
    /// Claims tasks for a worker.
    pub async fn claim_tasks(&mut self, request: ClaimRequest) -> Result<Claim> {
        let ClaimRequest {
            owner,
            class,
            limit,
            now,
            lease_until,
        } = request;
        self.wake_tasks(now).await?;
        let mut tasks = Vec::new();
        for _ in 0..limit {
            let statement = sql(CLAIM_ONE).bind(class.as_str()).bind(owner).bind(lease_until);
            let Some(row) = self.fetch_optional("claim a task", statement).await? else {
                break;
            };
            let task = task(&row)?;
            let fence = Fence {
                project: task.project,
                task: task.id,
                attempt: task.attempt,
            };
            tasks.push(ClaimedTask { task, fence });
        }
        Ok(Claim {
            tasks,
            next_due: self.next_due().await?,
        })
    }

    /// Makes ready what is due, and what is held under a lease that has ended.
    async fn wake_tasks(&mut self, now: Timestamp) -> Result<()> {
        let due = sql("UPDATE task SET status = 'ready' WHERE status = 'scheduled' AND due <= $1");
        let woken = self.execute("wake the tasks that are due", due.bind(now)).await?;
        let ended = sql("UPDATE task SET status = 'ready', owner = NULL, lease_until = NULL \
             WHERE status = 'running' AND lease_until <= $1");
        let freed = self
            .execute("free the tasks whose lease ended", ended.bind(now))
            .await?;
        // Another class may have got work, or a place, by this.
        if woken + freed > 0 {
            self.effects.tasks_moved = true;
        }
        Ok(())
    }

    async fn next_due(&mut self) -> Result<Option<Timestamp>> {
        let statement = sql("SELECT (SELECT min(due) FROM task WHERE status = 'scheduled'), \
             (SELECT min(lease_until) FROM task WHERE status = 'running')");
        let row = self.fetch_optional("look for the next due task", statement).await?;
        let row = row.ok_or(Error::NotFound { entity: "task" })?;
        Ok([row.optional_time(0)?, row.optional_time(1)?]
            .into_iter()
            .flatten()
            .min())
    }
}

/// Says that tasks have moved since the last time it was asked.
#[derive(Debug)]
pub struct WorkSignal {
    generation: watch::Receiver<u64>,
}

impl Store {
    /// A signal for a worker. Take it before the first claim; a commit between a claim and [`WorkSignal::moved`] is
    /// not missed.
    ///
    /// It tells of the commits of this process, and of those of other nodes as their hints come. A hint may be lost: a
    /// worker also looks at [`Claim::next_due`] and has a period of its own.
    #[must_use]
    pub fn work_signal(&self) -> WorkSignal {
        WorkSignal {
            generation: self.watchers().work(),
        }
    }

    /// Says that another node took holds on tasks from whoever had them: a reason for a heartbeat at once, which tells
    /// which. Such a hint may be lost.
    #[must_use]
    pub fn hold_signal(&self) -> WorkSignal {
        WorkSignal {
            generation: self.watchers().holds(),
        }
    }

    /// Says that somebody told the agent of some step something, here or on another node. The hint of another node may
    /// be lost.
    #[must_use]
    pub fn input_signal(&self) -> WorkSignal {
        WorkSignal {
            generation: self.watchers().inputs(),
        }
    }
}

impl WorkSignal {
    /// Waits until what it tells of happened since the last return. May be dropped and called again.
    pub async fn moved(&mut self) -> Result<()> {
        self.generation.changed().await.map_err(|_| Error::Closed)
    }
}
