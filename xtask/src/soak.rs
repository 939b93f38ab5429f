//! `soak`: builds and starts the program `soak` of the integration tests, in which many subscribers of live updates come, go
//! and dawdle while the server is written to and restarted.

use clap::Args;

use crate::{Outcome, setup, spawn, terminal, workspace};

#[derive(Args)]
pub(crate) struct Soak {
    /// Arguments for the program.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Soak {
    pub(crate) fn run(&self) -> Outcome {
        setup::run()?;
        let metadata = workspace::metadata()?;
        let Some((package, kind)) = workspace::find_target(&metadata, "soak") else {
            return Err("no package has a program or example named `soak`".to_owned());
        };
        terminal::heading("building the soak");
        spawn::run(&["cargo", "build", "--package", package, kind.option(), "soak"])?;
        let program = workspace::target_directory(&metadata)
            .join("debug")
            .join(kind.directory())
            .join("soak");
        Err(spawn::become_program(&program, &self.arguments))
    }
}
