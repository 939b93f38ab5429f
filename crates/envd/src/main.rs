//! `envd`: the one small static binary of every local sandbox.
//!
//! `envd shim …` is the host-side parent of a sandbox; the child it clones becomes pid 1 inside (`init::run`).
//! `envd serve --socket PATH` runs pid 1's server on a plain host, for tests of the protocol.

mod init;
mod shim;

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((mode, rest)) if mode == "shim" => shim::run(rest),
        Some((mode, rest)) if mode == "serve" => match init::serve::parse(rest) {
            Ok(config) => {
                // Whoever started it for a test waits for this line.
                drop(writeln!(std::io::stdout(), "listening"));
                init::run(config)
            }
            Err(message) => complain(&message),
        },
        _ => complain("usage: envd shim … | envd serve --socket PATH"),
    }
}

fn complain(message: &str) -> ExitCode {
    let mut stderr = std::io::stderr().lock();
    drop(writeln!(stderr, "envd: {message}"));
    ExitCode::from(2)
}
