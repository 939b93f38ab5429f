//! `codecourier sandbox`: talk to an agent in a sandbox at a server.

use clap::{Args, Subcommand};
use codecourier_domain::limits::SandboxLimits;
use codecourier_wire::runs::RunLimits;
use codecourier_wire::sandboxes::{Sandbox, SandboxFile, SandboxFileType, SandboxStatus, StartSandbox};
use serde_json::json;

use super::answer::{self, Listing, pair};
use super::run::{parse_budget, parse_time, read_prompt};
use crate::client::place::PlaceChoice;
use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::remote::talk::Said;
use crate::terminal::table::Cell;
use crate::terminal::text::{self, LineFeeds};
use crate::terminal::{Screen, Tone, data, time};
use crate::watch::Output;

/// How much of a file a server gives at most.
const LONGEST_FILE: usize = 4 << 20;
/// The most sandboxes, and entries of a folder, that are listed.
const MOST: usize = 10_000;

/// The arguments of `sandbox`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Option<SandboxVerb>,
    #[command(flatten)]
    place: PlaceChoice,
}

#[derive(Debug, Subcommand)]
enum SandboxVerb {
    /// Start a sandbox and its agent, and show what it does until it waits
    Start(Box<Start>),
    /// Say something to the agent, also while it works, and show what it does until it waits
    Send {
        /// The run of the sandbox, or any run that is under way
        run: String,
        /// The message; `-` reads it from standard input
        text: String,
    },
    /// Interrupt the agent: it waits for the next message
    Interrupt {
        /// The run of the sandbox, or any run that is under way
        run: String,
    },
    /// Have the agent go on with another model, in the same session
    Model {
        /// The run of the sandbox
        run: String,
        /// The model
        model: String,
    },
    /// End the conversation, and take over its work as a branch
    Finish {
        /// The run of the sandbox
        run: String,
    },
    /// Stop a sandbox where it is, until `resume`; its memory stays, and its time limit does not go on
    Pause {
        /// The sandbox, or its run
        which: String,
    },
    /// Let a paused sandbox go on
    Resume {
        /// The sandbox, or its run
        which: String,
    },
    /// List the sandboxes that are alive, newest first
    List,
    /// Show a sandbox: what it may use, what it uses, what keeps it apart
    Show {
        /// The sandbox, or its run
        which: String,
    },
    /// List a folder of the repository in a sandbox that runs
    Files {
        /// The sandbox, or its run
        which: String,
        /// The folder, relative to the repository
        #[arg(default_value = "")]
        path: String,
    },
    /// Write a file of the repository in a sandbox that runs, up to 4 MB of it, to standard output
    Cat {
        /// The sandbox, or its run
        which: String,
        /// The file, relative to the repository
        path: String,
    },
    /// Kill a sandbox; a conversation in it ends without its work
    Kill {
        /// The sandbox, or its run
        which: String,
    },
}

