//! Measures the page of a run with 10,000 events in a real browser, and while more of them come. Prints one JSON object a
//! line; `cargo xtask bench` runs it in release mode, with `--seconds 1800` for half an hour of events.
//!
//! The server is the program that ships, with the user interface inside; the run is in a real sandbox, and the browser is
//! real. Only the agent is none: a script that says as much in a second as it is told to (`bench/agent.py`). What is done
//! in the browser is `bench/run_page.mjs`.

#![expect(clippy::print_stdout, reason = "prints what it measured")]

use std::io;

use clap::Parser;
use codecourier_it::browser::Stage;
use serde_json::json;

const AGENT: &str = include_str!("../../../../bench/agent.py");

#[derive(Parser)]
struct Arguments {
    /// For how long the heap is looked at while events come.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// How many events come in a second.
    #[arg(long, default_value_t = 200)]
    rate: u32,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let Arguments { seconds, rate } = Arguments::parse();
    let command = json!(["python3", "-c", AGENT]).to_string();
    let mut stage = Stage::with(vec![("CODECOURIER_AGENTS_ACP_COMMAND", command)]).await?;
    let arguments = [seconds.to_string(), rate.to_string()];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    stage
        .perform("bench/run_page.mjs", &arguments, |said| {
            println!("{said}");
            Ok(())
        })
        .await?;
    match stage.faults() {
        faults if faults.is_empty() => Ok(()),
        faults => Err(io::Error::other(faults.join("\n"))),
    }
}
