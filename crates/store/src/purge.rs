//! Purging a deleted project: its rows go, in bounded commands, and last the project itself.
//!
//! Called by the engine's reconciler, which also removes what is outside of the database. Invariants: only a project
//! whose time is over is purged, and once that has begun it cannot be restored; a row goes after all that refer to it,
//! so a purge that was cut off goes on wherever it is; the audit log stays, until its own retention takes it.

use codecourier_domain::id::{ProjectId, RunId, SandboxId};
use codecourier_domain::time::Timestamp;

use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sql::sql;
use crate::writer::Tx;

/// What a run has, in this order; `$1` is the run and `$2` the most rows.
const OF_A_RUN: &[&str] = &[
    "DELETE FROM event WHERE run = $1 AND seq IN (SELECT seq FROM event WHERE run = $1 ORDER BY seq LIMIT $2)",
    "DELETE FROM usage_record WHERE request IN (SELECT request FROM usage_record WHERE run = $1 LIMIT $2)",
    "DELETE FROM reservation WHERE request IN (SELECT request FROM reservation WHERE run = $1 LIMIT $2)",
    "DELETE FROM step_token WHERE token_sha256 IN (SELECT token_sha256 FROM step_token WHERE run = $1 LIMIT $2)",
    "DELETE FROM task WHERE id IN (SELECT id FROM task WHERE run = $1 LIMIT $2)",
    "DELETE FROM step_journal WHERE step IN \
     (SELECT j.step FROM step s JOIN step_journal j ON j.step = s.id WHERE s.run = $1 LIMIT $2)",
    "DELETE FROM step_input WHERE id IN (SELECT id FROM step_input WHERE run = $1 LIMIT $2)",
    "DELETE FROM step WHERE id IN (SELECT id FROM step WHERE run = $1 LIMIT $2)",
    "DELETE FROM event_head WHERE run IN (SELECT run FROM event_head WHERE run = $1 LIMIT $2)",
    "DELETE FROM run_total WHERE run IN (SELECT run FROM run_total WHERE run = $1 LIMIT $2)",
    "DELETE FROM run_body WHERE run IN (SELECT run FROM run_body WHERE run = $1 LIMIT $2)",
    "DELETE FROM run WHERE id IN (SELECT id FROM run WHERE id = $1 LIMIT $2)",
];

/// What a project has beside runs and people; `$1` is the project and `$2` the most rows.
const OF_A_PROJECT: &[&str] = &[
    "DELETE FROM task WHERE id IN (SELECT id FROM task WHERE project = $1 LIMIT $2)",
    "DELETE FROM blob_use WHERE (blob, project, holder) IN \
     (SELECT blob, project, holder FROM blob_use WHERE project = $1 LIMIT $2)",
    "DELETE FROM change WHERE scope = $1 AND seq IN (SELECT seq FROM change WHERE scope = $1 ORDER BY seq LIMIT $2)",
    "DELETE FROM scope WHERE scope IN (SELECT scope FROM scope WHERE scope = $1 LIMIT $2)",
    "DELETE FROM idempotency WHERE (principal, key) IN (SELECT i.principal, i.key FROM api_key k \
     JOIN idempotency i ON i.principal = k.id WHERE k.project = $1 LIMIT $2)",
    "DELETE FROM api_key WHERE id IN (SELECT id FROM api_key WHERE project = $1 LIMIT $2)",
    "DELETE FROM provider_key WHERE project = $1 AND provider IN \
     (SELECT provider FROM provider_key WHERE project = $1 LIMIT $2)",
    "DELETE FROM variable WHERE project = $1 AND id IN (SELECT id FROM variable WHERE project = $1 LIMIT $2)",
    "DELETE FROM workflow WHERE project = $1 AND name IN (SELECT name FROM workflow WHERE project = $1 LIMIT $2)",
    "DELETE FROM project_settings WHERE project IN \
     (SELECT project FROM project_settings WHERE project = $1 LIMIT $2)",
    "DELETE FROM invitation WHERE id IN (SELECT id FROM invitation WHERE project = $1 LIMIT $2)",
    "DELETE FROM former_slug WHERE slug IN (SELECT slug FROM former_slug WHERE project = $1 LIMIT $2)",
    "DELETE FROM last_project WHERE user_id IN (SELECT user_id FROM last_project WHERE project = $1 LIMIT $2)",
];

