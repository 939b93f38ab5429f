//! The phase `checks`: commands that the platform runs itself, on the exact commit that it took over.
//!
//! Invariants: every process the agent left behind is dead before the first check starts; nothing of the agent's home
//! takes part in it; a check runs once by its tag;
//! its result names the commit it ran on.

use std::time::Duration;

use futures::StreamExt as _;

use codecourier_domain::check::{CheckOutcome, CheckResult, CheckSpec};
use codecourier_domain::event::{Event, Phase};
use codecourier_domain::failure::Failure;
use codecourier_sandbox::{
    EndedBecause, ExitStatus, FileOwner, JournalStream, PROJECT_DIRECTORY, ProcessSpec, Sandbox, Signal, Stdin,
};

use super::{StepContext, StepError, ended};

/// How much of a check's output its result carries.
const TAIL: usize = 8 * 1024;
/// Runs the command, which is the project's own and stands in its own argument. Both streams are one, so that people read
/// the output in the order it was written. The home is a fresh one: in its own the agent could have left a profile, or a
/// configuration of the tools, that makes every check pass.
const CHECK: &str = r#"exec 2>&1; HOME=$(mktemp -d) && export HOME && exec /bin/bash --noprofile --norc -c "$1""#;
/// How much a check may write before it is ended.
const OUTPUT_LIMIT: u64 = 64 << 20;

/// Runs every check that has not ended yet.
pub(super) async fn run(context: &StepContext, sandbox: &dyn Sandbox, commit: &str) -> Result<(), StepError> {
    if context.spec.checks.is_empty() || context.recorder.memo().has_ended(Phase::Checks) {
        return Ok(());
    }
    context.begin(Phase::Checks).await?;
    for (index, check) in context.spec.checks.iter().enumerate() {
        if context
            .recorder
            .memo()
            .checks
            .iter()
            .any(|done| done.name == check.name)
        {
            continue;
        }
        let result = run_one(context, sandbox, check, index, commit).await?;
        let remembered = result.clone();
        context
            .recorder
            .record(vec![Event::Check { result }], move |memo| memo.checks.push(remembered))
            .await?;
    }
    let failed = context
        .recorder
        .memo()
        .checks
        .iter()
        .filter(|check| !check.passed())
        .count();
    let detail = (failed > 0).then(|| format!("{failed} of {} failed", context.spec.checks.len()));
    context.end(Phase::Checks, detail);
    Ok(())
}

async fn run_one(
    context: &StepContext,
    sandbox: &dyn Sandbox,
    check: &CheckSpec,
    index: usize,
    commit: &str,
) -> Result<CheckResult, StepError> {
    let tag = format!("check-{index}");
    let started = tokio::time::Instant::now();
    sandbox
        .start(ProcessSpec {
            tag: tag.clone(),
            command: "/bin/bash".to_owned(),
            args: ["--noprofile", "--norc", "-c", CHECK, "check", &check.command]
                .map(str::to_owned)
                .to_vec(),
            env: context.environment.of_process(),
            cwd: Some(PROJECT_DIRECTORY.to_owned()),
            user: FileOwner::User,
            stdin: Stdin::Null,
            journal_limit: Some(OUTPUT_LIMIT),
        })
        .await?;
    let limit = Duration::from_secs(u64::from(check.timeout_seconds));
    let waited = tokio::time::timeout(limit, sandbox.wait(&tag)).await;
    let exit = match waited {
        Ok(exit) => Some(exit?),
        Err(_) => {
            // It may have ended just now, which is as good.
            sandbox.signal(&tag, Signal::Kill).await.ok();
            sandbox.wait(&tag).await?;
            None
        }
    };
    let measured = exit
        .as_ref()
        .and_then(|exit| Some(exit.ended_at?.since(exit.started_at?)));
    let duration_ms = measured
        .and_then(|milliseconds| u64::try_from(milliseconds).ok())
        .unwrap_or_else(|| u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX));
    let outcome = match exit.map(|exit| exit.status) {
        None => CheckOutcome::TimedOut,
        Some(ExitStatus::Exited(code)) => CheckOutcome::Exited { code },
        Some(ExitStatus::Signalled(signal)) => CheckOutcome::Signalled { signal },
        Some(ExitStatus::OutOfMemory | ExitStatus::SandboxEnded(EndedBecause::OutOfMemory)) => {
            CheckOutcome::OutOfMemory
        }
        Some(ExitStatus::JournalLimit) => CheckOutcome::Signalled { signal: 9 },
        Some(ExitStatus::JournalError) => return Err(ended::sandbox_ended(EndedBecause::DiskFull).into()),
        Some(ExitStatus::SandboxEnded(because)) => return Err(ended::sandbox_ended(because).into()),
    };
    let output_tail = tail(sandbox, &tag).await?;
    Ok(CheckResult {
        name: check.name.clone(),
        requirement: check.requirement,
        commit: commit.to_owned(),
        outcome,
        duration_ms,
        output_tail,
    })
}

/// The last kilobytes of a check's output, as text.
pub(super) async fn tail(sandbox: &dyn Sandbox, tag: &str) -> Result<String, Failure> {
    let mut kept: Vec<u8> = Vec::new();
    let output = sandbox.journal(tag, JournalStream::Stdout, 0).await;
    if let Ok(mut output) = output {
        while let Some(Ok(chunk)) = output.next().await {
            kept.extend_from_slice(&chunk);
            if kept.len() > 4 * TAIL {
                kept.drain(..kept.len() - TAIL);
            }
        }
    }
    if kept.len() > TAIL {
        kept.drain(..kept.len() - TAIL);
        // Begin at a line, so that nobody reads half of one.
        if let Some(end) = kept.iter().position(|&byte| byte == b'\n') {
            kept.drain(..=end);
        }
    }
    Ok(String::from_utf8_lossy(&kept).into_owned())
}
