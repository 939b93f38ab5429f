//! `soak`: many subscribers of the live socket come, go and dawdle while the server is written to and restarted; in the
//! end each has seen every change once.
//!
//! Started by `cargo xtask soak`; a small one is a test.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use codecourier_it::live::soak::{Servers, Size, soak};

#[derive(Parser)]
struct Arguments {
    /// Two servers on one PostgreSQL instead of one on SQLite.
    #[arg(long)]
    two_nodes: bool,
    /// How many follow.
    #[arg(long, default_value_t = 500)]
    subscribers: usize,
    /// How many changes are written.
    #[arg(long, default_value_t = 20_000)]
    writes: u64,
    /// Who does what.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long it may take, in seconds.
    #[arg(long, default_value_t = 1_800)]
    seconds: u64,
}

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people at a terminal"
)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let size = Size {
        servers: match arguments.two_nodes {
            true => Servers::Two,
            false => Servers::One,
        },
        subscribers: arguments.subscribers,
        writes: arguments.writes,
        patience: Duration::from_secs(arguments.seconds),
        seed: arguments.seed,
    };
    match soak(size, |line| println!("{line}")).await {
        Ok(report) => {
            println!(
                "{} subscribers were told {} changes over {} reconnects in {:.0?}: nothing lost, nothing doubled",
                size.subscribers, report.told, report.reconnects, report.took
            );
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("seed {}: {fault}", size.seed);
            ExitCode::FAILURE
        }
    }
}
