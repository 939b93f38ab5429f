//! Keeping, ending and losing tasks.

use codecourier_domain::id::{BootId, ProjectId, RunId, TaskId};
use codecourier_domain::time::Timestamp;

use super::{Fence, fenced};
use crate::error::Result;
use crate::sql::{Statement, sql};
use crate::writer::Tx;

/// Putting a task off to a later attempt.
#[derive(Debug, Clone)]
pub struct TaskRetry {
    /// Not before this time.
    pub due: Timestamp,
    /// What went wrong this time.
    pub failure: String,
}

/// How many tasks a start of the server took back from its predecessors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoidedLeases(pub u64);

impl Tx {
    /// Says that a task is done. Fails with [`Error::Fenced`](crate::Error::Fenced), and thereby undoes the command,
    /// if it is not the caller's any more: record its result in the same command, and call this first.
    pub async fn complete_task(&mut self, fence: Fence, at: Timestamp) -> Result<()> {
        let statement = sql(
            "UPDATE task SET status = 'done', owner = NULL, lease_until = NULL, finished_at = $4 \
             WHERE project = $1 AND id = $2 AND attempt = $3 AND status = 'running'",
        );
        self.end_hold("complete a task", bind_fence(statement, fence).bind(at))
            .await
    }

    /// Gives a task up for good.
    pub async fn fail_task(&mut self, fence: Fence, failure: &str, at: Timestamp) -> Result<()> {
        let statement = sql(
            "UPDATE task SET status = 'failed', owner = NULL, lease_until = NULL, finished_at = $4, \
             failure = $5 WHERE project = $1 AND id = $2 AND attempt = $3 AND status = 'running'",
        );
        self.end_hold("give up a task", bind_fence(statement, fence).bind(at).bind(failure))
            .await
    }

    /// Puts a task off: another attempt follows when it is due.
    pub async fn retry_task(&mut self, fence: Fence, retry: &TaskRetry) -> Result<()> {
        let statement = sql(
            "UPDATE task SET status = 'scheduled', owner = NULL, lease_until = NULL, due = $4, \
             failure = $5 WHERE project = $1 AND id = $2 AND attempt = $3 AND status = 'running'",
        );
        let statement = bind_fence(statement, fence)
            .bind(retry.due)
            .bind(retry.failure.as_str());
        self.end_hold("put off a task", statement).await
    }

    /// Makes the timers of a run due at a moment, unless they are due before it.
    pub async fn hasten_tasks(&mut self, project: ProjectId, run: RunId, due: Timestamp) -> Result<()> {
        let statement = sql("UPDATE task SET due = $3 \
             WHERE project = $1 AND run = $2 AND status = 'scheduled' AND due > $3");
        let hastened = self
            .execute(
                "hasten the timers of a run",
                statement.bind(project).bind(run).bind(due),
            )
            .await?;
        self.effects.tasks_moved |= hastened > 0;
        Ok(())
    }

    /// Prolongs holds, and gives those that were lost: the caller must stop its work on them.
    pub async fn heartbeat_tasks(&mut self, fences: &[Fence], lease_until: Timestamp) -> Result<Vec<Fence>> {
        let mut lost = Vec::new();
        for &fence in fences {
            let statement = sql("UPDATE task SET lease_until = $4 \
                 WHERE project = $1 AND id = $2 AND attempt = $3 AND status = 'running'");
            if self
                .execute("prolong a lease", bind_fence(statement, fence).bind(lease_until))
                .await?
                == 0
            {
                lost.push(fence);
            }
        }
        Ok(lost)
    }

    /// Calls off every task of a run that has not ended, and gives them. Whoever works on one is fenced from now on.
    pub async fn cancel_tasks(&mut self, project: ProjectId, run: RunId, at: Timestamp) -> Result<Vec<TaskId>> {
        let statement = sql(
            "UPDATE task SET status = 'cancelled', owner = NULL, lease_until = NULL, finished_at = $3 \
             WHERE project = $1 AND run = $2 AND status IN ('scheduled', 'ready', 'running') RETURNING id",
        );
        let rows = self
            .fetch_all(
                "call off the tasks of a run",
                statement.bind(project).bind(run).bind(at),
            )
            .await?;
        self.effects.tasks_moved |= !rows.is_empty();
        self.effects.holds_lost |= !rows.is_empty();
        rows.iter().map(|row| row.parsed(0)).collect()
    }

    /// Takes back every task that another start of the server holds, but for those of other nodes. Only for a process that
    /// is the only one of its node, which the lock on the data directory proves: then the other starts are dead, and
    /// waiting for leases is idle time.
    pub async fn void_leases(&mut self, boot: BootId, node: &str) -> Result<VoidedLeases> {
        let statement = sql("UPDATE task SET status = 'ready', owner = NULL, lease_until = NULL \
             WHERE status = 'running' AND owner <> $1 \
             AND NOT EXISTS (SELECT 1 FROM boot b WHERE b.id = task.owner AND b.node NOT IN ($2, ''))");
        let voided = self
            .execute("take back the tasks of former starts", statement.bind(boot).bind(node))
            .await?;
        self.effects.tasks_moved |= voided > 0;
        Ok(VoidedLeases(voided))
    }

    async fn end_hold(&mut self, operation: &'static str, statement: Statement) -> Result<()> {
        fenced(self.execute(operation, statement).await?)?;
        // A place is free now.
        self.effects.tasks_moved = true;
        Ok(())
    }
}

fn bind_fence(statement: Statement, fence: Fence) -> Statement {
    statement
        .bind(fence.project)
        .bind(fence.task)
        .bind(i64::from(fence.attempt))
}
