//! `codecourier run`: give a task to agents and follow it to its end.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use codecourier_agents::session::ImageType;
use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::branch::BranchName;
use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::model_route;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::pipeline::{DEFAULT_ITERATIONS, Pipeline};
use codecourier_engine::runs::images::IMAGE_LIMIT;
use codecourier_engine::runs::spec::{Author, DegradedPolicy, MAX_PROMPT_BYTES, RunSpec};
use codecourier_gateway::ReplayPacing;
use codecourier_wire::runs::RunImage;

use super::{execute, run_remote};
use crate::client::place::{Place, PlaceChoice};
use crate::config::Config;
use crate::config::value::{Dollars, Value as _};
use crate::exit::Exit;
use crate::logging;
use crate::platform::{self, Platform, Purpose};
use crate::preflight;
use crate::problem::Problem;
use crate::watch::Output;

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// What the result should be; `-` reads it from standard input
    pub(super) prompt: String,
    /// A Git repository: a path on this machine, or a URL [default: this directory, or the project's repository]
    #[arg(long, value_name = "PATH|URL")]
    pub(super) repo: Option<String>,
    /// What is executed
    #[arg(long, value_enum, default_value_t = Workflow::DesignerChecker)]
    pub(super) workflow: Workflow,
    /// A command that must succeed on every change: `COMMAND`, or `name=COMMAND` with a name in small letters
    #[arg(long, value_name = "[NAME=]COMMAND")]
    pub(super) check: Vec<String>,
    /// A command whose result is shown and binds nobody
    #[arg(long, value_name = "[NAME=]COMMAND")]
    pub(super) advisory_check: Vec<String>,
    /// The branch to start from [default: the repository's own default branch]
    #[arg(long, value_name = "BRANCH")]
    pub(super) base: Option<String>,
    /// The agent: claude, opencode, codex, pi or acp; `codecourier agents` tells of each [default: claude, or the
    /// project's]
    #[arg(long, value_name = "NAME")]
    pub(super) agent: Option<AgentKind>,
    /// The model [default: the agent's, or the project's]
    #[arg(long, value_name = "NAME")]
    pub(super) model: Option<String>,
    /// The agent that checks [default: the same]
    #[arg(long, value_name = "NAME")]
    pub(super) checker_agent: Option<AgentKind>,
    /// The model that checks [default: the same, or the checking agent's]
    #[arg(long, value_name = "NAME")]
    pub(super) checker_model: Option<String>,
    /// A picture that agents are shown with the prompt: PNG, JPEG, GIF or WebP, 5 MB at most
    #[arg(long, value_name = "FILE")]
    pub(super) image: Vec<PathBuf>,
    /// How hard the model thinks
    #[arg(long, value_enum)]
    pub(super) effort: Option<EffortWish>,
    /// How often designer and checker may go round, 1 to 10 [default: 3]
    #[arg(long, value_name = "N")]
    pub(super) max_iterations: Option<u32>,
    /// What the checker is told besides its role
    #[arg(long, value_name = "TEXT")]
    pub(super) checker_instructions: Option<String>,
    /// What the run may cost, in US dollars [default: 20, or as configured]
    #[arg(long, value_name = "USD")]
    pub(super) budget: Option<String>,
    /// Memory of each sandbox, 256 to 8192
    #[arg(long, value_name = "MB", default_value_t = SandboxLimits::DEFAULT.memory_mb())]
    pub(super) memory_mb: u32,
    /// CPUs of each sandbox, 1 to 8
    #[arg(long, value_name = "N", default_value_t = SandboxLimits::DEFAULT.cpus())]
    pub(super) cpus: u32,
    /// What each sandbox may write, 64 to 102400
    #[arg(long, value_name = "MB", default_value_t = SandboxLimits::DEFAULT.disk_mb())]
    pub(super) disk_mb: u32,
    /// How long each sandbox may live, 60 to 14400 seconds; `90s`, `45m` and `2h` are understood
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub(super) timeout: String,
    /// Go on although this machine cannot keep every promise of isolation and limits
    #[arg(long)]
    pub(super) allow_degraded: bool,
    /// Whose name the commits carry
    #[arg(long, value_name = "NAME <EMAIL>")]
    pub(super) author: Option<String>,
    /// Write every exchange with the model into this new cassette
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub(super) record: Option<PathBuf>,
    /// Take the model's answers from this cassette: no key, no network
    #[arg(long, value_name = "FILE")]
    pub(super) replay: Option<PathBuf>,
    /// Give replayed answers at once, without the pauses of the recording
    #[arg(long, requires = "replay")]
    pub(super) no_pacing: bool,
    #[command(flatten)]
    pub(super) place: PlaceChoice,
}

