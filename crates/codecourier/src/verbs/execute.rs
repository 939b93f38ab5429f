//! Starting a run in this process and following it to its end: what `run` and `demo` share.

use codecourier_engine::runs::spec::{RepositorySource, RunSpec};
use serde_json::json;

use crate::config::Config;
use crate::exit::Exit;
use crate::platform::Platform;
use crate::problem::Problem;
use crate::terminal::{Line, Screen, Tone, data};
use crate::watch::interrupts::Interrupts;
use crate::watch::result::{Isolation, RunResult, exit_of};
use crate::watch::{self, Output, Watched};

/// A run that was followed.
pub(super) enum Executed {
    /// It ended, or waits for a person.
    Ended(Box<RunResult>),
    /// It was left running.
    Left,
}

/// Where things are shown.
pub(crate) fn screen(config: &Config, output: Output) -> Screen {
    match output {
        Output::People => Screen::standard_error(config),
        // Progress goes to standard output as JSON; people at a terminal see nothing twice.
        Output::Json => Screen::silent(),
    }
}

/// Starts a run and follows it.
pub(super) async fn start_and_follow(
    platform: &Platform,
    spec: RunSpec,
    screen: &mut Screen,
    output: Output,
) -> Result<Executed, Problem> {
    let mut interrupts = Interrupts::listen()?;
    tell_of_others(platform, screen);
    let project = platform.engine.project_of(&spec.repository).await?;
    let place = match &spec.repository {
        RepositorySource::LocalPath { path } => path.display().to_string(),
        RepositorySource::Url { url } => url.clone(),
    };
    let workflow = spec.workflow.clone();
    let run = platform.engine.runs().start(project, spec, "cli").await?;
    if output == Output::Json {
        data::json(&json!({ "type": "started", "run": run, "project": project }));
    }
    screen.line(
        &Tone::Strong
            .line(&format!("run {}", run.short()))
            .and(Tone::Quiet, &format!("  {workflow} on {place}")),
    );
    let watched = watch::to_end(platform, (project, run), 0, screen, &mut interrupts, output).await?;
    finish(platform, watched, output).await
}

/// The end of a watch as a result; JSON is written.
pub(super) async fn finish(platform: &Platform, watched: Watched, output: Output) -> Result<Executed, Problem> {
    let view = match watched {
        Watched::Ended(view) => *view,
        Watched::Left => return Ok(Executed::Left),
    };
    let isolation = Isolation::Known {
        tier: platform.support.tier,
        degraded: platform.support.degraded.clone(),
    };
    let result = RunResult::gather(&platform.records, view, isolation).await?;
    if output == Output::Json {
        data::json(&result.json());
    }
    Ok(Executed::Ended(Box::new(result)))
}

/// Shows a result to people and gives the exit code.
pub(super) fn present(executed: &Executed, config: &Config, output: Output) -> Exit {
    match executed {
        Executed::Left => watch::LEFT,
        Executed::Ended(result) => {
            if output == Output::People {
                let mut lines = vec![Line::new()];
                lines.extend(result.lines(data::width(config)));
                data::lines(config, &lines);
            }
            exit_of(result.status())
        }
    }
}

fn tell_of_others(platform: &Platform, screen: &mut Screen) {
    for other in &platform.recovered.runs {
        let line = format!(
            "The unfinished run {} goes on too while this command works: {}",
            other.id.short(),
            other.prompt_preview
        );
        screen.line(&Tone::Warning.line(&line));
    }
}
