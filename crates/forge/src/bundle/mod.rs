//! Commits as files: a bundle goes into a sandbox, a bundle comes out. The sandbox needs no credential and no network.

mod header;
mod report;
mod sandbox;
mod write;

pub use header::{BundleHeader, HeaderProblem, MAX_HEADER_BYTES, parse_header};
pub use report::{CollectOutcome, CollectReport, CollectedFrom};
pub use sandbox::{CloneSpec, CollectSpec, SandboxCommand, clone_command, collect_command};
pub(crate) use sandbox::{RUN_TRAILER, STEP_TRAILER, with_trailers};
pub use write::{History, StepBundle};
