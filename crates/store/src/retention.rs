//! What ends the growth of each table, and the sweeping of work and access that ended long ago.
//!
//! Called by the engine's reconcilers. Invariants: every table of the schema has a rule in [`RULES`], which a test
//! compares with the schema; no command removes more than it is told to, by an index on the time.

use codecourier_domain::time::Timestamp;

use crate::error::Result;
use crate::sql::sql;
use crate::writer::Tx;

/// What ends a table's growth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Its rows are removed some time after they have ended, by this function.
    Swept(&'static str),
    /// Its rows go with their project, which is purged some time after its deletion, or with a run of it.
    WithProject,
    /// Its rows go with that which they belong to.
    With(&'static str),
    /// It does not grow by itself: for the reason given.
    Bounded(&'static str),
}

/// The rule of every table.
pub const RULES: &[(&str, Rule)] = &[
    ("schema_migration", Rule::Bounded("one row for each migration")),
    ("setting", Rule::Bounded("one row for each setting of the server")),
    ("boot", Rule::Swept("Tx::sweep_ended_work")),
    // People.
    (
        "account",
        Rule::Bounded("one row for each person; the row of a deleted one has nothing personal"),
    ),
    ("session", Rule::Swept("Tx::sweep_accounts")),
    ("session_token", Rule::Swept("Tx::sweep_accounts")),
    ("one_time_token", Rule::Swept("Tx::sweep_accounts")),
    ("throttle", Rule::Swept("Tx::trim_throttles")),
    ("outside_identity", Rule::With("account")),
    ("pending_sign_in", Rule::Swept("Tx::sweep_accounts")),
    ("departed_identity", Rule::Swept("Tx::sweep_accounts")),
    ("heeded_webhook", Rule::Swept("Tx::sweep_accounts")),
    ("mail", Rule::Swept("Tx::sweep_mails")),
    ("last_project", Rule::Bounded("one row for each person")),
    // Projects and their settings.
    ("project", Rule::Swept("Tx::finish_purge")),
    ("former_slug", Rule::WithProject),
    ("membership", Rule::WithProject),
    ("invitation", Rule::Swept("Tx::sweep_ended_access")),
    ("project_settings", Rule::WithProject),
    ("variable", Rule::WithProject),
    ("provider_key", Rule::WithProject),
    ("api_key", Rule::Swept("Tx::sweep_ended_access")),
    ("workflow", Rule::WithProject),
    ("blob_use", Rule::WithProject),
    // Runs, which stay as long as their project.
    ("run", Rule::WithProject),
    ("run_body", Rule::WithProject),
    ("run_total", Rule::WithProject),
    ("step", Rule::WithProject),
    ("step_journal", Rule::WithProject),
    ("step_input", Rule::WithProject),
    ("event_head", Rule::WithProject),
    ("event", Rule::WithProject),
    ("usage_record", Rule::WithProject),
    ("task", Rule::Swept("Tx::sweep_ended_work")),
    ("step_token", Rule::Swept("Tx::sweep_ended_work")),
    ("reservation", Rule::Swept("Tx::sweep_ended_work")),
    // Logs.
    ("scope", Rule::Bounded("one row for each project and each person")),
    ("change", Rule::Swept("Tx::trim_changes")),
    ("audit_entry", Rule::Swept("Tx::trim_audit")),
    ("idempotency", Rule::Swept("Tx::sweep_requests")),
];

impl Tx {
    /// Removes tasks, reservations and step tokens that ended before a moment, and former starts of the server; at most
    /// `limit` of each.
    pub async fn sweep_ended_work(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        const SWEEPS: &[&str] = &[
            "DELETE FROM task WHERE id IN \
             (SELECT id FROM task WHERE finished_at IS NOT NULL AND finished_at < $1 ORDER BY finished_at LIMIT $2)",
            "DELETE FROM reservation WHERE request IN \
             (SELECT request FROM reservation WHERE ended_at IS NOT NULL AND ended_at < $1 ORDER BY ended_at LIMIT $2)",
            "DELETE FROM step_token WHERE token_sha256 IN \
             (SELECT token_sha256 FROM step_token WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            // Not the last one of a node: it may be the server's that runs.
            "DELETE FROM boot WHERE id IN (SELECT id FROM boot WHERE started_at < $1 AND EXISTS (SELECT 1 FROM boot later \
             WHERE later.node = boot.node AND later.started_at > boot.started_at) ORDER BY started_at LIMIT $2)",
        ];
        self.sweep_each(SWEEPS, before, limit).await
    }

    /// Removes keys that were revoked, replaced or expired, and invitations that ended before a moment; at most `limit`
    /// of each.
    pub async fn sweep_ended_access(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        const SWEEPS: &[&str] = &[
            "DELETE FROM api_key WHERE id IN \
             (SELECT id FROM api_key WHERE expires_at IS NOT NULL AND expires_at < $1 ORDER BY expires_at LIMIT $2)",
            "DELETE FROM api_key WHERE id IN \
             (SELECT id FROM api_key WHERE revoked_at IS NOT NULL AND revoked_at < $1 ORDER BY revoked_at LIMIT $2)",
            "DELETE FROM api_key WHERE id IN \
             (SELECT id FROM api_key WHERE retires_at IS NOT NULL AND retires_at < $1 ORDER BY retires_at LIMIT $2)",
            "DELETE FROM invitation WHERE id IN \
             (SELECT id FROM invitation WHERE ended_at IS NOT NULL AND ended_at < $1 ORDER BY ended_at LIMIT $2)",
        ];
        self.sweep_each(SWEEPS, before, limit).await
    }

    async fn sweep_each(&mut self, sweeps: &[&'static str], before: Timestamp, limit: u32) -> Result<u64> {
        let mut removed = 0;
        for text in sweeps {
            let statement = sql(text).bind(before).bind(i64::from(limit));
            removed += self.execute("sweep what has ended", statement).await?;
        }
        Ok(removed)
    }
}
