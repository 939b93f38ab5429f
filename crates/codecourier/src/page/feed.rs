//! What the page shows: every line so far, and the newest status.
//!
//! Invariant: lines are kept for the demo's life, so a browser that comes late, or comes back, misses none.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::watch;

use crate::terminal::Line;

/// The most lines that are kept: far more than a demo has.
const MOST_LINES: usize = 20_000;

/// Where lines are put. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    lines: Arc<Mutex<Vec<Arc<str>>>>,
    now: Arc<watch::Sender<Now>>,
}

#[derive(Debug, Clone, Default)]
struct Now {
    lines: usize,
    status: Arc<str>,
    has_ended: bool,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            lines: Arc::default(),
            now: Arc::new(watch::channel(Now::default()).0),
        }
    }
}

impl Feed {
    /// Shows a line.
    pub(crate) fn line(&self, line: &Line) {
        let text: Arc<str> = line.to_json().to_string().into();
        let mut lines = self.lines.lock();
        if lines.len() < MOST_LINES {
            lines.push(text);
        }
        let count = lines.len();
        drop(lines);
        self.now.send_modify(|now| now.lines = count);
    }

    /// Replaces the status.
    pub(crate) fn status(&self, line: &Line) {
        let text: Arc<str> = json!(line.plain()).to_string().into();
        self.now.send_if_modified(|now| {
            let is_new = now.status != text;
            now.status = text;
            is_new
        });
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        self.now.send_modify(|now| now.has_ended = true);
    }

    /// Follows the lines from a number on.
    pub(super) fn follow(&self, from: usize) -> Follower {
        Follower {
            lines: Arc::clone(&self.lines),
            now: self.now.subscribe(),
            next: from,
            status: "".into(),
        }
    }
}

/// One browser.
pub(super) struct Follower {
    lines: Arc<Mutex<Vec<Arc<str>>>>,
    now: watch::Receiver<Now>,
    next: usize,
    status: Arc<str>,
}

/// What a browser is told next.
pub(super) enum Next {
    /// A line and its number.
    Line { number: usize, text: Arc<str> },
    /// The newest status.
    Status(Arc<str>),
    /// The end.
    End,
}

impl Follower {
    pub(super) async fn next(&mut self) -> Next {
        loop {
            let now = self.now.borrow_and_update().clone();
            let line = self.lines.lock().get(self.next).cloned();
            if let Some(text) = line {
                let number = self.next;
                self.next += 1;
                return Next::Line { number, text };
            }
            if now.has_ended {
                return Next::End;
            }
            if now.status != self.status {
                self.status = Arc::clone(&now.status);
                return Next::Status(now.status);
            }
            if self.now.changed().await.is_err() {
                return Next::End;
            }
        }
    }
}
