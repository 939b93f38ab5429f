//! `web`: builds the user interface into `web/dist`, from where the server takes it.
//!
//! A development build of the server reads the files from there as they are; a release build carries them inside.

use crate::{Outcome, setup, spawn, terminal};

/// Builds it.
pub(crate) fn run() -> Outcome {
    setup::run_for_web()?;
    terminal::heading("building the user interface");
    script("build")
}

/// Everything that must hold of it, and the build.
pub(crate) fn check() -> Outcome {
    setup::run_for_web()?;
    script("check")
}

fn script(name: &str) -> Outcome {
    spawn::run(&["npm", "run", "--prefix", "web", "--silent", name])
}