#[derive(Debug, Args)]
struct Start {
    /// The first message; `-` reads it from standard input [default: none, and the agent waits]
    prompt: Option<String>,
    /// The agent [default: the project's]
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The model [default: the project's]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// How hard the model thinks: low, medium, high, xhigh or max
    #[arg(long, value_name = "EFFORT")]
    effort: Option<String>,
    /// Another repository than the project's: a URL
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// The branch to start from
    #[arg(long, value_name = "BRANCH")]
    base: Option<String>,
    /// What it may cost, in US dollars
    #[arg(long, value_name = "USD")]
    budget: Option<String>,
    /// Memory, 256 to 8192
    #[arg(long, value_name = "MB")]
    memory_mb: Option<u32>,
    /// CPUs, 1 to 8
    #[arg(long, value_name = "N")]
    cpus: Option<u32>,
    /// How long it may live, 60 to 14400 seconds; `90s`, `45m` and `2h` are understood
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
}

/// Does it.
pub(crate) async fn sandbox(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let remote = arguments.place.remote(config)?;
    match arguments.verb.unwrap_or(SandboxVerb::List) {
        SandboxVerb::Start(start) => remote.start_sandbox(&request(*start)?, config, output).await,
        SandboxVerb::Send { run, text } => {
            let said = Said::Message(read_prompt(text)?);
            remote.say(&run, said, config, output).await
        }
        SandboxVerb::Interrupt { run } => remote.say(&run, Said::Interrupt, config, output).await,
        SandboxVerb::Model { run, model } => remote.say(&run, Said::Model(model), config, output).await,
        SandboxVerb::Finish { run } => remote.say(&run, Said::Finish, config, output).await,
        SandboxVerb::Pause { which } => {
            let paused = remote.pause(&which, "pause").await?;
            let words = format!("{} stands still", paused.id);
            Ok(answer::done(
                &words,
                &answer::object("sandbox", &paused),
                config,
                output,
            ))
        }
        SandboxVerb::Resume { which } => {
            let resumed = remote.pause(&which, "resume").await?;
            let words = format!("{} goes on", resumed.id);
            Ok(answer::done(
                &words,
                &answer::object("sandbox", &resumed),
                config,
                output,
            ))
        }
        SandboxVerb::List => {
            let sandboxes: Vec<Sandbox> = remote.client.list(&remote.path("/sandboxes"), MOST).await?;
            let listing = Listing {
                kind: "sandbox",
                nothing: "No sandbox of the project is alive.",
            };
            Ok(listing.show(&sandboxes, row, config, output))
        }
        SandboxVerb::Show { which } => {
            let sandbox = remote.sandbox(&which).await?;
            Ok(answer::show("sandbox", &sandbox, rows(&sandbox), config, output))
        }
        SandboxVerb::Files { which, path } => {
            let files = remote.sandbox_files(&which, &path, MOST).await?;
            let listing = Listing {
                kind: "sandboxFile",
                nothing: "The folder is empty.",
            };
            Ok(listing.show(&files, file, config, output))
        }
        SandboxVerb::Cat { which, path } => {
            let bytes = remote.sandbox_file(&which, &path, LONGEST_FILE).await?;
            write_file(&bytes, config)
        }
        SandboxVerb::Kill { which } => {
            let killed = remote.kill_sandbox(&which).await?;
            let object = json!({ "type": "sandboxKilled", "sandbox": killed });
            Ok(answer::done(&format!("{killed} is killed"), &object, config, output))
        }
    }
}

fn request(start: Start) -> Result<StartSandbox, Problem> {
    let Start {
        prompt,
        agent,
        model,
        effort,
        repo,
        base,
        budget,
        memory_mb,
        cpus,
        timeout,
    } = start;
    let default = SandboxLimits::DEFAULT;
    let timeout = timeout.as_deref().map(parse_time).transpose()?;
    let limits = (memory_mb.is_some() || cpus.is_some() || timeout.is_some()).then(|| RunLimits {
        memory_mb: memory_mb.unwrap_or(default.memory_mb()),
        cpus: cpus.unwrap_or(default.cpus()),
        processes: default.processes(),
        disk_mb: default.disk_mb(),
        timeout_seconds: timeout.unwrap_or(default.timeout_seconds()),
    });
    Ok(StartSandbox {
        prompt: prompt.map(read_prompt).transpose()?,
        agent,
        model,
        effort,
        repository: repo,
        base_branch: base,
        limits,
        budget_micro_usd: budget.as_deref().map(parse_budget).transpose()?.map(|budget| budget.0),
    })
}

/// A file's bytes for a program, and its text, made harmless, for a terminal.
fn write_file(bytes: &[u8], config: &Config) -> Result<Exit, Problem> {
    if data::is_terminal() {
        let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| {
            Problem::usage("The file is not text, and standard output is a terminal.")
                .with_remedy("Send it to a file or to a program.")
        })?;
        data::bytes(text::clean(text, LineFeeds::Keep).as_bytes());
    } else {
        data::bytes(bytes);
    }
    if bytes.len() >= LONGEST_FILE {
        Screen::standard_error(config).line(&Tone::Warning.line("This is its beginning: no more of a file is given."));
    }
    Ok(Exit::Completed)
}

fn file(file: &SandboxFile) -> Vec<Cell> {
    let mark = match file.kind {
        SandboxFileType::Directory => "/",
        SandboxFileType::Link => "@",
        SandboxFileType::Other => "?",
        SandboxFileType::File => "",
    };
    let size = match file.kind {
        SandboxFileType::File => file.size.to_string(),
        SandboxFileType::Directory | SandboxFileType::Link | SandboxFileType::Other => String::new(),
    };
    let target = file.link.as_ref().map(|link| format!("-> {}", link.target));
    vec![
        (Tone::Usable, format!("{}{mark}", file.name)),
        (Tone::Plain, size),
        (Tone::Quiet, time::local(file.modified_at.into())),
        (Tone::Quiet, target.unwrap_or_default()),
    ]
}

const fn status(sandbox: &Sandbox) -> &'static str {
    match sandbox.status {
        SandboxStatus::Creating => "creating",
        SandboxStatus::Running => "running",
        SandboxStatus::Paused => "paused",
        SandboxStatus::Killed => "killed",
    }
}

fn row(sandbox: &Sandbox) -> Vec<Cell> {
    vec![
        (Tone::Usable, sandbox.run_id.short()),
        (Tone::Strong, status(sandbox).to_owned()),
        (Tone::Plain, sandbox.lane.clone()),
        (Tone::Quiet, time::local(sandbox.created_at.into())),
        (Tone::Quiet, sandbox.id.to_string()),
    ]
}

fn rows(sandbox: &Sandbox) -> Vec<Vec<Cell>> {
    let mut rows = vec![
        pair("sandbox", sandbox.id.to_string()),
        pair("status", status(sandbox)),
        pair("run", sandbox.run_id.short()),
        pair("step", sandbox.lane.clone()),
        pair("since", time::local(sandbox.created_at.into())),
        pair(
            "may use",
            format!(
                "{} MB of memory, {} CPUs, {} MB of disk, {} s",
                sandbox.limits.memory_mb, sandbox.limits.cpus, sandbox.limits.disk_mb, sandbox.limits.timeout_seconds
            ),
        ),
    ];
    if let Some(memory) = sandbox.usage.as_ref().and_then(|usage| usage.memory_bytes) {
        rows.push(pair("uses", format!("{} MB of memory", memory / 1_000_000)));
    }
    if let Some(isolation) = &sandbox.isolation {
        let apart = format!("{}: {}", isolation.tier, isolation.protects_from);
        rows.push(pair("isolation", apart));
        rows.extend(
            isolation
                .degraded
                .iter()
                .map(|degraded| pair("degraded", degraded.clone())),
        );
    }
    rows
}
