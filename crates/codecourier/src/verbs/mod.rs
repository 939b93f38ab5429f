//! The verbs, a file each, and what happens around every one of them: the environment is read, a problem is shown in one
//! way, the exit code says how it went.

pub(crate) mod agents;
mod answer;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod cancel;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod execute;
pub(crate) mod invitations;
pub(crate) mod keys;
mod load;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod logs;
pub(crate) mod members;
pub(crate) mod migrate;
pub(crate) mod patch;
pub(crate) mod projects;
pub(crate) mod provider_keys;
pub(crate) mod restore;
pub(crate) mod resume;
pub(crate) mod run;
mod run_remote;
pub(crate) mod runs;
pub(crate) mod sandbox;
mod secret_input;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod show;
pub(crate) mod variables;
pub(crate) mod whoami;

use std::time::Duration;

use clap::Parser as _;

use crate::cli::{Cli, Global, Verb};
use crate::config::given::Flags;
use crate::config::{Config, Invocation};
use crate::exit::Exit;
use crate::logging;
use crate::problem::Problem;
use crate::terminal::{Screen, Tone, data};
use crate::watch::Output;

/// How long background work may hold up the end of the process.
const FAREWELL: Duration = Duration::from_secs(2);

/// Parses the command line and does what it says.
pub(crate) fn dispatch() -> Exit {
    let Cli {
        global: Global { data_dir, config, json },
        verb,
    } = Cli::parse();
    let output = if json { Output::Json } else { Output::People };
    let read = verb.flags().and_then(|flags| {
        Config::read(Invocation {
            file: config,
            data_directory: data_dir,
            flags,
        })
    });
    let config = match read {
        Ok(config) => config,
        Err(problem) => return show_without_config(&problem, output),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return show(&Problem::internal("Starting", &error), &config, output),
    };
    let done = runtime.block_on(act(verb, &config, output));
    runtime.shutdown_timeout(FAREWELL);
    done.unwrap_or_else(|problem| show(&problem, &config, output))
}

