//! Steps of runs.
//!
//! Called by the engine. Invariant: a step is found by its project and its identifier together; the numbers of a step
//! (`ordinal`, `attempt`) are unique in its run, so that a step cannot be begun twice under two identifiers.

use codecourier_domain::id::{ProjectId, RunId, SandboxId, StepId};
use codecourier_domain::role::Role;
use codecourier_domain::time::Timestamp;
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error as WordError, StrDeserializer};

use crate::body::Body;
use crate::error::{Error, Result};
use crate::page::{Page, PageCursor};
use crate::read::Reader;
use crate::runs::Inserted;
use crate::sql::{Row, sql};
use crate::words::words;
use crate::writer::Tx;

words! {
    /// Where a step is in its life.
    pub StepStatus {
        /// Made, and nothing was done yet.
        Pending = "pending",
        /// Under way.
        Running = "running",
        /// Ended with a result.
        Completed = "completed",
        /// Ended without one.
        Failed = "failed",
        /// Ended by a person.
        Cancelled = "cancelled",
    }
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its identifier.
    pub id: StepId,
    /// Its project.
    pub project: ProjectId,
    /// Its run.
    pub run: RunId,
    /// Its number in the run, from 1.
    pub ordinal: u32,
    /// Which attempt at that number, from 1.
    pub attempt: u32,
    /// The iteration of its innermost loop.
    pub iteration: u32,
    /// Its name in the run: `designer#2`.
    pub lane: String,
    /// Its role.
    pub role: Role,
    /// Its status.
    pub status: StepStatus,
    /// Its sandbox, while there is one.
    pub sandbox: Option<SandboxId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When work on it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What the engine knows of it: its phases, its result.
    pub body: Body,
}

/// The columns that [`step`] reads, and the rest of the statement.
macro_rules! select_step {
    ($rest:literal) => {
        concat!(
            "SELECT id, project, run, ordinal, attempt, iteration, lane, role, status, sandbox, created_at, \
             started_at, finished_at, body FROM step ",
            $rest
        )
    };
}

impl Tx {
    /// Adds a step. Adding the same one twice changes nothing.
    pub async fn insert_step(&mut self, step: &Step) -> Result<Inserted> {
        let statement = sql(
            "INSERT INTO step (id, project, run, ordinal, attempt, iteration, lane, role, status, \
             sandbox, created_at, started_at, finished_at, body) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 \
             WHERE EXISTS (SELECT 1 FROM run WHERE id = $3 AND project = $2) ON CONFLICT (id) DO NOTHING",
        )
        .bind(step.id)
        .bind(step.project)
        .bind(step.run)
        .bind(i64::from(step.ordinal))
        .bind(i64::from(step.attempt))
        .bind(i64::from(step.iteration))
        .bind(step.lane.as_str())
        .bind(step.role.as_str())
        .bind(step.status.as_str())
        .bind(step.sandbox)
        .bind(step.created_at)
        .bind(step.started_at)
        .bind(step.finished_at)
        .bind(&step.body);
        if self.execute("insert a step", statement).await? == 0 {
            return self.why_no_step(step).await;
        }
        let journal = sql("INSERT INTO step_journal (step, run, project, cursor) VALUES ($1, $2, $3, '')");
        self.execute(
            "insert the journal of a step",
            journal.bind(step.id).bind(step.run).bind(step.project),
        )
        .await?;
        Ok(Inserted::New)
    }

    /// What it means that a step was not inserted.
    async fn why_no_step(&mut self, step: &Step) -> Result<Inserted> {
        if self.read().step(step.project, step.id).await?.is_some() {
            return Ok(Inserted::Existing);
        }
        Err(match self.read().run(step.project, step.run).await? {
            Some(_) => Error::Taken { entity: "step" },
            None => Error::NotFound { entity: "run" },
        })
    }

    /// Saves what of a step changes: status, sandbox, times and body.
    pub async fn save_step(&mut self, step: &Step) -> Result<()> {
        let statement = sql(
            "UPDATE step SET status = $3, sandbox = $4, started_at = $5, finished_at = $6, body = $7 \
             WHERE project = $1 AND id = $2",
        )
        .bind(step.project)
        .bind(step.id)
        .bind(step.status.as_str())
        .bind(step.sandbox)
        .bind(step.started_at)
        .bind(step.finished_at)
        .bind(&step.body);
        match self.execute("save a step", statement).await? {
            0 => Err(Error::NotFound { entity: "step" }),
            _ => Ok(()),
        }
    }
}

impl Reader<'_> {
    /// One step.
    pub async fn step(&mut self, project: ProjectId, id: StepId) -> Result<Option<Step>> {
        let statement = sql(select_step!("WHERE project = $1 AND id = $2"))
            .bind(project)
            .bind(id);
        self.fetch_optional("read a step", statement)
            .await?
            .map(|row| step(&row))
            .transpose()
    }

    /// A page of the steps of a project that have a sandbox, newest first.
    pub async fn live_steps(
        &mut self,
        project: ProjectId,
        after: Option<PageCursor<StepId>>,
        limit: u32,
    ) -> Result<Page<Step, StepId>> {
        let (at, id) = after.map_or((Timestamp(i64::MAX), String::new()), |after| {
            (after.at, after.id.to_string())
        });
        let statement = sql(select_step!(
            "WHERE project = $1 AND (created_at, id) < ($2, $3) AND sandbox IS NOT NULL \
             ORDER BY created_at DESC, id DESC LIMIT $4"
        ))
        .bind(project)
        .bind(at)
        .bind(id)
        .bind(i64::from(limit) + 1);
        let rows = self.fetch_all("list the steps with a sandbox", statement).await?;
        let steps = rows.iter().map(step).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(steps, limit, |step| PageCursor {
            at: step.created_at,
            id: step.id,
        }))
    }

    /// The steps of a run, in order.
    pub async fn steps(&mut self, project: ProjectId, run: RunId) -> Result<Vec<Step>> {
        let statement = sql(select_step!(
            "WHERE project = $1 AND run = $2 ORDER BY ordinal, attempt"
        ));
        self.fetch_all("list the steps of a run", statement.bind(project).bind(run))
            .await?
            .iter()
            .map(step)
            .collect()
    }

    /// The steps of every project that say they have a sandbox: what the reaper compares with the sandboxes it finds.
    pub async fn steps_with_sandbox(&mut self) -> Result<Vec<Step>> {
        let statement = sql(select_step!("WHERE sandbox IS NOT NULL"));
        self.fetch_all("list the steps with a sandbox", statement)
            .await?
            .iter()
            .map(step)
            .collect()
    }
}

fn step(row: &Row) -> Result<Step> {
    Ok(Step {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        run: row.parsed(2)?,
        ordinal: row.small(3)?,
        attempt: row.small(4)?,
        iteration: row.small(5)?,
        lane: row.text(6)?,
        role: role(row, 7)?,
        status: row.parsed(8)?,
        sandbox: row.optional_parsed(9)?,
        created_at: row.time(10)?,
        started_at: row.optional_time(11)?,
        finished_at: row.optional_time(12)?,
        body: row.body(13)?,
    })
}

fn role(row: &Row, index: usize) -> Result<Role> {
    let text = row.text(index)?;
    let word: StrDeserializer<'_, WordError> = text.as_str().into_deserializer();
    Role::deserialize(word).map_err(|source| row.corrupt(index, source))
}
