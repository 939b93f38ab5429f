//! The report of where a replayed conversation parts from its recording.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::grant::Lane;

/// Where a request differs from the exchange that was recorded at its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Divergence {
    /// The step's lane.
    pub lane: Lane,
    /// The position in the lane: the number of model messages in the request.
    pub index: u32,
    /// The first part of the request that differs: `model`, `messages[4].content[0]`, or why there is nothing to
    /// compare with.
    pub path: String,
    /// The normalised text of that part in the recording, cut; empty when the recording has no such part.
    pub expected: String,
    /// The same of the request.
    pub got: String,
    /// The index of the exchange that was served all the same, by its position. None: the agent got an error.
    pub answered: Option<u32>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the conversation of lane `{}` leaves its recording at exchange {}, in {}",
            self.lane, self.index, self.path
        )?;
        if !self.expected.is_empty() {
            write!(formatter, "; recorded: {:?}", self.expected)?;
        }
        if !self.got.is_empty() {
            write!(formatter, "; asked: {:?}", self.got)?;
        }
        Ok(())
    }
}
