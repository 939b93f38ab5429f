//! The binary: every verb of `codecourier`. This file only dispatches; `cli` has the arguments, `verbs` a file per verb.

mod backup;
mod cli;
mod client;
mod config;
mod control;
mod data_directory;
mod exit;
mod logging;
#[cfg(test)]
mod manual;
mod page;
mod platform;
mod preflight;
mod problem;
mod remote;
mod serve;
mod spawn;
mod telemetry;
mod templates;
mod terminal;
mod verbs;
mod watch;

fn main() -> std::process::ExitCode {
    verbs::dispatch().into()
}