/// The workflows by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Workflow {
    /// One designer writes the change
    Single,
    /// A designer writes, a checker judges, until it passes
    DesignerChecker,
}

impl Workflow {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::DesignerChecker => "designer-checker",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EffortWish {
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

impl From<EffortWish> for Effort {
    fn from(wish: EffortWish) -> Self {
        match wish {
            EffortWish::Low => Self::Low,
            EffortWish::Medium => Self::Medium,
            EffortWish::High => Self::High,
            EffortWish::Xhigh => Self::Xhigh,
            EffortWish::Max => Self::Max,
        }
    }
}

/// Runs it.
pub(crate) async fn run(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    if let Place::Remote(remote) = arguments.place.decide(config)? {
        logging::start(config, logging::Target::StandardError)?;
        let images = arguments.image.iter().map(|path| read_image(path));
        let images = images.collect::<Result<Vec<_>, _>>()?;
        let mut request = run_remote::request(arguments)?;
        for image in images {
            let path = remote.path("/images");
            let kept: RunImage = remote.client.post_bytes(&path, image).await?;
            request.images.push(kept.image);
        }
        return remote.run(&request, config, output).await;
    }
    let pacing = if arguments.no_pacing {
        ReplayPacing::None
    } else {
        ReplayPacing::AsRecorded
    };
    let images = arguments.image.iter().map(|path| read_image(path));
    let images = images.collect::<Result<Vec<_>, _>>()?;
    let spec = spec(arguments, config).await?;
    let held = platform::hold(config, "codecourier run").await?;
    let purpose = Purpose {
        command: "codecourier run",
        pacing,
        ending: None,
    };
    let platform = Platform::start(config, held, purpose).await?;
    let executed = follow(&platform, (spec, images), config, output).await;
    platform.shut_down().await;
    Ok(execute::present(&executed?, config, output))
}

async fn follow(
    platform: &Platform,
    (mut spec, images): (RunSpec, Vec<Vec<u8>>),
    config: &Config,
    output: Output,
) -> Result<execute::Executed, Problem> {
    if spec.degraded == DegradedPolicy::Refuse && !platform.support.degraded.is_empty() {
        return Err(platform::degraded(&platform.support));
    }
    preflight::base(platform, &spec.repository, spec.base_branch.as_ref()).await?;
    if !images.is_empty() {
        let project = platform.engine.project_of(&spec.repository).await?;
        for image in images {
            spec.images
                .push(platform.engine.runs().keep_image(project, image.into()).await?);
        }
    }
    let mut screen = execute::screen(config, output);
    execute::start_and_follow(platform, spec, &mut screen, output).await
}

/// The run that the arguments ask for. Everything that can be refused at once is.
async fn spec(arguments: Arguments, config: &Config) -> Result<RunSpec, Problem> {
    let Arguments {
        prompt,
        repo,
        workflow,
        check,
        advisory_check,
        base,
        agent,
        model,
        checker_agent,
        checker_model,
        image: _,
        effort,
        max_iterations,
        checker_instructions,
        budget,
        memory_mb,
        cpus,
        disk_mb,
        timeout,
        allow_degraded,
        author,
        record,
        replay,
        no_pacing: _,
        place: _,
    } = arguments;
    let prompt = read_prompt(prompt)?;
    let required = check.iter().map(|text| parse_check(text, Requirement::Required));
    let advisory = advisory_check
        .iter()
        .map(|text| parse_check(text, Requirement::Advisory));
    let pipeline = match workflow {
        Workflow::Single if max_iterations.is_some() => {
            return Err(Problem::usage(
                "--max-iterations belongs to the workflow designer-checker.",
            ));
        }
        Workflow::Single => Pipeline::single_designer(),
        Workflow::DesignerChecker => Pipeline::designer_and_checker(max_iterations.unwrap_or(DEFAULT_ITERATIONS))
            .map_err(|error| Problem::usage(format!("--max-iterations: {error}")))?,
    };
    let limits = SandboxLimits::new(
        memory_mb,
        cpus,
        SandboxLimits::DEFAULT.processes(),
        disk_mb,
        parse_time(&timeout)?,
    )
    .map_err(|error| Problem::usage(error.to_string()))?;
    let base_branch = base
        .map(|name| name.parse::<BranchName>())
        .transpose()
        .map_err(|error| Problem::usage(format!("--base: {error}")))?;
    let agent = agent.unwrap_or_default();
    let named = |flag: &str, text: &str| {
        let name = text.parse::<ModelName>();
        name.map_err(|error| Problem::usage(format!("{flag}: {error}")))
    };
    let model = named("--model", model.as_deref().unwrap_or(model_route::default_model(agent)))?;
    let checker_model = checker_model.map(|text| named("--checker-model", &text)).transpose()?;
    if workflow == Workflow::Single && (checker_agent.is_some() || checker_model.is_some()) {
        return Err(Problem::usage(
            "--checker-agent and --checker-model belong to the workflow designer-checker.",
        ));
    }
    let pipeline = pipeline.with_checker(checker_agent, checker_model.as_ref());
    let mut spec = RunSpec {
        prompt,
        workflow: workflow.name().to_owned(),
        pipeline,
        repository: codecourier_engine::runs::spec::RepositorySource::Url { url: String::new() },
        base_branch,
        agent,
        model,
        effort: effort.map(Effort::from),
        checks: required.chain(advisory).collect(),
        checker_instructions,
        limits,
        degraded: if allow_degraded {
            DegradedPolicy::Allow
        } else {
            DegradedPolicy::Refuse
        },
        author: author.as_deref().map(parse_author).transpose()?.unwrap_or_default(),
        model_source: codecourier_engine::runs::spec::ModelSource::Live,
        budget: match budget {
            Some(text) => parse_budget(&text)?,
            None => MicroUsd(config.settings.default_budget.0),
        },
        setup: codecourier_engine::runs::spec::RunSetup::default(),
        acp: None,
        images: Vec::new(),
    }
    .with_acp(config.acp()?)
    .with_reachable_models();
    spec.validate()?;
    spec.repository = preflight::repository(config, repo.as_deref().unwrap_or(".")).await?;
    spec.model_source = preflight::model_source(config, &spec, record.as_deref(), replay.as_deref())?;
    Ok(spec)
}

/// A picture from a file. What it is, and whether it is one, is decided where it is kept.
fn read_image(path: &Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| Problem::file("read the picture", path, &error))?;
    let read = file.take(IMAGE_LIMIT as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| Problem::file("read the picture", path, &error))?;
    if bytes.len() > IMAGE_LIMIT || ImageType::of(&bytes).is_none() {
        let message = format!(
            "{} is no PNG, JPEG, GIF or WebP picture of at most 5 MB.",
            path.display()
        );
        return Err(Problem::usage(message));
    }
    Ok(bytes)
}

pub(super) fn read_prompt(prompt: String) -> Result<String, Problem> {
    if prompt != "-" {
        return Ok(prompt);
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_PROMPT_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::usage(format!("The prompt cannot be read from standard input: {error}.")))?;
    String::from_utf8(bytes).map_err(|_| Problem::usage("The prompt on standard input is not UTF-8."))
}

/// `name=command`, or a command that is its own name. A name in small letters, so that `FOO=1 make` is a command.
pub(crate) fn parse_check(text: &str, requirement: Requirement) -> CheckSpec {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|character| {
                character.is_ascii_lowercase() || character.is_ascii_digit() || "-_".contains(character)
            })
    };
    let (name, command) = match text.split_once('=') {
        Some((name, command)) if is_name(name) => (name.to_owned(), command),
        _ => (text.trim().chars().take(60).collect(), text),
    };
    CheckSpec {
        name,
        command: command.trim().to_owned(),
        requirement,
        timeout_seconds: CheckSpec::default_timeout_seconds(),
    }
}

