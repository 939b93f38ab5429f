//! What people tell the agents of steps: written here first, then given to the agent, once each.
//!
//! Called by the engine. Invariants: what was given to the agent, or dropped, is never waiting again; inputs of a step
//! are read in the order in which they were committed, since their identifiers sort by the time they were made.

use codecourier_domain::id::{InputId, ProjectId, RunId, StepId};
use codecourier_domain::time::Timestamp;

use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::words::words;
use crate::writer::Tx;

words! {
    /// What a person wants of an agent.
    pub InputKind {
        /// It shall hear a message.
        Message = "message",
        /// It shall end its turn now.
        Interrupt = "interrupt",
        /// It shall go on with another model.
        Model = "model",
        /// The conversation is over.
        Finish = "finish",
    }
}

words! {
    /// What became of it.
    pub InputStatus {
        /// Nothing yet.
        Waiting = "waiting",
        /// It was given to the agent.
        Delivered = "delivered",
        /// There was nothing left that it could be given to.
        Dropped = "dropped",
    }
}

/// Something that a person told a step's agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepInput {
    /// Its identifier.
    pub id: InputId,
    /// Its project.
    pub project: ProjectId,
    /// Its run.
    pub run: RunId,
    /// Its step.
    pub step: StepId,
    /// What is wanted.
    pub kind: InputKind,
    /// The text of a message, the name of a model.
    pub body: String,
    /// What became of it.
    pub status: InputStatus,
    /// Who said it.
    pub actor: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was given to the agent, or dropped.
    pub settled_at: Option<Timestamp>,
}

/// The columns that [`input`] reads, and the rest of the statement.
macro_rules! select_input {
    ($rest:literal) => {
        concat!(
            "SELECT id, project, run, step, kind, body, status, actor, created_at, settled_at FROM step_input ",
            $rest
        )
    };
}

impl Tx {
    /// Adds an input, and wakes whoever executes steps.
    pub async fn insert_step_input(&mut self, input: &StepInput) -> Result<()> {
        let statement = sql(
            "INSERT INTO step_input (id, project, run, step, kind, body, status, actor, created_at, settled_at) \
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 \
             WHERE EXISTS (SELECT 1 FROM step WHERE id = $4 AND run = $3 AND project = $2)",
        )
        .bind(input.id)
        .bind(input.project)
        .bind(input.run)
        .bind(input.step)
        .bind(input.kind.as_str())
        .bind(input.body.as_str())
        .bind(input.status.as_str())
        .bind(input.actor.as_str())
        .bind(input.created_at)
        .bind(input.settled_at);
        if self.execute("insert an input of a step", statement).await? == 0 {
            return Err(Error::NotFound { entity: "step" });
        }
        self.effects.inputs_moved = true;
        Ok(())
    }

    /// Writes down what became of an input that waits. One that no longer waits is left as it is.
    pub async fn settle_step_input(
        &mut self,
        project: ProjectId,
        id: InputId,
        status: InputStatus,
        at: Timestamp,
    ) -> Result<()> {
        let statement = sql("UPDATE step_input SET status = $3, settled_at = $4 \
             WHERE project = $1 AND id = $2 AND status = 'waiting'")
        .bind(project)
        .bind(id)
        .bind(status.as_str())
        .bind(at);
        self.execute("settle an input of a step", statement).await.map(drop)
    }

    /// Drops what still waits for a step, which has ended.
    pub async fn drop_step_inputs(&mut self, project: ProjectId, step: StepId, at: Timestamp) -> Result<u64> {
        let statement = sql("UPDATE step_input SET status = 'dropped', settled_at = $3 \
             WHERE project = $1 AND step = $2 AND status = 'waiting'")
        .bind(project)
        .bind(step)
        .bind(at);
        self.execute("drop the inputs of a step", statement).await
    }

    /// Wakes whoever executes steps, as an input does: something else that they wait for has changed.
    pub fn wake_steps(&mut self) {
        self.effects.inputs_moved = true;
    }
}

impl Reader<'_> {
    /// What waits to be given to a step's agent, in order; at most `limit`.
    pub async fn waiting_step_inputs(
        &mut self,
        project: ProjectId,
        step: StepId,
        limit: u32,
    ) -> Result<Vec<StepInput>> {
        let statement = sql(select_input!(
            "WHERE project = $1 AND step = $2 AND status = 'waiting' ORDER BY id LIMIT $3"
        ))
        .bind(project)
        .bind(step)
        .bind(i64::from(limit));
        let rows = self.fetch_all("list what waits for a step", statement).await?;
        rows.iter().map(input).collect()
    }

    /// One input.
    pub async fn step_input(&mut self, project: ProjectId, id: InputId) -> Result<Option<StepInput>> {
        let statement = sql(select_input!("WHERE project = $1 AND id = $2"))
            .bind(project)
            .bind(id);
        let row = self.fetch_optional("read an input of a step", statement).await?;
        row.map(|row| input(&row)).transpose()
    }
}

fn input(row: &Row) -> Result<StepInput> {
    Ok(StepInput {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        run: row.parsed(2)?,
        step: row.parsed(3)?,
        kind: row.parsed(4)?,
        body: row.text(5)?,
        status: row.parsed(6)?,
        actor: row.text(7)?,
        created_at: row.time(8)?,
        settled_at: row.optional_time(9)?,
    })
}
