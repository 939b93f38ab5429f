//! Writes `docs/agents.md` below the directory that it is given: a generator of `cargo xtask codegen`.

use std::path::PathBuf;

use codecourier_it::conformance::page::page;

fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let directory: PathBuf = std::env::args().nth(1).ok_or("usage: agents DIRECTORY")?.into();
    let docs = directory.join("docs");
    std::fs::create_dir_all(&docs)?;
    std::fs::write(docs.join("agents.md"), page()?)?;
    Ok(())
}
