//! Writes the published JSON Schemas of structured results into the directory given as the only argument. Started by
//! `cargo xtask codegen`; the result is committed in `schemas/`.

use std::error::Error;
use std::path::PathBuf;

use codecourier_domain::verdict::Verdict;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args_os().nth(1).ok_or("give a directory to write into")?);
    let mut verdict = serde_json::to_string_pretty(&Verdict::schema())?;
    verdict.push('\n');
    std::fs::write(directory.join("verdict.json"), verdict)?;
    Ok(())
}
