//! Cassettes that were read, so that a request needs no file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use codecourier_gateway::Cassette;

/// Every cassette that a running step replays.
#[derive(Debug, Default)]
pub(super) struct Cassettes {
    read: Mutex<HashMap<PathBuf, Arc<Cassette>>>,
}

impl Cassettes {
    /// The cassette in a file, read once.
    pub(super) fn get(&self, path: &Path) -> Result<Arc<Cassette>, codecourier_gateway::Error> {
        if let Some(cassette) = self.read.lock().get(path) {
            return Ok(Arc::clone(cassette));
        }
        let cassette = Arc::new(Cassette::read(path)?);
        self.read.lock().insert(path.to_owned(), Arc::clone(&cassette));
        Ok(cassette)
    }
}
