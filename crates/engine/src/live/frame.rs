//! One thing to tell, shared by everybody who is told.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use codecourier_domain::event::Event;
use codecourier_domain::id::StepId;
use codecourier_store::changes::Change;
use codecourier_store::events::StoredEvent;

use crate::sandboxes::UsageSample;

/// One thing to tell, with the text it is told in once somebody has written it.
#[derive(Debug)]
pub struct Frame {
    content: Content,
    text: OnceLock<Arc<str>>,
    /// When this node learned of it.
    known_since: Instant,
}

/// What there is to tell.
#[derive(Debug, Clone)]
pub enum Content {
    /// A change of a scope.
    Change(Arc<Change>),
    /// A stored event of a run.
    Event(StoredEvent),
    /// An event of a run that is not stored: a piece of a text that is still being written.
    Piece {
        /// Its step.
        step: StepId,
        /// What happens.
        event: Arc<Event>,
    },
    /// How far the preparation of a run is.
    Preparing {
        /// What is being done.
        stage: String,
        /// More about it.
        detail: String,
    },
    /// The platform cannot go on with a run now, and tries again by itself.
    Waiting {
        /// What happened and what to do.
        reason: String,
    },
    /// What a sandbox uses.
    Usage(UsageSample),
}

impl Frame {
    pub(super) fn new(content: Content) -> Arc<Self> {
        Arc::new(Self {
            content,
            text: OnceLock::new(),
            known_since: Instant::now(),
        })
    }

    /// What there is to tell.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// Its number in its log; `None` for what is not stored, and may be lost.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        match &self.content {
            Content::Change(change) => Some(change.seq),
            Content::Event(event) => Some(event.seq),
            Content::Piece { .. } | Content::Preparing { .. } | Content::Waiting { .. } | Content::Usage(_) => None,
        }
    }

    /// For how long this node has known of it.
    pub(super) fn age(&self) -> Duration {
        self.known_since.elapsed()
    }

    /// The text it is told in. The first who asks writes it, for all.
    pub fn text(&self, write: impl FnOnce(&Content) -> String) -> &Arc<str> {
        self.text.get_or_init(|| write(&self.content).into())
    }

    /// About how much memory it takes, and a client's line.
    pub(super) fn weight(&self) -> usize {
        const FIELDS: usize = 200;
        FIELDS
            + match &self.content {
                Content::Change(change) => change.body.as_str().len(),
                Content::Event(event) => event.body.as_str().len(),
                Content::Piece { event, .. } => match &**event {
                    Event::Text { text, .. } | Event::Thinking { text, .. } => text.len(),
                    _ => FIELDS,
                },
                Content::Preparing { stage, detail } => stage.len() + detail.len(),
                Content::Waiting { reason } => reason.len(),
                Content::Usage(_) => 0,
            }
    }
}
