//! The phases `clone` and `collect`: commits go into the sandbox as a bundle and come out as one.
//!
//! Invariants: what comes out is a stranger's file until the forge has taken it; only a role that writes moves the run's
//! branch; taking the same bundle twice is taking it once.

use codecourier_domain::event::{Event, Phase};
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_forge::{
    CloneSpec, CollectOutcome, CollectReport, CollectSpec, CollectedFrom, CommitId, Expectation, History,
    HistoryPolicy, Identity, Mirror, ReceiveLimits, SandboxCommand, SubmodulePolicy, clone_command, collect_command,
};
use codecourier_sandbox::{
    Error as SandboxError, ExitStatus, FileOwner, JournalStream, Output, PROJECT_DIRECTORY, ProcessSpec, Sandbox,
};

use super::{StepContext, StepError, ended};
use crate::runs::failures::forge_trouble;

/// Where the bundle that the step starts from is put: readable by the agent's user, owned by root.
const STEP_BUNDLE: &str = "/opt/codecourier/step.bundle";
/// The tag of the command that unpacks it.
const CLONE: &str = "clone";
/// Where the result is packed up.
const RESULT_BUNDLE: &str = "/tmp/codecourier-result.bundle";
/// The most a result may weigh.
const RESULT_LIMIT: u64 = 512 << 20;

/// Puts the repository into the sandbox, at the commit where the step starts.
pub(super) async fn clone(context: &StepContext, sandbox: &dyn Sandbox) -> Result<(), StepError> {
    if context.recorder.memo().has_ended(Phase::Clone) {
        return Ok(());
    }
    context.begin(Phase::Clone).await?;
    let place = Place::of(context)?;
    if context.plan.attempt > 1 {
        // An attempt before this one may have been taken over and failed after that.
        place
            .mirror
            .rewind_run_branch(&context.pinned.branch, &place.base)
            .await
            .map_err(|error| forge_trouble(&error))?;
    }
    let bundle = place
        .mirror
        .bundle_for_step(&place.base, &context.pinned.branch, History::Full)
        .await
        .map_err(|error| forge_trouble(&error))?;
    // After a restart the command may be reading the bundle already: a file is written in place, so not again.
    if !was_started(sandbox, CLONE).await? {
        sandbox
            .write_file_from(STEP_BUNDLE, bundle.path(), 0o644, FileOwner::Root)
            .await?;
    }
    let command = clone_command(&CloneSpec {
        bundle: STEP_BUNDLE,
        directory: PROJECT_DIRECTORY,
        branch: &context.pinned.branch,
        commit: &place.base,
        shallow: bundle.shallow(),
        identity: &place.identity,
        run: &context.run,
        step: &context.step,
        excluded: &[],
    });
    let output = run(sandbox, CLONE, command).await?;
    if !output.exit.is_success() {
        let said: String = output.stderr_text().trim().chars().take(500).collect();
        return Err(Failure::new(
            FailureClass::Sandbox,
            format!("The repository could not be unpacked in the sandbox: {said}"),
        )
        .into());
    }
    context.end(Phase::Clone, None);
    Ok(())
}

/// Takes over what the step did, and gives the commit that the run's branch is at afterwards.
pub(super) async fn collect(context: &StepContext, sandbox: &dyn Sandbox) -> Result<String, StepError> {
    if let Some(commit) = context.recorder.memo().collected {
        context.end(Phase::Collect, None);
        return Ok(commit);
    }
    context.begin(Phase::Collect).await?;
    let place = Place::of(context)?;
    let message = format!(
        "Work of {} in iteration {}",
        context.plan.spec.role, context.plan.iteration
    );
    let command = collect_command(&CollectSpec {
        directory: PROJECT_DIRECTORY,
        step_bundle: STEP_BUNDLE,
        output: RESULT_BUNDLE,
        branch: &context.pinned.branch,
        base: &place.base,
        shallow: &[],
        identity: &place.identity,
        run: &context.run,
        step: &context.step,
        message: &message,
        excluded: &[],
    });
    let output = run(sandbox, "collect", command).await?;
    let report = CollectReport::parse(&output.stdout);
    let event = match &report.outcome {
        CollectOutcome::Unchanged => Event::Collected {
            commit: place.base.to_string(),
            commits: 0,
            files: 0,
            insertions: 0,
            deletions: 0,
        },
        CollectOutcome::Bundle(tip) => {
            let event = receive(context, sandbox, &place).await?;
            if matches!(report.from, CollectedFrom::RunBranch | CollectedFrom::OtherBranch) {
                check_out(context, sandbox, &place, tip).await?;
            }
            event
        }
        CollectOutcome::Missing => {
            return Err(Failure::new(
                FailureClass::Policy,
                "The agent deleted the repository, so there is no result to take over. The run's branch is as it was \
                 before the step.",
            )
            .into());
        }
        CollectOutcome::Failed(reason) => {
            return Err(Failure::new(
                FailureClass::Policy,
                format!(
                    "What the agent left cannot be packed up: {reason}. The run's branch is as it was before the step."
                ),
            )
            .into());
        }
    };
    let Event::Collected { commit, .. } = &event else {
        return Err(Failure::new(FailureClass::Internal, "Collecting gave another event.").into());
    };
    let commit = commit.clone();
    let collected = commit.clone();
    context
        .recorder
        .record(vec![event], move |memo| memo.collected = Some(collected))
        .await?;
    context.end(Phase::Collect, remark(&report));
    Ok(commit)
}

