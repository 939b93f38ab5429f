//! `torture`: kills the server with SIGKILL at random moments over runs of the demo's workflow, starts it again, and checks
//! that nothing was lost, doubled or left behind.
//!
//! Started by `cargo xtask torture`; a sample of it is a test. Prints its seed: the same seed gives the same moments.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// How often to kill.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Which moments.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal"
)]
async fn main() -> ExitCode {
    let Arguments { kills, seed } = Arguments::parse();
    let began = Instant::now();
    match codecourier_it::torture::torture(kills, seed, |line| println!("{line}")).await {
        Ok(runs) => {
            println!(
                "{kills} kills over {runs} runs in {:.0?}: nothing lost, doubled or left",
                began.elapsed()
            );
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("seed {seed}: {fault}");
            ExitCode::FAILURE
        }
    }
}