impl Verb {
    /// What its arguments say of the settings.
    fn flags(&self) -> Result<Flags, Problem> {
        match self {
            Self::Serve(arguments) => arguments.flags(),
            Self::Config(arguments) => arguments.flags(),
            Self::Run(_)
            | Self::Demo(_)
            | Self::Agents(_)
            | Self::Runs(_)
            | Self::Show(_)
            | Self::Logs(_)
            | Self::Diff(_)
            | Self::Patch(_)
            | Self::Cancel(_)
            | Self::Resume(_)
            | Self::Login(_)
            | Self::Logout(_)
            | Self::Whoami(_)
            | Self::Projects(_)
            | Self::Keys(_)
            | Self::Members(_)
            | Self::Sandbox(_)
            | Self::Invitations(_)
            | Self::Settings(_)
            | Self::Variables(_)
            | Self::ProviderKeys(_)
            | Self::Audit(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Migrate(_)
            | Self::Doctor(_)
            | Self::Completions(_) => Ok(Flags::default()),
        }
    }
}

async fn act(verb: Verb, config: &Config, output: Output) -> Result<Exit, Problem> {
    // Verbs that work in the data directory log into it; the others warn on standard error.
    match &verb {
        Verb::Serve(_) | Verb::Keys(_) | Verb::Run(_) | Verb::Demo(_) | Verb::Resume(_) | Verb::Cancel(_) => {}
        Verb::Config(_)
        | Verb::Agents(_)
        | Verb::Runs(_)
        | Verb::Show(_)
        | Verb::Logs(_)
        | Verb::Diff(_)
        | Verb::Patch(_)
        | Verb::Login(_)
        | Verb::Logout(_)
        | Verb::Whoami(_)
        | Verb::Projects(_)
        | Verb::Members(_)
        | Verb::Sandbox(_)
        | Verb::Invitations(_)
        | Verb::Settings(_)
        | Verb::Variables(_)
        | Verb::ProviderKeys(_)
        | Verb::Audit(_)
        | Verb::Backup(_)
        | Verb::Restore(_)
        | Verb::Migrate(_)
        | Verb::Doctor(_)
        | Verb::Completions(_) => logging::start(config, logging::Target::StandardError)?,
    }
    match verb {
        Verb::Serve(arguments) => serve::serve(&arguments, config, output).await,
        Verb::Config(arguments) => Ok(config::config(&arguments, config, output)),
        Verb::Run(arguments) => run::run(*arguments, config, output).await,
        Verb::Demo(arguments) => demo::demo(arguments, config, output).await,
        Verb::Agents(arguments) => agents::agents(&arguments, config, output).await,
        Verb::Runs(arguments) => runs::runs(&arguments, config, output).await,
        Verb::Show(arguments) => show::show(&arguments, config, output).await,
        Verb::Logs(arguments) => logs::logs(&arguments, config, output).await,
        Verb::Diff(arguments) => diff::diff(&arguments, config, output).await,
        Verb::Patch(arguments) => patch::patch(&arguments, config).await,
        Verb::Cancel(arguments) => cancel::cancel(&arguments, config, output).await,
        Verb::Resume(arguments) => resume::resume(&arguments, config, output).await,
        Verb::Login(arguments) => login::login(arguments, config, output).await,
        Verb::Logout(arguments) => logout::logout(&arguments, config, output).await,
        Verb::Whoami(arguments) => whoami::whoami(&arguments, config, output).await,
        Verb::Projects(arguments) => projects::projects(arguments, config, output).await,
        Verb::Keys(arguments) => keys::keys(arguments, config, output).await,
        Verb::Sandbox(arguments) => sandbox::sandbox(arguments, config, output).await,
        Verb::Members(arguments) => members::members(arguments, config, output).await,
        Verb::Invitations(arguments) => invitations::invitations(arguments, config, output).await,
        Verb::Settings(arguments) => settings::settings(arguments, config, output).await,
        Verb::Variables(arguments) => variables::variables(arguments, config, output).await,
        Verb::ProviderKeys(arguments) => provider_keys::provider_keys(arguments, config, output).await,
        Verb::Audit(arguments) => audit::audit(&arguments, config, output).await,
        Verb::Backup(arguments) => backup::backup(&arguments, config, output).await,
        Verb::Restore(arguments) => restore::restore(&arguments, config, output).await,
        Verb::Migrate(arguments) => migrate::migrate(&arguments, config, output).await,
        Verb::Doctor(arguments) => doctor::doctor(&arguments, config, output).await,
        Verb::Completions(arguments) => Ok(completions::completions(&arguments)),
    }
}

fn show(problem: &Problem, config: &Config, output: Output) -> Exit {
    show_on(problem, &mut Screen::standard_error(config), output)
}

/// A problem with the environment itself: nothing is known of colours and characters.
fn show_without_config(problem: &Problem, output: Output) -> Exit {
    show_on(problem, &mut Screen::bare(), output)
}

fn show_on(problem: &Problem, screen: &mut Screen, output: Output) -> Exit {
    if output == Output::Json {
        data::json(&problem.to_json());
    }
    let width = screen.width().min(120).saturating_sub(7);
    let mut text = crate::watch::describe::paragraph(Tone::Plain, &problem.message, width).into_iter();
    let mut lines = vec![Tone::Bad.line("error: ").joined(text.next().unwrap_or_default())];
    lines.extend(text.map(|line| line.indented(7)));
    if let Some(remedy) = &problem.remedy {
        let mut text = crate::watch::describe::paragraph(Tone::Plain, remedy, width).into_iter();
        lines.push(Tone::Usable.line("to do: ").joined(text.next().unwrap_or_default()));
        lines.extend(text.map(|line| line.indented(7)));
    }
    let code = problem.code.as_str();
    lines.push(Tone::Quiet.line(&format!("code:  {code}, see docs/errors/{code}.md")));
    screen.lines(&lines);
    problem.exit
}
