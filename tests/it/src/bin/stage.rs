//! Sets a stage and lets a script of `tests/browser` play on it: `stage SCRIPT [ARGUMENT…]`. `cargo xtask screenshots`
//! starts it.

use std::io;

use clap::Parser;
use codecourier_it::browser::Stage;

#[derive(Parser)]
struct Arguments {
    /// A script in `tests/browser`.
    script: String,
    /// What it is told.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let Arguments { script, arguments } = Arguments::parse();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Stage::open().await?.play(&script, &arguments).await
}