/// Puts the result into the work tree, where something older was checked out: what checks run on is what was taken.
async fn check_out(
    context: &StepContext,
    sandbox: &dyn Sandbox,
    place: &Place,
    tip: &CommitId,
) -> Result<(), StepError> {
    let command = clone_command(&CloneSpec {
        bundle: STEP_BUNDLE,
        directory: PROJECT_DIRECTORY,
        branch: &context.pinned.branch,
        commit: tip,
        shallow: &[],
        identity: &place.identity,
        run: &context.run,
        step: &context.step,
        excluded: &[],
    });
    let output = run(sandbox, "check-out", command).await?;
    if output.exit.is_success() {
        return Ok(());
    }
    let said: String = output.stderr_text().trim().chars().take(500).collect();
    Err(Failure::new(
        FailureClass::Policy,
        format!("The result cannot be checked out where the agent left the repository: {said}"),
    )
    .into())
}

async fn receive(context: &StepContext, sandbox: &dyn Sandbox, place: &Place) -> Result<Event, StepError> {
    let folder = tempfile::Builder::new()
        .prefix("result-")
        .tempdir_in(&context.engine.scratch)
        .map_err(|error| super::internal("Making a place for the step's result", &error))?;
    let file = folder.path().join("result.bundle");
    sandbox.read_file_to(RESULT_BUNDLE, &file, RESULT_LIMIT).await?;
    let received = place
        .mirror
        .receive(
            &file,
            &Expectation {
                run: context.run,
                step: context.step,
                branch: context.pinned.branch.clone(),
                base: place.base.clone(),
                identity: place.identity.clone(),
                limits: ReceiveLimits::default(),
                history: HistoryPolicy::AddOnly,
                submodules: SubmodulePolicy::Refuse,
            },
        )
        .await
        .map_err(|error| forge_trouble(&error))?;
    Ok(Event::Collected {
        commit: received.commit.to_string(),
        commits: u32::try_from(received.commits.len()).unwrap_or(u32::MAX),
        files: u32::try_from(received.diffstat.files).unwrap_or(u32::MAX),
        insertions: received.diffstat.additions,
        deletions: received.diffstat.deletions,
    })
}

/// What people should know of how the result was found.
fn remark(report: &CollectReport) -> Option<String> {
    let mut remarks = Vec::new();
    if report.uncommitted {
        remarks.push("uncommitted changes were committed".to_owned());
    }
    if report.rewritten {
        remarks.push("the agent rewrote older history: its result was put on top as one commit".to_owned());
    }
    if report.nested > 0 {
        remarks.push(format!(
            "{} repositories inside the repository were left out",
            report.nested
        ));
    }
    if report.skipped {
        remarks.push("files that could not be read were left out".to_owned());
    }
    if let Some(commit) = &report.left_behind {
        remarks.push(format!("commits at {} were not part of the result", commit.short()));
    }
    (!remarks.is_empty()).then(|| remarks.join("; "))
}

async fn run(sandbox: &dyn Sandbox, tag: &str, command: SandboxCommand) -> Result<Output, StepError> {
    let SandboxCommand { argv, environment } = command;
    let mut argv = argv.into_iter();
    let program = argv.next().unwrap_or_default();
    let spec = ProcessSpec {
        env: environment,
        ..ProcessSpec::new(tag, program, argv)
    };
    let output = sandbox.run(spec, 64 * 1024).await?;
    match output.exit.status {
        ExitStatus::SandboxEnded(_) | ExitStatus::OutOfMemory | ExitStatus::JournalError => {
            Err(ended::classify(&output.exit.status, "").into())
        }
        ExitStatus::Exited(_) | ExitStatus::Signalled(_) | ExitStatus::JournalLimit => Ok(output),
    }
}

/// Whether a process with this tag was ever started in the sandbox.
async fn was_started(sandbox: &dyn Sandbox, tag: &str) -> Result<bool, StepError> {
    match sandbox.journal(tag, JournalStream::Stdout, 0).await {
        Ok(_) => Ok(true),
        Err(SandboxError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The repository of the step's run, and where the step starts in it.
struct Place {
    mirror: Mirror,
    base: CommitId,
    identity: Identity,
}

impl Place {
    fn of(context: &StepContext) -> Result<Self, StepError> {
        let mirror = context
            .engine
            .mirrors
            .get(context.project)
            .map_err(|error| forge_trouble(&error))?;
        let base = context.recorder.memo().base;
        let base = base
            .parse()
            .map_err(|error| super::internal("Reading the step's base commit", &error))?;
        let author = &context.spec.author;
        let identity = Identity::new(&author.name, &author.email)
            .map_err(|error| Failure::new(FailureClass::Repository, format!("{error}.")))?;
        Ok(Self { mirror, base, identity })
    }
}
