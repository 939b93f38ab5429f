//! The repository's own commands: `cargo xtask <verb>`. One file per verb; nothing that ships depends on this crate.
//!
//! Invariant: each verb can be run on a fresh clone, says what it does before it does it, and ends with a failure code
//! when something is not as it should be.

mod agents;
mod bench;
mod codegen;
mod contract;
mod demo;
mod dev;
mod fuzz;
mod host;
mod screenshots;
mod setup;
mod soak;
mod spawn;
mod terminal;
mod test;
mod tidy;
mod torture;
mod web;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The repository's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Installs what building, testing and running need, where it can; says what it can't.
    Setup,
    /// Runs the shipped demo: a real run with a recorded model, no key and no network needed.
    Demo(demo::Demo),
    /// Runs the server and the user interface, which shows what is changed at once.
    Dev(dev::Dev),
    /// Builds the user interface.
    Web,
    /// Everything CI checks: formatting, lints, house rules, generated files, fuzzing, tests.
    Test(test::Test),
    /// Runs the benchmarks and writes their report.
    Bench(bench::Bench),
    /// Takes pictures of every screen of the user interface.
    Screenshots(screenshots::Screenshots),
    /// Kills the server at random moments and looks whether anything was lost.
    Torture(torture::Torture),
    /// Lets hundreds of subscribers follow a server that is restarted, and looks whether each saw every change once.
    Soak(soak::Soak),
    /// Looks for long whether the API is what its description says.
    Contract(contract::Contract),
    /// House rules that the compiler does not know.
    Tidy,
    /// Writes the generated files that are committed.
    Codegen(codegen::Codegen),
    /// Shows which build of each agent's program ships, and moves to another one.
    Agents(agents::Agents),
    /// Feeds hostile input to the parsers for a bounded time.
    Fuzz(fuzz::Fuzz),
}

/// What a verb that failed says.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Setup => setup::run_for_tests(),
        Verb::Demo(demo) => demo.run(),
        Verb::Dev(dev) => dev.run(),
        Verb::Web => web::run(),
        Verb::Test(test) => test.run(),
        Verb::Bench(bench) => bench.run(),
        Verb::Screenshots(screenshots) => screenshots.run(),
        Verb::Torture(torture) => torture.run(),
        Verb::Soak(soak) => soak.run(),
        Verb::Contract(contract) => contract.run(),
        Verb::Tidy => tidy::run(),
        Verb::Codegen(codegen) => codegen.run(),
        Verb::Agents(agents) => agents.run(),
        Verb::Fuzz(fuzz) => fuzz.run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            terminal::error(&message);
            ExitCode::FAILURE
        }
    }
}