impl Tx {
    /// Begins the purge of a project whose time is over, or goes on with one. Fails with [`Error::NotFound`] for any
    /// other project. From here on it cannot be restored.
    pub async fn begin_purge(&mut self, project: ProjectId, now: Timestamp) -> Result<()> {
        let statement = sql("UPDATE project SET purge_began_at = coalesce(purge_began_at, $2) \
             WHERE id = $1 AND purge_at IS NOT NULL AND (purge_at <= $2 OR purge_began_at IS NOT NULL)");
        match self.execute("begin a purge", statement.bind(project).bind(now)).await? {
            0 => Err(Error::NotFound { entity: "project" }),
            _ => Ok(()),
        }
    }

    /// Removes at most `limit` rows of a project whose purge has begun, and says how many. None are left when it
    /// removed fewer, but for the people in it and the project itself.
    pub async fn purge_rows(&mut self, project: ProjectId, limit: u32) -> Result<u64> {
        self.purge_has_begun(project).await?;
        let mut left = u64::from(limit);
        while left > 0 {
            let Some(run) = self.any_run(project).await? else { break };
            for text in OF_A_RUN {
                let statement = sql(text).bind(run).bind(crate::sql::count(left));
                left -= self.execute("purge a run", statement).await?.min(left);
                if left == 0 {
                    return Ok(u64::from(limit));
                }
            }
        }
        for text in OF_A_PROJECT {
            let statement = sql(text).bind(project).bind(crate::sql::count(left));
            left -= self.execute("purge a project", statement).await?.min(left);
            if left == 0 {
                break;
            }
        }
        Ok(u64::from(limit) - left)
    }

    /// Removes a project of which no rows are left, and the memberships in it: together, since a project with members
    /// has an owner.
    pub async fn finish_purge(&mut self, project: ProjectId) -> Result<()> {
        self.purge_has_begun(project).await?;
        let members = sql("DELETE FROM membership WHERE project = $1").bind(project);
        self.execute("purge the memberships", members).await?;
        let statement = sql("DELETE FROM project WHERE id = $1").bind(project);
        self.execute("end a purge", statement).await.map(drop)
    }

    async fn purge_has_begun(&mut self, project: ProjectId) -> Result<()> {
        let statement = sql("SELECT id FROM project WHERE id = $1 AND purge_began_at IS NOT NULL");
        let row = self.fetch_optional("look at a purge", statement.bind(project)).await?;
        row.map(drop).ok_or(Error::NotFound { entity: "project" })
    }

    async fn any_run(&mut self, project: ProjectId) -> Result<Option<RunId>> {
        let statement = sql("SELECT id FROM run WHERE project = $1 ORDER BY created_at, id LIMIT 1");
        let row = self
            .fetch_optional("find a run to purge", statement.bind(project))
            .await?;
        row.map(|row| row.parsed(0)).transpose()
    }
}

impl Reader<'_> {
    /// When the next deleted project is to be purged.
    pub async fn next_purge(&mut self) -> Result<Option<Timestamp>> {
        let statement = sql("SELECT purge_at FROM project WHERE purge_at IS NOT NULL ORDER BY purge_at LIMIT 1");
        let row = self.fetch_optional("look for the next purge", statement).await?;
        row.map(|row| row.time(0)).transpose()
    }

    /// The sandboxes of a project that may still be there.
    pub async fn sandboxes_of(&mut self, project: ProjectId) -> Result<Vec<SandboxId>> {
        let statement = sql("SELECT sandbox FROM step WHERE project = $1 AND sandbox IS NOT NULL");
        let rows = self
            .fetch_all("list the sandboxes of a project", statement.bind(project))
            .await?;
        rows.iter().map(|row| row.parsed(0)).collect()
    }

    /// The runs of a project that have not ended.
    pub async fn unfinished_runs_of(&mut self, project: ProjectId) -> Result<Vec<RunId>> {
        // Not by the project's index, which has the ended ones too: the runs under way are few, over all projects.
        let statement =
            sql("SELECT id FROM run WHERE finished_at IS NULL AND project || '' = $1 ORDER BY created_at, id");
        let rows = self
            .fetch_all("list the unfinished runs of a project", statement.bind(project))
            .await?;
        rows.iter().map(|row| row.parsed(0)).collect()
    }
}
