//! `codecourier demo`: a whole run on a sample repository, with replayed answers.
//!
//! Everything but the model is real: the agent's own program in a real sandbox, its files, its commits, the checks that
//! CodeCourier runs, the merge at the end. Invariants: it says so at the start and at the end; there is nothing to fall
//! back on, so without a sandbox, the agent's program or the cassette it fails.

mod offer;
mod sample;

use clap::Args;
use serde_json::json;

use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Clock as _;
use codecourier_engine::clock::SystemClock;
use codecourier_gateway::ReplayPacing;
use codecourier_sandbox::templates::CLAUDE_CODE_VERSION;

use super::execute::{self, Executed};
use crate::config::Config;
use crate::exit::Exit;
use crate::page::Page;
use crate::platform::{self, Held, Platform, Purpose};
use crate::problem::Problem;
use crate::terminal::{Line, Screen, Tone, data, time};
use crate::watch::{Output, describe};
pub(crate) use offer::DemoSamples;
use sample::Sample;

const COMMAND: &str = "codecourier demo";

/// The arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Give the replayed answers at once, without pauses for people
    #[arg(long)]
    no_pacing: bool,
}

/// Shows it.
pub(crate) async fn demo(arguments: Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let held = platform::hold(config, COMMAND).await?;
    let place = config
        .data_directory
        .join("demo")
        .join(time::file_name(SystemClock.now()));
    let sample = sample::make(config, &place)?;
    let mut screen = execute::screen(config, output);
    let page = match Page::start().await {
        Ok(page) => {
            screen = screen.with_page(page.feed());
            Some(page)
        }
        Err(error) => {
            screen.line(&Tone::Warning.line(&format!(
                "The page cannot be served: {error}. The terminal shows the same."
            )));
            None
        }
    };
    introduce(&sample, page.as_ref(), &mut screen, output);
    let purpose = Purpose {
        command: COMMAND,
        pacing: if arguments.no_pacing {
            ReplayPacing::None
        } else {
            ReplayPacing::AsRecorded
        },
        ending: None,
    };
    let followed = follow(config, held, purpose, &sample, &mut screen, output).await;
    let ended = match &followed {
        Ok(Executed::Ended(result)) => result.lines(screen.width().min(120)),
        Ok(Executed::Left) => Vec::new(),
        Err(problem) => vec![Tone::Bad.line(&problem.message)],
    };
    drop(screen);
    if let Some(page) = page {
        let feed = page.feed();
        ended.iter().for_each(|line| feed.line(line));
        page.stop().await;
    }
    let executed = followed?;
    let exit = execute::present(&executed, config, output);
    if let Executed::Ended(result) = &executed
        && result.status() == RunStatus::Completed
        && let Some(branch) = result.branch()
    {
        sample::merge(config, &sample.repository, branch)?;
        conclude(&sample, branch, config, output)?;
    }
    Ok(exit)
}

async fn follow(
    config: &Config,
    held: Held,
    purpose: Purpose<'_>,
    sample: &Sample,
    screen: &mut Screen,
    output: Output,
) -> Result<Executed, Problem> {
    let spec = sample.of_engine().spec()?;
    let platform = Platform::start(config, held, purpose).await?;
    let executed = execute::start_and_follow(&platform, spec, screen, output).await;
    platform.shut_down().await;
    executed
}

fn introduce(sample: &Sample, page: Option<&Page>, screen: &mut Screen, output: Output) {
    let mut lines = vec![
        Tone::Strong.line("CodeCourier demo: a designer and a checker mend a small repository"),
        Line::new(),
        Tone::Warning.line("The model's answers are replayed. The CodeCourier team wrote them for this demo; no model is asked."),
        Tone::Plain.line(&format!(
            "The rest is real: Claude Code {CLAUDE_CODE_VERSION} runs in a sandbox on this machine, with its own files and"
        )),
        Tone::Plain.line("commits, and CodeCourier runs the tests."),
        Line::new(),
        Tone::Quiet.line("repository  ").and(Tone::Usable, &sample.repository.display().to_string()),
    ];
    let task = describe::paragraph(Tone::Plain, sample::TASK, screen.width().min(100).saturating_sub(14));
    for (index, line) in task.into_iter().enumerate() {
        lines.push(
            Tone::Quiet
                .line(if index == 0 { "task        " } else { "            " })
                .joined(line),
        );
    }
    lines.push(Tone::Quiet.line("check       ").and(Tone::Plain, sample::CHECK));
    if let Some(page) = page {
        lines.push(Tone::Quiet.line("watch       ").and(Tone::Usable, page.url()));
        if output == Output::Json {
            data::json(&json!({ "type": "page", "url": page.url() }));
        }
    }
    lines.push(Line::new());
    screen.lines(&lines);
}

fn conclude(sample: &Sample, branch: &str, config: &Config, output: Output) -> Result<(), Problem> {
    let repository = sample.repository.display().to_string();
    let history = sample::history(config, &sample.repository)?;
    if output == Output::Json {
        data::json(&json!({
            "type": "demo",
            "repository": repository,
            "branch": branch,
            "merged": true,
            "history": history.lines().collect::<Vec<_>>(),
            "replayed": true,
        }));
        return Ok(());
    }
    let mut lines = vec![
        Line::new(),
        Tone::Good
            .line("✓ merged")
            .and(Tone::Plain, " into main of ")
            .and(Tone::Usable, &repository),
    ];
    lines.extend(history.lines().map(|line| Tone::Quiet.line(line).indented(2)));
    lines.push(Line::new());
    lines.push(Tone::Plain.line("See for yourself:"));
    lines.push(
        Tone::Usable
            .line(&format!("cd {repository} && python3 -m unittest -q"))
            .indented(2),
    );
    lines.push(Line::new());
    lines.push(
        Tone::Warning.line(
            "The model's answers were replayed, written by the CodeCourier team. With your own key and repository:",
        ),
    );
    lines.push(
        Tone::Usable
            .line("ANTHROPIC_API_KEY=… codecourier run --repo PATH --check \"COMMAND\" \"what to do\"")
            .indented(2),
    );
    data::lines(config, &lines);
    Ok(())
}
