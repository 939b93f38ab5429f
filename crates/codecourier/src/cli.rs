//! The command line: its verbs and what they share. Each verb's own arguments are in its file.

use std::path::PathBuf;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand};

use crate::exit;
use crate::verbs::{
    agents, audit, backup, cancel, completions, config, demo, diff, doctor, invitations, keys, login, logout, logs,
    members, migrate, patch, projects, provider_keys, restore, resume, run, runs, sandbox, serve, settings, show,
    variables, whoami,
};

/// The version, with the commit when the build knows it.
static VERSION: LazyLock<String> = LazyLock::new(|| match option_env!("CODECOURIER_COMMIT") {
    Some(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
    None => env!("CARGO_PKG_VERSION").to_owned(),
});

/// Run AI coding agents in isolated, disposable sandboxes, and get their work back as a Git branch.
///
/// An agent works on a copy of your repository in a sandbox without network; a second one may check it. CodeCourier runs
/// your checks itself, records everything that is said and done, and delivers a branch. Your work tree is never touched.
#[derive(Debug, Parser)]
#[command(name = "codecourier", version = VERSION.as_str(), after_help = exit::HELP, max_term_width = 110)]
pub(crate) struct Cli {
    /// What every verb takes.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The verb.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every verb takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Where everything is kept [default: codecourier in `$XDG_DATA_HOME`, or in ~/.local/share]
    #[arg(long, global = true, value_name = "DIRECTORY", help_heading = "Everywhere")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The configuration file [default: config.toml in the data directory, or /etc/codecourier/config.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub(crate) config: Option<PathBuf>,
    /// Write JSON to standard output, one object per line
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run the server: accounts, projects, the API and live updates for a team
    Serve(serve::Arguments),
    /// Give a task to agents and follow it to its end
    Run(Box<run::Arguments>),
    /// See a whole run on a sample repository, with replayed answers: no key, no network to a model
    Demo(demo::Arguments),
    /// The coding agents: what each can do, and whether it can work here
    Agents(agents::Arguments),
    /// List runs, newest first
    Runs(runs::Arguments),
    /// Show what came out of a run
    Show(show::Arguments),
    /// Show everything that was said and done in a run
    Logs(logs::Arguments),
    /// Show the change of a run as a diff
    Diff(diff::Arguments),
    /// Write the change of a run as a patch, for `git am`
    Patch(patch::Arguments),
    /// End a run: its agents lose their keys first, then every process of it is killed
    Cancel(cancel::Arguments),
    /// Take up unfinished runs and follow them to their end
    Resume(resume::Arguments),
    /// Talk to an agent in a sandbox at a server
    Sandbox(sandbox::Arguments),
    /// Sign in to a server
    Login(login::Arguments),
    /// Sign out of a server
    Logout(logout::Arguments),
    /// Show who you are to a server
    Whoami(whoami::Arguments),
    /// List, make, change and choose projects at a server
    Projects(projects::Arguments),
    /// Who is in a project at a server, and as what
    Members(members::Arguments),
    /// Ask people into a project at a server, and answer when asked
    Invitations(invitations::Arguments),
    /// What a project at a server tells and gives its agents
    Settings(settings::Arguments),
    /// The environment variables of a project at a server
    Variables(variables::Arguments),
    /// The keys that a project at a server has for outside services
    ProviderKeys(provider_keys::Arguments),
    /// API keys of a project at a server, and the master key of this machine
    Keys(keys::Arguments),
    /// Who changed what in a project at a server
    Audit(audit::Arguments),
    /// See what is configured and where it comes from
    Config(config::Arguments),
    /// Copy everything that is kept into a directory, also while a server runs
    Backup(backup::Arguments),
    /// Put a backup into an empty data directory, or look whether it is whole
    Restore(restore::Arguments),
    /// Bring the database up to date, as the next start would
    Migrate(migrate::Arguments),
    /// Find out what this machine can do, and what to do about the rest
    Doctor(doctor::Arguments),
    /// Write a completion script for a shell
    Completions(completions::Arguments),
}
