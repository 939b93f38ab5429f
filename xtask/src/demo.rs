//! `demo`: builds the server and starts its demo.
//!
//! With the development profile: a newcomer waits for the build, not for the demo, whose time goes into the agents.

use clap::Args;

use crate::{Outcome, setup, spawn, terminal, workspace};

#[derive(Args)]
pub(crate) struct Demo {
    /// Arguments for `codecourier demo`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Demo {
    pub(crate) fn run(&self) -> Outcome {
        setup::run()?;
        terminal::heading("building codecourier");
        spawn::run(&["cargo", "build", "--package", "codecourier"])?;
        let program = workspace::target_directory(&workspace::metadata()?).join("debug/codecourier");
        let mut arguments = vec!["demo".to_owned()];
        arguments.extend(self.arguments.iter().cloned());
        Err(spawn::become_program(&program, &arguments))
    }
}
