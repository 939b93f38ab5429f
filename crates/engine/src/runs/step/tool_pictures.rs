//! The pictures that tools gave to the agent: kept for whoever reads the transcript, before the events that name them.
//!
//! Invariants: a picture is kept under the name of its content, so that what is read again after a crash is kept once; it
//! is held before an event that names it is stored; one that shows the value of a secret variable as it is written is
//! not kept, and its event says so.

use std::collections::BTreeSet;

use bytes::Bytes;
use codecourier_agents::ParsedLine;
use codecourier_domain::event::{Event, ToolImage};

use super::{StepContext, StepError};
use crate::runs::images::keep;
use crate::runs::recorder::store_failure;

/// What stands where a picture was.
const WITHHELD: &str = "[image: not kept, it holds the value of a secret variable]";

/// The pictures of one agent's process.
#[derive(Default)]
pub(super) struct ToolPictures {
    /// The names of those that were not kept. They are found again when the lines are read again.
    withheld: BTreeSet<String>,
}

impl ToolPictures {
    /// Keeps the pictures of lines.
    pub(super) async fn keep(&mut self, context: &StepContext, lines: &mut [ParsedLine]) -> Result<(), StepError> {
        for picture in lines.iter_mut().flat_map(|line| line.pictures.drain(..)) {
            if context.environment.redactor.is_in(&picture.bytes) {
                self.withheld.insert(picture.image.image);
                continue;
            }
            let kept = keep(&context.engine, context.project, Bytes::from(picture.bytes)).await;
            kept.map_err(|error| store_failure("Keeping a picture of a tool", &error))?;
        }
        Ok(())
    }

    /// An event without the pictures that were not kept.
    pub(super) fn told(&self, mut event: Event) -> Event {
        if let Event::ToolResult { images, output, .. } = &mut event
            && !self.withheld.is_empty()
        {
            let is_kept = |image: &ToolImage| !self.withheld.contains(&image.image);
            let all = images.len();
            images.retain(is_kept);
            for _ in images.len()..all {
                if !output.is_empty() {
                    output.push('\n');
                }
                output.push_str(WITHHELD);
            }
        }
        event
    }
}
