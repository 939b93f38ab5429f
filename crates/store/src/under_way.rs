//! How much is under way over all projects, for whoever watches the server. Numbers only: nothing here says whose.
//!
//! Called by the binary for `/metrics`. Invariant: what has ended is not looked at, so that it costs the same in the
//! tenth year as on the first day.

use codecourier_domain::run::RunStatus;

use crate::error::Result;
use crate::read::Reader;
use crate::sql::sql;

/// What is under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnderWay {
    /// Runs that have not ended, by status; every such status is there.
    pub runs: Vec<(&'static str, u64)>,
    /// Tasks that have not ended, by status; every such status is there.
    pub tasks: Vec<(&'static str, u64)>,
    /// Sandboxes that belong to a step.
    pub sandboxes: u64,
}

impl Reader<'_> {
    /// Counts it.
    pub async fn under_way(&mut self) -> Result<UnderWay> {
        let statement = sql("SELECT status, COUNT(*) FROM run WHERE finished_at IS NULL GROUP BY status");
        let counted = self.fetch_all("count the runs under way", statement).await?;
        let mut runs: Vec<(&'static str, u64)> = [RunStatus::Pending, RunStatus::Running, RunStatus::Paused]
            .map(|status| (status.as_str(), 0))
            .to_vec();
        for row in counted {
            let status: RunStatus = row.parsed(0)?;
            let count = row.count(1)?;
            match runs.iter_mut().find(|(known, _)| *known == status.as_str()) {
                Some(entry) => entry.1 = count,
                None => runs.push((status.as_str(), count)),
            }
        }
        let ready = sql("SELECT COUNT(*) FROM task WHERE status = 'ready'");
        let scheduled = sql("SELECT COUNT(*) FROM task WHERE status = 'scheduled'");
        let running = sql("SELECT COUNT(*) FROM task WHERE status = 'running'");
        let mut tasks = Vec::new();
        for (status, statement) in [("ready", ready), ("scheduled", scheduled), ("running", running)] {
            let row = self.fetch_optional("count the tasks under way", statement).await?;
            tasks.push((status, row.map_or(Ok(0), |row| row.count(0))?));
        }
        let statement = sql("SELECT COUNT(*) FROM step WHERE sandbox IS NOT NULL");
        let row = self.fetch_optional("count the sandboxes", statement).await?;
        Ok(UnderWay {
            runs,
            tasks,
            sandboxes: row.map_or(Ok(0), |row| row.count(0))?,
        })
    }
}
