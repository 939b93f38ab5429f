//! Lists of a project's runs, and windows of their events, as clients page through them.

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::run::RunStatus;
use codecourier_store::events::EventWindow;
use codecourier_store::page::{Page, PageCursor};

pub use codecourier_forge::Diff;
pub use codecourier_store::runs::{COUNTED_RUNS, RunOrder, RunSearch, RunSummary};
pub use codecourier_store::steps::StepStatus;

use super::Runs;
use crate::access::ProjectGrant;
use crate::error::Error;
use crate::records::RecordedEvent;

/// Which events of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsWanted {
    /// Those after a number, oldest first.
    After(u64),
    /// Those before a number, newest first.
    Before(u64),
    /// The newest, newest first.
    Newest,
}

/// A window of a run's events.
#[derive(Debug, Clone)]
pub struct EventsFound {
    /// In the order of the wish.
    pub events: Vec<RecordedEvent>,
    /// Whether there are more in that direction.
    pub more: MoreEvents,
}

/// Whether a window ends where the events do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MoreEvents {
    /// There are more.
    Yes,
    /// There are none now.
    No,
}

impl Runs {
    /// A page of a project's runs.
    pub async fn search(&self, grant: &ProjectGrant, search: &RunSearch) -> Result<RunPage, Error> {
        let page = self
            .engine
            .store
            .read()
            .await?
            .search_runs(grant.project, search)
            .await?;
        Ok(page)
    }

    /// How many runs of each status a project has, in the order of a run's life. Counted to [`COUNTED_RUNS`].
    pub async fn counts(&self, grant: &ProjectGrant) -> Result<Vec<(RunStatus, u64)>, Error> {
        let mut reader = self.engine.store.snapshot().await?;
        let mut counts = Vec::new();
        for status in [
            RunStatus::Pending,
            RunStatus::Running,
            RunStatus::Paused,
            RunStatus::Completed,
            RunStatus::Failed,
            RunStatus::Cancelled,
        ] {
            counts.push((status, reader.count_runs(grant.project, status).await?));
        }
        Ok(counts)
    }

    /// Events of a run, at most `limit`. A run of another project is not there.
    pub async fn events(
        &self,
        grant: &ProjectGrant,
        run: RunId,
        wanted: EventsWanted,
        limit: u32,
    ) -> Result<EventsFound, Error> {
        let window = match wanted {
            EventsWanted::After(seq) => EventWindow::After(seq),
            EventsWanted::Before(seq) => EventWindow::Before(seq),
            EventsWanted::Newest => EventWindow::Last,
        };
        self.exists(grant.project, run).await?;
        let mut reader = self.engine.store.read().await?;
        let mut stored = reader.events(grant.project, run, window, limit + 1).await?;
        drop(reader);
        let more = if stored.len() > limit as usize {
            MoreEvents::Yes
        } else {
            MoreEvents::No
        };
        stored.truncate(limit as usize);
        let read = |event: codecourier_store::events::StoredEvent| -> Result<RecordedEvent, Error> {
            Ok(RecordedEvent {
                seq: event.seq,
                step: event.step,
                at: event.at,
                event: event.body.read()?,
            })
        };
        Ok(EventsFound {
            events: stored.into_iter().map(read).collect::<Result<_, _>>()?,
            more,
        })
    }

    /// An error unless the project has the run.
    pub(crate) async fn exists(&self, project: ProjectId, run: RunId) -> Result<(), Error> {
        let found = self.engine.store.read().await?.run(project, run).await?;
        found
            .map(drop)
            .ok_or_else(|| Error::not_found(format!("There is no run {run}.")))
    }
}

/// A page of runs.
pub type RunPage = Page<RunSummary, RunId>;

/// Where a list of runs goes on.
pub type RunCursor = PageCursor<RunId>;
