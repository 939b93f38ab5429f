//! Writes the API's description: `openapi.json`, into the directory that is its only argument.

use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory: PathBuf = std::env::args_os().nth(1).ok_or("the directory is missing")?.into();
    let mut text = serde_json::to_string_pretty(&codecourier_api::Api::document())?;
    text.push('\n');
    std::fs::write(directory.join("openapi.json"), text)?;
    Ok(())
}