pub(super) fn parse_time(text: &str) -> Result<u32, Problem> {
    let refused = || Problem::usage(format!("--timeout: `{text}` is no time. Write 90s, 45m or 2h."));
    let (number, factor) = match text.trim().char_indices().next_back() {
        Some((end, 's')) => (&text.trim()[..end], 1),
        Some((end, 'm')) => (&text.trim()[..end], 60),
        Some((end, 'h')) => (&text.trim()[..end], 3_600),
        _ => (text.trim(), 1),
    };
    let number: u32 = number.parse().map_err(|_| refused())?;
    number.checked_mul(factor).ok_or_else(refused)
}

/// Dollars with up to six decimals, exactly.
pub(super) fn parse_budget(text: &str) -> Result<MicroUsd, Problem> {
    Dollars::parse(text)
        .map(|amount| MicroUsd(amount.0))
        .ok_or_else(|| Problem::usage(format!("--budget: `{text}` is no amount. It takes {}.", Dollars::FORM)))
}

fn parse_author(text: &str) -> Result<Author, Problem> {
    let parsed = text
        .trim()
        .strip_suffix('>')
        .and_then(|rest| rest.split_once('<'))
        .map(|(name, email)| Author {
            name: name.trim().to_owned(),
            email: email.trim().to_owned(),
        });
    parsed.ok_or_else(|| Problem::usage(format!("--author: `{text}` is not of the form `Name <email>`.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_has_a_name_when_it_is_given_one() {
        let parse = |text| {
            let check = parse_check(text, Requirement::Required);
            (check.name, check.command)
        };
        assert_eq!(parse("tests=cargo test"), ("tests".into(), "cargo test".into()));
        assert_eq!(parse("cargo test"), ("cargo test".into(), "cargo test".into()));
        assert_eq!(parse("FOO=1 make"), ("FOO=1 make".into(), "FOO=1 make".into()));
        assert_eq!(parse("make x=1"), ("make x=1".into(), "make x=1".into()));
    }

    #[test]
    fn times_and_amounts_are_exact_or_refused() {
        assert_eq!(parse_time("90").unwrap(), 90);
        assert_eq!(parse_time("45m").unwrap(), 2_700);
        assert_eq!(parse_time("2h").unwrap(), 7_200);
        assert!(parse_time("soon").is_err() && parse_time("").is_err() && parse_time("99999999h").is_err());
        assert_eq!(parse_budget("0.5").unwrap(), MicroUsd(500_000));
        assert_eq!(parse_budget("$20").unwrap(), MicroUsd(20_000_000));
        assert_eq!(parse_budget(".000001").unwrap(), MicroUsd(1));
        for bad in ["", "0", "-1", "1e3", "1.0000001", "10001", "x"] {
            assert!(parse_budget(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_author_has_a_name_and_an_address() {
        let author = parse_author("Ada Lovelace <ada@example.org>").unwrap();
        assert_eq!(
            (author.name.as_str(), author.email.as_str()),
            ("Ada Lovelace", "ada@example.org")
        );
        assert!(parse_author("Ada").is_err());
    }
}
