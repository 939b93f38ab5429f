//! The demonstration as a server offers it: a run in somebody's project, on a sample repository of its own.
//!
//! `serve` hands it to the engine. Invariant: every sample has a directory of its own below the data directory.

use std::sync::atomic::{AtomicU32, Ordering};

use codecourier_domain::time::Clock as _;
use codecourier_engine::clock::SystemClock;
use codecourier_engine::runs::sample::{Sample, Samples};
use codecourier_engine::{Error, ErrorCode};

use super::sample;
use crate::config::Config;
use crate::terminal::time;

/// Makes the samples of a server.
pub(crate) struct DemoSamples {
    config: Config,
    made: AtomicU32,
}

impl DemoSamples {
    /// In the data directory of a configuration.
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            made: AtomicU32::new(0),
        }
    }
}

impl Samples for DemoSamples {
    fn make(&self) -> Result<Sample, Error> {
        // Two people may try it within the same second.
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{count}", time::file_name(SystemClock.now()));
        let place = self.config.data_directory.join("demo").join(name);
        let made = sample::make(&self.config, &place)
            .map_err(|problem| Error::new(ErrorCode::Unavailable, problem.message))?;
        Ok(made.of_engine())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Invocation;

    #[test]
    fn everybody_who_tries_it_has_a_repository_of_their_own() {
        let data = tempfile::tempdir().unwrap();
        let config = Config::read(Invocation {
            data_directory: Some(data.path().to_path_buf()),
            ..Invocation::default()
        })
        .unwrap();
        let samples = DemoSamples::new(&config);
        let (one, other) = (samples.make().unwrap(), samples.make().unwrap());
        assert_ne!(one.repository, other.repository);
        assert!(one.repository.starts_with(data.path()));
        assert!(one.repository.join("duration.py").is_file());
        one.spec().unwrap().validate().unwrap();
    }
}
