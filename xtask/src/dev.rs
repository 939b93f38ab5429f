//! `dev`: the server and the user interface, each rebuilt as it is changed: the interface by itself, the server by
//! ending this with Ctrl-C and starting it anew.
//!
//! A change of the interface needs no Rust build: its own server hands requests of the API on to ours.

use clap::Args;

use crate::{Outcome, setup, spawn, terminal, workspace};

#[derive(Args)]
pub(crate) struct Dev {
    /// Arguments for `codecourier serve`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl Dev {
    pub(crate) fn run(&self) -> Outcome {
        setup::run()?;
        setup::run_for_web()?;
        terminal::heading("building codecourier");
        spawn::run(&["cargo", "build", "--package", "codecourier"])?;
        let program = workspace::target_directory(&workspace::metadata()?).join("debug/codecourier");
        let program = program.display().to_string();
        let mut server = vec![program.as_str(), "serve"];
        server.extend(self.arguments.iter().map(String::as_str));
        terminal::heading("the user interface is at http://localhost:5173");
        spawn::run_beside(&server, &["node", "node_modules/vite/bin/vite.js"], "web")
    }
}
