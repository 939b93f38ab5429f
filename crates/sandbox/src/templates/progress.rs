//! What a build says while it goes on. The caller implements [`Progress`]: a terminal bar, an event log, nothing.

use std::fmt;
use std::time::Duration;

/// A part of a build that a person would recognise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Another process builds the same layer; this one waits for it.
    WaitingForOtherBuild,
    /// Package lists are fetched.
    PackageLists,
    /// Debian packages are downloaded.
    DownloadingPackages,
    /// Debian packages are unpacked and configured.
    InstallingPackages,
    /// A package of npm's registry is downloaded.
    DownloadingNpm,
    /// Its checksum is compared and it is unpacked.
    Unpacking,
    /// The installed program is asked for its version.
    CheckingVersion,
    /// The setup script runs.
    SetupScript,
    /// The layer is written to the disk for good.
    Saving,
}

/// Receives what a build does. Calls come in order, from one task, and must not block for long.
pub trait Progress: Send + Sync {
    /// A stage begins; `detail` says of what.
    fn stage(&self, stage: Stage, detail: &str);

    /// So many of so many parts of the stage are done.
    fn advance(&self, stage: Stage, done: u64, total: u64);

    /// A line of output of a tool, as it is written to the log.
    fn line(&self, line: &str);

    /// A layer is there. `built` is how long it took, or nothing when it was there already.
    fn done(&self, layer: &str, built: Option<Duration>);
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn stage(&self, _stage: Stage, _detail: &str) {}
    fn advance(&self, _stage: Stage, _done: u64, _total: u64) {}
    fn line(&self, _line: &str) {}
    fn done(&self, _layer: &str, _built: Option<Duration>) {}
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::WaitingForOtherBuild => "waiting for another build",
            Self::PackageLists => "fetching package lists",
            Self::DownloadingPackages => "downloading Debian packages",
            Self::InstallingPackages => "installing Debian packages",
            Self::DownloadingNpm => "downloading from npm",
            Self::Unpacking => "unpacking",
            Self::CheckingVersion => "checking the version",
            Self::SetupScript => "running the setup script",
            Self::Saving => "saving the layer",
        })
    }
}
