//! `torture`: builds and starts the program `torture` of the integration tests, which kills servers and counts what was
//! lost or done twice.

use clap::Args;

use crate::{Outcome, setup, spawn, terminal, workspace};

#[derive(Args)]
pub(crate) struct Torture {
    /// Arguments for the program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Torture {
    pub(crate) fn run(&self) -> Outcome {
        setup::run()?;
        let metadata = workspace::metadata()?;
        let Some((package, kind)) = workspace::find_target(&metadata, "torture") else {
            return Err("no package has a program or example named `torture`".to_owned());
        };
        terminal::heading("building the server and the torture program");
        spawn::run(&["cargo", "build", "--package", "codecourier"])?;
        spawn::run(&["cargo", "build", "--package", package, kind.option(), "torture"])?;
        let program = workspace::target_directory(&metadata)
            .join("debug")
            .join(kind.directory())
            .join("torture");
        Err(spawn::become_program(&program, &self.arguments))
    }
}
