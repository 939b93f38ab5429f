//! `test`: everything that must hold before a change is kept. The quick checks come first; the test runner's own
//! summary is the last thing printed.

use clap::Args;

use crate::codegen::Codegen;
use crate::{Outcome, setup, spawn, terminal, tidy, web};

#[derive(Args)]
pub(crate) struct Test {
    /// Only the tests, without the checks before them.
    #[arg(long)]
    only_tests: bool,
    /// Arguments for the test runner, such as a filter.
    #[arg(last = true)]
    runner: Vec<String>,
}

impl Test {
    pub(crate) fn run(&self) -> Outcome {
        setup::run_for_tests()?;
        if self.only_tests {
            // The tests in a browser use it. Otherwise checking it builds it.
            web::run()?;
        } else {
            terminal::heading("formatting");
            spawn::run(&["cargo", "fmt", "--all", "--check"])?;
            terminal::heading("house rules");
            tidy::run()?;
            terminal::heading("generated files");
            Codegen { check: true }.run()?;
            terminal::heading("user interface");
            web::check()?;
            terminal::heading("lints");
            spawn::run(&[
                "cargo",
                "clippy",
                "--workspace",
                "--all-targets",
                "--quiet",
                "--",
                "--deny",
                "warnings",
            ])?;
        }
        terminal::heading("tests");
        let mut argv = vec!["cargo", "nextest", "run", "--workspace"];
        argv.extend(self.runner.iter().map(String::as_str));
        spawn::run(&argv)
    }
}
