//! The host-side parent of a sandbox. Placeholder until the shim lands.

use std::process::ExitCode;

/// Runs `envd shim` with the arguments after the mode's name.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let _ = arguments;
    ExitCode::FAILURE
}
