//! `screenshots`: pictures of every screen of the user interface, light and dark, wide and narrow, empty, full, failing
//! and with long words, in `target/screenshots`. They are for looking at; nothing compares them.

use clap::Args;

use crate::{Outcome, setup, spawn, terminal, web};

#[derive(Args)]
pub(crate) struct Screenshots {
    /// Only screens whose name contains one of these.
    names: Vec<String>,
}

impl Screenshots {
    pub(crate) fn run(&self) -> Outcome {
        setup::run_for_tests()?;
        web::run()?;
        terminal::heading("building codecourier");
        spawn::run(&["cargo", "build", "--package", "codecourier"])?;
        terminal::heading("taking pictures");
        let mut argv = vec![
            "cargo",
            "run",
            "--quiet",
            "--package",
            "codecourier-it",
            "--bin",
            "stage",
            "--",
            "screenshots.mjs",
        ];
        argv.extend(self.names.iter().map(String::as_str));
        spawn::run(&argv)
    }
}
