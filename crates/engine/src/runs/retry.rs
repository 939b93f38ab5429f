//! Taking a failed run up again where it failed: its preparation, the step, or the delivery. What was done before stays.

use codecourier_domain::id::RunId;
use codecourier_domain::run::{Progress, RunEvent, RunStatus};

use super::Runs;
use super::advance::{Move, RunRecord, advance};
use super::live::Notice;
use super::view::RunView;
use crate::access::ProjectGrant;
use crate::error::{Error, ErrorCode};

/// What asking for it came to.
enum Asked {
    Missing,
    NotFailed(RunStatus),
    Judged,
    Accepted,
}

impl Runs {
    /// Takes a failed run up again where it failed. One that failed because its work was judged (by a checker or a
    /// check) is no accident: that is repeated with changes.
    pub async fn retry(&self, grant: &ProjectGrant, run: RunId) -> Result<RunView, Error> {
        let now = self.engine.clock.now();
        let (project, by) = (grant.project, grant.actor.to_string());
        let asked = self
            .engine
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let Some(row) = tx.read().run(project, run).await? else {
                        return Ok(Asked::Missing);
                    };
                    let record: RunRecord = row.state.read()?;
                    if !matches!(record.machine.progress, Progress::Failed { .. }) {
                        return Ok(Asked::NotFailed(row.summary.status));
                    }
                    if record.machine.retry_from.is_none() {
                        return Ok(Asked::Judged);
                    }
                    let moved = Move {
                        event: RunEvent::RetryRequested,
                        pinned: None,
                        budget: None,
                        actor: &by,
                        now,
                    };
                    advance(tx, project, run, moved).await?;
                    Ok(Asked::Accepted)
                })
            })
            .await?;
        match asked {
            Asked::Accepted => {
                self.engine.live.tell(run, Notice::Changed);
                self.get(project, run).await
            }
            Asked::Missing => Err(Error::not_found(format!("There is no run {run}."))),
            Asked::NotFailed(status) => Err(Error::new(
                ErrorCode::Conflict,
                format!("Only a failed run can be retried, and this one is {status}."),
            )),
            Asked::Judged => Err(Error::new(
                ErrorCode::Conflict,
                "The run failed because its work did not pass. Run it again with changes.",
            )),
        }
    }
}
