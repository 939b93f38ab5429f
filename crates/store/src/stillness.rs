//! Whether the sandbox of a step stands still, for whom, and for how long it has.
//!
//! Called by the engine. Invariant: nothing else of a step is touched here, and saving a step does not touch this, so that
//! a person who pauses and the worker that executes do not undo each other.

use codecourier_domain::id::{ProjectId, StepId};
use codecourier_domain::stillness::Stillness;

use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::sql;
use crate::writer::Tx;

impl Tx {
    /// Writes down whether the sandbox of a step stands still, and wakes whoever executes it.
    pub async fn save_stillness(&mut self, project: ProjectId, step: StepId, stillness: &Stillness) -> Result<()> {
        let statement =
            sql("UPDATE step SET still_since = $3, paused_by = $4, still_ms = $5 WHERE project = $1 AND id = $2")
                .bind(project)
                .bind(step)
                .bind(stillness.since)
                .bind(stillness.paused_by.as_deref())
                .bind(stillness.before);
        match self.execute("save the stillness of a step", statement).await? {
            0 => Err(Error::NotFound { entity: "step" }),
            _ => {
                self.wake_steps();
                Ok(())
            }
        }
    }
}

impl Reader<'_> {
    /// Whether the sandbox of a step stands still; that of a step that is not there does not.
    pub async fn stillness(&mut self, project: ProjectId, step: StepId) -> Result<Stillness> {
        let statement = sql("SELECT still_since, paused_by, still_ms FROM step WHERE project = $1 AND id = $2")
            .bind(project)
            .bind(step);
        let row = self.fetch_optional("read the stillness of a step", statement).await?;
        row.map_or_else(
            || Ok(Stillness::default()),
            |row| {
                Ok(Stillness {
                    since: row.optional_time(0)?,
                    paused_by: row.optional_text(1)?,
                    before: row.integer(2)?,
                })
            },
        )
    }
}
