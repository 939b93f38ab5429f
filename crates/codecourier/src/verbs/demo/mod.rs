//! `codecourier demo`: a whole run on a sample repository, with replayed answers.
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::watch::Output;
use clap::Args;
/// The arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Give the replayed answers at once, without pauses for people
    #[arg(long)]
    no_pacing: bool,
}
/// Shows it.
pub(crate) async fn demo(_arguments: Arguments, _config: &Config, _output: Output) -> Result<Exit, Problem> {
    Err(Problem::usage("not yet"))
}
