//! `contract`: builds and starts the program `contract` of the API, in which schemathesis looks whether a server is what
//! its description says. A short look is one of the tests.

use clap::Args;

use crate::{Outcome, setup, spawn, terminal, workspace};

#[derive(Args)]
pub(crate) struct Contract {
    /// Arguments for the program: `--examples 300`, `--seed 1`, and what schemathesis itself takes.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Contract {
    pub(crate) fn run(&self) -> Outcome {
        setup::run_for_tests()?;
        let metadata = workspace::metadata()?;
        let Some((package, kind)) = workspace::find_target(&metadata, "contract") else {
            return Err("no package has a program or example named `contract`".to_owned());
        };
        terminal::heading("building the server and the program that looks at it");
        spawn::run(&["cargo", "build", "--package", package, kind.option(), "contract"])?;
        let program = workspace::target_directory(&metadata)
            .join("debug")
            .join(kind.directory())
            .join("contract");
        Err(spawn::become_program(&program, &self.arguments))
    }
}
