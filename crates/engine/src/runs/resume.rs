//! Letting a paused run go on.

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::money::MicroUsd;
use codecourier_domain::run::{PauseReason, RunEvent, RunStatus};

use super::Runs;
use super::advance::{Move, RunRecord, advance};
use super::live::Notice;
use super::spec::RunSpec;
use crate::error::{Error, ErrorCode};

/// What asking for it came to.
enum Asked {
    Missing,
    NotPaused(RunStatus),
    BudgetTooSmall(MicroUsd),
    GoesOnByItself(String),
    Accepted,
}

impl Runs {
    /// Lets a paused run go on: the step that it paused in is done again. A run that used up its budget needs a higher
    /// one, which holds for the rest of the run.
    pub async fn resume(
        &self,
        project: ProjectId,
        run: RunId,
        budget: Option<MicroUsd>,
        actor: &str,
    ) -> Result<(), Error> {
        let now = self.engine.clock.now();
        let by = actor.to_owned();
        let asked = self
            .engine
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let Some(row) = tx.read().run(project, run).await? else {
                        return Ok(Asked::Missing);
                    };
                    let record: RunRecord = row.state.read()?;
                    let Some(reason) = record.machine.pause() else {
                        return Ok(Asked::NotPaused(row.summary.status));
                    };
                    match reason {
                        PauseReason::Budget { .. } => {
                            let Some(body) = tx.read().run_body(project, run).await? else {
                                return Ok(Asked::Missing);
                            };
                            let present = record.budget.unwrap_or(body.read::<RunSpec>()?.budget);
                            if budget.is_none_or(|raised| raised <= present) {
                                return Ok(Asked::BudgetTooSmall(present));
                            }
                        }
                        PauseReason::RateLimit { limit } => return Ok(Asked::GoesOnByItself(limit.message.clone())),
                    }
                    let moved = Move {
                        event: RunEvent::ResumeRequested,
                        pinned: None,
                        budget,
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
                Ok(())
            }
            Asked::Missing => Err(Error::not_found(format!("There is no run {run}."))),
            Asked::NotPaused(status) => Err(Error::new(
                ErrorCode::Conflict,
                format!("Only a paused run can be resumed, and this one is {status}."),
            )),
            Asked::GoesOnByItself(message) => Err(Error::new(ErrorCode::Conflict, message)),
            Asked::BudgetTooSmall(present) => Err(Error::validation(format!(
                "The run paused at its budget of {present}. Give it a higher one to let it go on."
            ))),
        }
    }
}
