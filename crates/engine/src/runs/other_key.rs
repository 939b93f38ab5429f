//! Runs that wait for the limit of a key that is not their project's key any more: they go on with the other one.
//!
//! Called where a key is set, and where a run begins to wait. Invariants: both are decided in the transaction that does it,
//! so whichever comes first, no run waits for a key that was replaced; the runs go on one after the other, each at a
//! moment that follows from its name, as at the limit's own end.

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::provider::ModelProvider;
use codecourier_domain::run::{KeyLimit, PauseReason, RunEvent, RunStatus, resumes_at};
use codecourier_domain::time::Timestamp;
use codecourier_store::runs::RunList;
use codecourier_store::{Error as StoreError, Tx};

use super::advance::{Move, RunRecord, advance};

/// How many runs are read at once.
const PAGE: u32 = 100;

/// A key that was set in the place of another.
pub(crate) struct OtherKey<'a> {
    /// Of which provider.
    pub(crate) provider: ModelProvider,
    /// Its last four characters.
    pub(crate) last_four: &'a str,
    /// Who set it.
    pub(crate) actor: &'a str,
    /// When.
    pub(crate) at: Timestamp,
}

/// Lets every run of a project go on that waits for a key of this provider. Gives them.
pub(crate) async fn wake(tx: &mut Tx, project: ProjectId, key: OtherKey<'_>) -> Result<Vec<RunId>, StoreError> {
    let mut woken = Vec::new();
    let mut after = None;
    loop {
        let list = RunList {
            status: Some(RunStatus::Paused),
            after,
            limit: PAGE,
        };
        let page = tx.read().runs(project, list).await?;
        for run in page.items {
            if wake_one(tx, project, run.id, &key).await? {
                woken.push(run.id);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(woken);
        }
    }
}

async fn wake_one(tx: &mut Tx, project: ProjectId, run: RunId, key: &OtherKey<'_>) -> Result<bool, StoreError> {
    let row = tx.read().run(project, run).await?;
    let row = row.ok_or(StoreError::NotFound { entity: "run" })?;
    let record: RunRecord = row.state.read()?;
    match record.machine.pause() {
        Some(PauseReason::RateLimit { limit }) if limit.provider == key.provider => {}
        Some(PauseReason::RateLimit { .. } | PauseReason::Budget { .. }) | None => return Ok(false),
    }
    let resumes_at = resumes_at(run, key.at, key.at);
    let event = RunEvent::KeyReplaced {
        provider: key.provider,
        message: words(key.provider, key.last_four),
        at: key.at,
        resumes_at,
    };
    let moved = Move {
        event,
        pinned: None,
        budget: None,
        actor: key.actor,
        now: key.at,
    };
    advance(tx, project, run, moved).await?;
    tx.hasten_tasks(project, run, resumes_at).await?;
    Ok(true)
}

/// The limit as it is now: it is none for long if the project's key is another one by now than the one it is of.
pub(super) async fn present(
    tx: &mut Tx,
    (project, run): (ProjectId, RunId),
    limit: KeyLimit,
    now: Timestamp,
) -> Result<KeyLimit, StoreError> {
    let key = tx.read().provider_key(project, limit.provider.key()).await?;
    match (&limit.last_four, key) {
        (Some(limited), Some(key)) if *limited != key.last_four => {
            let message = words(limit.provider, &key.last_four);
            Ok(limit.of_another_key(message, now, resumes_at(run, now, now)))
        }
        // A key of the server's own cannot be replaced while it runs.
        (Some(_), Some(_) | None) | (None, _) => Ok(limit),
    }
}

fn words(provider: ModelProvider, last_four: &str) -> String {
    let name = provider.display_name();
    format!(
        "The project has another {name} key now, which ends in `{last_four}`. The run goes on with it by itself, in a moment."
    )
}
