//! Following a run: its stored events by number, with what is not stored in between.

use std::sync::Arc;

use tokio::sync::broadcast;

use codecourier_domain::event::Event;
use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_domain::time::Timestamp;
use codecourier_store::events::EventFeed;

use super::Runs;
use super::live::Notice;
use crate::error::Error;

/// One thing that a follower sees.
#[derive(Debug, Clone)]
pub enum Seen {
    /// A stored event. Each comes once, in order, with no gap.
    Stored {
        /// Its number in the run, from 1.
        seq: u64,
        /// Its step, if it belongs to one.
        step: Option<StepId>,
        /// When it happened.
        at: Timestamp,
        /// What happened.
        event: Box<Event>,
    },
    /// An event that is not stored.
    Transient {
        /// Its step.
        step: StepId,
        /// What happens.
        event: Arc<Event>,
    },
    /// How far the preparation is.
    Preparing {
        /// What is being done.
        stage: String,
        /// More about it.
        detail: String,
    },
    /// The platform cannot go on now, and tries again by itself.
    Waiting {
        /// What happened and what to do.
        reason: String,
    },
    /// The run, or a step of it, changed.
    Changed,
}

/// A follower of one run.
pub struct RunFeed {
    stored: EventFeed,
    notices: broadcast::Receiver<Notice>,
}

impl Runs {
    /// Follows a run from an event's number on.
    #[must_use]
    pub fn follow(&self, project: ProjectId, run: RunId, after: u64) -> RunFeed {
        let notices = self.engine.live.listen(run);
        RunFeed {
            stored: self.engine.store.follow_events(project, run, after),
            notices,
        }
    }
}

impl RunFeed {
    /// Waits for the next thing. May be dropped at any time and called again.
    pub async fn next(&mut self) -> Result<Seen, Error> {
        loop {
            tokio::select! {
                biased;
                stored = self.stored.next() => {
                    let stored = stored?;
                    let event = Box::new(stored.body.read()?);
                    return Ok(Seen::Stored { seq: stored.seq, step: stored.step, at: stored.at, event });
                }
                notice = self.notices.recv() => match notice {
                    Ok(Notice::EventsStored) => {}
                    Ok(Notice::Changed) => return Ok(Seen::Changed),
                    Ok(Notice::Transient { step, event }) => return Ok(Seen::Transient { step, event }),
                    Ok(Notice::Preparing { stage, detail }) => return Ok(Seen::Preparing { stage, detail }),
                    Ok(Notice::Waiting { reason }) => return Ok(Seen::Waiting { reason }),
                    // Pieces were lost, nothing that is stored; something may have changed.
                    Err(broadcast::error::RecvError::Lagged(_)) => return Ok(Seen::Changed),
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                },
            }
        }
    }
}
