//! The end of deleted projects: when their time is over, everything of them is removed.
//!
//! A reconciler: takes no input, runs when something was deleted and when the next time is over, is idempotent. What is
//! outside of the database goes first (sandboxes, the repository), then the rows in small commands, and last the
//! project itself, with an entry in the installation's audit log. Invariants: a kill anywhere leaves a project that the
//! next round goes on with, and that nobody can restore any more; no command is so long that others wait for it.
//! Blobs that the project held are left for the collection of blobs, since other projects may hold the same ones.

use std::sync::Arc;
use std::time::Duration;

use codecourier_store::projects::Project;
use tokio_util::sync::CancellationToken;

use super::Projects;
use super::record::members;
use crate::Inner;
use crate::deed::{Deed, Done};
use crate::error::{Error, chain};
use crate::runs::failures::forge_failure;

/// How long it waits at most before it looks again.
const PERIOD: Duration = Duration::from_secs(60 * 60);
/// No command removes more rows than that.
const ROWS_AT_ONCE: u32 = 500;
/// How many projects are looked up at once.
const PROJECTS_AT_ONCE: u32 = 20;

/// Purges what is due until told to stop.
pub(crate) async fn run(engine: Arc<Inner>, stop: CancellationToken) {
    let projects = Projects { engine };
    loop {
        let deleted = projects.engine.deleted.notified();
        if let Err(error) = projects.purge().await {
            tracing::warn!("deleted projects stay until the next round: {}", chain(&error));
        }
        let wait = projects.until_next_purge().await;
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = deleted => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

impl Projects {
    /// Purges the deleted projects whose time is over, and says how many they were.
    pub async fn purge(&self) -> Result<u64, Error> {
        let mut purged = 0;
        loop {
            let now = self.engine.clock.now();
            let due = self
                .engine
                .store
                .read()
                .await?
                .projects_to_purge(now, PROJECTS_AT_ONCE)
                .await?;
            let mut went = 0;
            for project in due {
                match self.purge_one(&project).await {
                    Ok(true) => went += 1,
                    Ok(false) => {}
                    // The others are not kept for it.
                    Err(error) => tracing::warn!(project = %project.id, "could not be purged: {}", chain(&error)),
                }
            }
            purged += went;
            if went == 0 {
                return Ok(purged);
            }
        }
    }

    /// Removes one project. `false` if something in it has not come to rest yet.
    async fn purge_one(&self, project: &Project) -> Result<bool, Error> {
        let (engine, id) = (&self.engine, project.id);
        let deed = Deed::of_platform(engine.clock.now());
        let mut reader = engine.store.read().await?;
        if let [run, ..] = reader.unfinished_runs_of(id).await?.as_slice() {
            tracing::warn!(project = %id, %run, "is purged when its runs have ended");
            return Ok(false);
        }
        let sandboxes = reader.sandboxes_of(id).await?;
        drop(reader);
        let begin = engine
            .store
            .write(move |tx| Box::pin(async move { tx.begin_purge(id, deed.at).await }));
        begin.await?;
        for sandbox in sandboxes {
            let destroyed = engine.backend.destroy(&sandbox).await;
            destroyed.map_err(|error| Error::internal("Removing a sandbox", error))?;
        }
        let removed = engine.mirrors.remove(id).await;
        removed.map_err(|error| Error::from(forge_failure(&error)))?;
        let mut rows = 0;
        loop {
            let purge = engine
                .store
                .write(move |tx| Box::pin(async move { tx.purge_rows(id, ROWS_AT_ONCE).await }));
            let removed = purge.await?;
            rows += removed;
            if removed < u64::from(ROWS_AT_ONCE) {
                break;
            }
        }
        let detail = serde_json::json!({
            "slug": project.slug,
            "name": project.name,
            "deletedAt": project.deletion.map(|deletion| deletion.deleted_at),
        });
        let finish = engine.store.write_with(move |tx| {
            Box::pin(async move {
                for user in members(tx, id).await? {
                    deed.gone_for(tx, user, ("project", id)).await?;
                }
                tx.finish_purge(id).await?;
                let done = Done {
                    action: "project.purge",
                    target: id,
                };
                deed.audit_installation(tx, done, &detail).await.map_err(Error::from)
            })
        });
        finish.await?;
        tracing::info!(project = %id, slug = project.slug, rows, "a deleted project was purged");
        Ok(true)
    }

    async fn until_next_purge(&self) -> Duration {
        let next = match self.engine.store.read().await {
            Ok(mut reader) => reader.next_purge().await.ok().flatten(),
            Err(_) => None,
        };
        let now = self.engine.clock.now();
        // What is due and stays is not tried again at once.
        let wait = next.map(|at| at.since(now)).filter(|wait| *wait > 0);
        wait.map_or(PERIOD, |wait| Duration::from_millis(wait.unsigned_abs()).min(PERIOD))
    }
}
