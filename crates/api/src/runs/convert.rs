//! From the engine's runs to those that clients see.

use codecourier_domain::check::{CheckResult, CheckSpec, Requirement};
use codecourier_domain::event::Phase;
use codecourier_domain::failure::Failure;
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::pipeline::StepMode;
use codecourier_domain::run::{PauseReason, RunStatus};
use codecourier_domain::verdict::{Verdict, VerdictResult};
use codecourier_engine::Error;
use codecourier_engine::runs::memo::{PhaseTimes, StepOutcome, Whose};
use codecourier_engine::runs::search::StepStatus as EngineStepStatus;
use codecourier_engine::runs::search::{Diff, RunSummary};
use codecourier_engine::runs::spec::RunSpec;
use codecourier_engine::runs::talk::{InputKind, InputStatus, StepInput, agent_of};
use codecourier_engine::runs::view::{RunView, StepView as EngineStep};
use codecourier_wire::runs as wire;

use crate::conventions::error::ApiError;

pub(super) fn check(check: wire::RunCheck) -> CheckSpec {
    CheckSpec {
        name: check.name,
        command: check.command,
        requirement: Requirement::of(check.required),
        timeout_seconds: check.timeout_seconds,
    }
}

pub(crate) fn limits(wanted: wire::RunLimits) -> Result<SandboxLimits, Error> {
    Ok(SandboxLimits::new(
        wanted.memory_mb,
        wanted.cpus,
        wanted.processes,
        wanted.disk_mb,
        wanted.timeout_seconds,
    )?)
}

const fn step_status(status: EngineStepStatus) -> wire::StepStatus {
    match status {
        EngineStepStatus::Pending => wire::StepStatus::Pending,
        EngineStepStatus::Running => wire::StepStatus::Running,
        EngineStepStatus::Completed => wire::StepStatus::Completed,
        EngineStepStatus::Failed => wire::StepStatus::Failed,
        EngineStepStatus::Cancelled => wire::StepStatus::Cancelled,
    }
}

pub(super) fn summary(run: RunSummary) -> wire::Run {
    wire::Run {
        id: run.id,
        status: run.status.into(),
        workflow: run.workflow,
        prompt_preview: run.prompt_preview,
        created_at: run.created_at.into(),
        started_at: run.started_at.map(Into::into),
        finished_at: run.finished_at.map(Into::into),
        requests: run.totals.requests,
        tokens: run.totals.tokens.into(),
        cost_micro_usd: run.totals.spent.0,
    }
}

pub(crate) fn detail(view: RunView, last_event: u64) -> Result<wire::RunDetail, ApiError> {
    let RunView {
        summary: row,
        spec,
        state,
        pinned,
        steps,
    } = view;
    let steps = steps.into_iter().map(|one| step(one, &spec));
    let steps = steps.collect::<Result<_, _>>()?;
    let pause = state.pause().map(pause);
    let reserved_micro_usd = row.totals.reserved.0;
    let pinned_branch = pinned.as_ref().map(|pinned| pinned.base_branch.to_string());
    Ok(wire::RunDetail {
        run: summary(row),
        prompt: spec.prompt,
        agent: spec.agent.as_str().to_owned(),
        model: spec.model.as_str().to_owned(),
        effort: spec.effort.map(|effort| effort.as_str().to_owned()),
        budget_micro_usd: spec.budget.0,
        reserved_micro_usd,
        images: spec.images.into_iter().map(super::images::view).collect(),
        base_branch: pinned_branch.or_else(|| spec.base_branch.map(|branch| branch.to_string())),
        branch: pinned.map(|pinned| pinned.branch.to_string()),
        failure: state.failure().map(failure),
        base_commit: state.base,
        tip_commit: state.tip,
        pause_reason: pause.as_ref().map(|pause| pause.message.clone()),
        pause,
        last_event,
        steps,
    })
}

fn pause(reason: &PauseReason) -> wire::Pause {
    let message = reason.message().to_owned();
    match reason {
        PauseReason::Budget { .. } => wire::Pause {
            kind: wire::PauseKind::Budget,
            message,
            provider: None,
            key_last_four: None,
            resets_at: None,
            resumes_at: None,
        },
        PauseReason::RateLimit { limit } => wire::Pause {
            kind: wire::PauseKind::RateLimit,
            message,
            provider: Some(limit.provider.as_str().to_owned()),
            key_last_four: limit.last_four.clone(),
            resets_at: Some(limit.resets_at.into()),
            resumes_at: Some(limit.resumes_at.into()),
        },
    }
}

