//! What is there at the moment somebody begins to follow: read in one snapshot together with the head of the log, so
//! that what comes after it is exactly what is not in it.

use codecourier_domain::id::RunId;
use codecourier_domain::permission::{Permission, Resource};
use codecourier_store::Reader;
use codecourier_store::changes::Scope;
use codecourier_store::page::Page;
use codecourier_store::runs::{RunList, RunSummary};

use super::Hub;
use super::query::Admission;
use crate::access::Principal;
use crate::error::Error;

/// How many runs a snapshot of a project holds: a page of the list.
const RUNS: u32 = 25;

/// What is there, and the number after which changes follow.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The number of the last thing that is in it.
    pub seq: u64,
    /// What is there.
    pub content: SnapshotContent,
}

/// What is there.
#[derive(Debug, Clone)]
pub enum SnapshotContent {
    /// Of a project: its newest runs, if the caller may see runs.
    Project(Option<Page<RunSummary, RunId>>),
    /// Of a run: its row.
    Run(Box<RunSummary>),
    /// Of what has nothing to show at first.
    Nothing,
}

impl Hub {
    pub(super) async fn snapshot(&self, admission: &Admission, principal: &Principal) -> Result<Snapshot, Error> {
        let mut reader = self.store.snapshot().await?;
        let (seq, content) = match admission {
            Admission::Project(grant) => {
                let seq = reader.change_head(Scope::Project(grant.project)).await?;
                let list = RunList {
                    status: None,
                    after: None,
                    limit: RUNS,
                };
                let runs = match principal.permits(Permission::read(Resource::Runs)) {
                    true => Some(reader.runs(grant.project, list).await?),
                    false => None,
                };
                (seq, SnapshotContent::Project(runs))
            }
            Admission::Run(grant, run) => {
                let seq = reader.event_head(grant.project, *run).await?;
                let row = reader.run(grant.project, *run).await?;
                let row = row.ok_or_else(|| Error::not_found(format!("There is no run {run}.")))?;
                (seq, SnapshotContent::Run(Box::new(row.summary)))
            }
            // The newest sample follows, if there is one.
            Admission::Sandbox(..) => (0, SnapshotContent::Nothing),
            Admission::Whole(scope) => (head(&mut reader, *scope).await?, SnapshotContent::Nothing),
        };
        Ok(Snapshot { seq, content })
    }
}

async fn head(reader: &mut Reader<'_>, scope: Scope) -> Result<u64, Error> {
    Ok(reader.change_head(scope).await?)
}