fn step(step: EngineStep, spec: &RunSpec) -> Result<wire::StepView, ApiError> {
    let EngineStep {
        row,
        memo,
        usage,
        accepts,
        waiting,
    } = step;
    let may = |kind| accepts.contains(&kind);
    let failed = match &memo.outcome {
        Some(StepOutcome::Failed { failure: cause }) => Some(failure(cause)),
        Some(StepOutcome::Finished | StepOutcome::Limited { .. }) | None => None,
    };
    Ok(wire::StepView {
        id: row.id,
        ordinal: row.ordinal,
        attempt: row.attempt,
        iteration: row.iteration,
        lane: row.lane,
        role: row.role.as_str().to_owned(),
        agent: agent_of(&memo, spec).as_str().to_owned(),
        model: memo.model(spec).as_str().to_owned(),
        interactive: memo.plan.spec.mode == StepMode::Interactive,
        status: step_status(row.status),
        awaits_input: may(InputKind::Message) && memo.talk.turn == Whose::Person,
        accepts: wire::StepAccepts {
            messages: may(InputKind::Message),
            interrupt: may(InputKind::Interrupt),
            model_switch: may(InputKind::Model),
            finish: may(InputKind::Finish),
        },
        waiting: waiting.into_iter().map(input).collect(),
        sandbox_id: row.sandbox,
        created_at: row.created_at.into(),
        started_at: row.started_at.map(Into::into),
        finished_at: row.finished_at.map(Into::into),
        summary: memo.last_turn.map(|turn| turn.final_text),
        commit: memo.collected,
        verdict: memo.verdict.map(verdict).transpose()?,
        checks: memo.checks.iter().map(check_view).collect(),
        phases: memo.phases.iter().map(phase).collect(),
        requests: usage.as_ref().map_or(0, |usage| usage.requests),
        tokens: usage.as_ref().map(|usage| usage.tokens.into()).unwrap_or_default(),
        cost_micro_usd: usage.map_or(0, |usage| usage.cost.0),
        reported_usage: memo.reported.map(|reported| wire::ReportedUsageView {
            tokens: reported.tokens.into(),
            estimated_cost_micro_usd: reported.cost.map(|cost| cost.0),
        }),
        failure: failed,
    })
}

pub(super) fn input(input: StepInput) -> wire::StepInput {
    wire::StepInput {
        id: input.id,
        kind: match input.kind {
            InputKind::Message => wire::StepInputKind::Message,
            InputKind::Interrupt => wire::StepInputKind::Interrupt,
            InputKind::Model => wire::StepInputKind::Model,
            InputKind::Finish => wire::StepInputKind::Finish,
        },
        text: (!input.body.is_empty()).then_some(input.body),
        status: match input.status {
            InputStatus::Waiting => wire::StepInputStatus::Waiting,
            InputStatus::Delivered => wire::StepInputStatus::Delivered,
            InputStatus::Dropped => wire::StepInputStatus::Dropped,
        },
        actor: input.actor,
        created_at: input.created_at.into(),
    }
}

fn verdict(verdict: Verdict) -> Result<wire::VerdictView, ApiError> {
    let word = match verdict.verdict {
        VerdictResult::Pass => "pass",
        VerdictResult::Fail => "fail",
    };
    let findings = verdict.findings.iter().map(serde_json::to_value);
    let findings = findings.collect::<Result<_, _>>();
    Ok(wire::VerdictView {
        verdict: word.to_owned(),
        feedback: verdict.feedback,
        findings: findings.map_err(|error| Error::internal("Writing a verdict", error))?,
    })
}

fn check_view(check: &CheckResult) -> wire::CheckView {
    wire::CheckView {
        name: check.name.clone(),
        passed: check.passed(),
        required: matches!(check.requirement, Requirement::Required),
        duration_ms: check.duration_ms,
        output_tail: check.output_tail.clone(),
    }
}

fn phase((phase, times): (&Phase, &PhaseTimes)) -> wire::PhaseView {
    wire::PhaseView {
        name: phase.as_str().to_owned(),
        started_at: times.started_at.into(),
        finished_at: times.ended_at.map(Into::into),
    }
}

pub(super) fn counts_of(counts: Vec<(RunStatus, u64)>) -> wire::RunCounts {
    let mut shown = wire::RunCounts::default();
    for (status, count) in counts {
        match status {
            RunStatus::Pending => shown.pending = count,
            RunStatus::Running => shown.running = count,
            RunStatus::Paused => shown.paused = count,
            RunStatus::Completed => shown.completed = count,
            RunStatus::Failed => shown.failed = count,
            RunStatus::Cancelled => shown.cancelled = count,
        }
    }
    shown
}

fn failure(failure: &Failure) -> wire::FailureView {
    wire::FailureView {
        code: failure.class.code().to_owned(),
        message: failure.message.clone(),
    }
}

pub(super) fn diff_of(diff: Option<Diff>) -> wire::RunDiff {
    let Some(diff) = diff else {
        return wire::RunDiff {
            files: Vec::new(),
            additions: 0,
            deletions: 0,
            unified: String::new(),
            truncated: false,
        };
    };
    let files = diff.files.into_iter().map(|file| wire::DiffFile {
        path: file.path,
        change: serde_json::to_value(file.status)
            .ok()
            .and_then(|word| word.as_str().map(str::to_owned))
            .unwrap_or_default(),
        additions: file.additions,
        deletions: file.deletions,
    });
    wire::RunDiff {
        files: files.collect(),
        additions: diff.diffstat.additions,
        deletions: diff.diffstat.deletions,
        unified: diff.unified,
        truncated: diff.truncated,
    }
}
