//! The end of a run: what came out, what it took, and how to use it. For people and, as one object, for programs.

use codecourier_domain::check::CheckResult;
use codecourier_domain::failure::Failure;
use codecourier_domain::pipeline::Node;
use codecourier_domain::run::{PauseReason, RunStatus};
use codecourier_domain::time::Timestamp;
use codecourier_domain::verdict::VerdictResult;
use codecourier_engine::records::{ChangeOf, Records};
use codecourier_engine::runs::spec::{ModelSource, RepositorySource};
use codecourier_engine::runs::view::{RunView, StepView};
use codecourier_forge::{Diff, FileStatus};
use codecourier_sandbox::{Degradation, Tier};
use serde_json::{Value, json};

use super::describe;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Line, Tone, time};

/// How many changed files are listed.
const FILES_SHOWN: usize = 20;

/// Everything there is to say of a run.
pub(crate) struct RunResult {
    view: RunView,
    diff: Option<Diff>,
    /// Where the platform's own repository is, if it is there.
    mirror: Option<String>,
    isolation: Isolation,
}

/// What the sandboxes of a run were.
pub(crate) enum Isolation {
    /// As this process found it out.
    Known {
        /// The tier.
        tier: Tier,
        /// What is degraded.
        degraded: Vec<Degradation>,
    },
    /// As the record says it, in words.
    Recorded(Option<String>),
}

/// The exit code of a command that followed a run to this status.
pub(crate) const fn exit_of(status: RunStatus) -> Exit {
    match status {
        RunStatus::Completed => Exit::Completed,
        RunStatus::Failed => Exit::Failed,
        RunStatus::Cancelled => Exit::Cancelled,
        RunStatus::Pending | RunStatus::Running | RunStatus::Paused => Exit::NotEnded,
    }
}

impl RunResult {
    /// Gathers it.
    pub(crate) async fn gather(records: &Records, view: RunView, isolation: Isolation) -> Result<Self, Problem> {
        let (project, run) = (view.summary.project, view.summary.id);
        // A mirror that was deleted by hand takes the diff with it and nothing else.
        let diff = match records.diff(project, run, &ChangeOf::default(), 0).await {
            Ok(diff) => diff,
            Err(error) => {
                tracing::warn!(%run, "no diff: {error}");
                None
            }
        };
        let mirror = records
            .mirror(project)
            .ok()
            .map(|mirror| mirror.path().display().to_string());
        Ok(Self {
            view,
            diff,
            mirror,
            isolation,
        })
    }

    /// The status.
    pub(crate) const fn status(&self) -> RunStatus {
        self.view.summary.status
    }

    /// The run's branch, once it has a name.
    pub(crate) fn branch(&self) -> Option<&str> {
        self.view.pinned.as_ref().map(|pinned| pinned.branch.as_str())
    }

    fn has_change(&self) -> bool {
        self.view.state.tip.is_some() && self.view.state.tip != self.view.state.base
    }

    /// The change is in the person's own repository.
    fn is_delivered(&self) -> bool {
        self.status() == RunStatus::Completed && matches!(self.view.spec.repository, RepositorySource::LocalPath { .. })
    }

    /// Iterations that were begun, and how many there may be.
    fn iterations(&self) -> (u32, u32) {
        let begun = self.view.steps.iter().map(|step| step.row.iteration).max().unwrap_or(0);
        let most = self
            .view
            .spec
            .pipeline
            .nodes()
            .iter()
            .filter_map(|node| match node {
                Node::Loop(inner) => Some(inner.max_iterations),
                Node::Step(_) | Node::Candidates(_) => None,
            })
            .max()
            .unwrap_or(1);
        (begun, most)
    }

    fn failure(&self) -> Option<&Failure> {
        self.view.state.failure()
    }

    fn pause(&self) -> Option<&str> {
        self.view.state.pause().map(PauseReason::message)
    }

    /// The commands that bring the change to where people work.
    pub(crate) fn merge_commands(&self) -> Vec<String> {
        let Some(branch) = self.branch().filter(|_| self.has_change()) else {
            return Vec::new();
        };
        let short = self.view.summary.id.short();
        if self.is_delivered() {
            return vec![format!("git merge {branch}")];
        }
        let mut commands = Vec::new();
        if let Some(mirror) = &self.mirror {
            commands.push(format!("git fetch {} {branch} && git merge FETCH_HEAD", quoted(mirror)));
        }
        commands.push(format!("codecourier patch {short} | git am"));
        commands
    }

    /// The result for people.
    pub(crate) fn lines(&self, width: usize) -> Vec<Line> {
        let inner = width.min(120).saturating_sub(LABEL + 2).max(20);
        let summary = &self.view.summary;
        let mut lines = vec![headline(summary.status, summary.started_at, summary.finished_at)];
        if let Some(failure) = self.failure() {
            lines.extend(
                describe::paragraph(Tone::Plain, &failure.message, inner + LABEL)
                    .into_iter()
                    .map(|line| line.indented(2)),
            );
            lines.push(
                Tone::Quiet
                    .line(&format!("{}: docs/errors/{}.md", failure.class, failure.class))
                    .indented(2),
            );
        }
        if let Some(reason) = self.pause() {
            lines.extend(
                describe::paragraph(Tone::Plain, reason, inner + LABEL)
                    .into_iter()
                    .map(|line| line.indented(2)),
            );
        }
        lines.push(Line::new());
        self.change_lines(&mut lines);
        self.quality_lines(&mut lines, inner);
        self.cost_lines(&mut lines);
        self.isolation_lines(&mut lines, inner);
        let commands = self.merge_commands();
        for (index, command) in commands.iter().enumerate() {
            lines.push(labelled(if index == 0 { "merge" } else { "or" }).and(Tone::Usable, command));
        }
        if let (true, RepositorySource::LocalPath { path }) = (self.is_delivered(), &self.view.spec.repository)
            && !commands.is_empty()
        {
            lines.push(labelled("").and(Tone::Quiet, &format!("in {}", path.display())));
        }
        let short = self.view.summary.id.short();
        lines.push(labelled("run").and(Tone::Plain, &self.view.summary.id.to_string()).and(
            Tone::Quiet,
            &format!("  codecourier logs {short}, codecourier diff {short}"),
        ));
        lines
    }

    fn change_lines(&self, lines: &mut Vec<Line>) {
        let state = &self.view.state;
        if let Some(pinned) = &self.view.pinned {
            if self.has_change() {
                lines.push(labelled("branch").and(Tone::Usable, pinned.branch.as_str()));
            }
            lines.push(
                labelled("base")
                    .and(Tone::Plain, pinned.base_branch.as_str())
                    .and(Tone::Quiet, &format!(" at {}", describe::short_commit(&pinned.base))),
            );
            if pinned.uncommitted_files > 0 {
                lines.push(labelled("").and(
                    Tone::Warning,
                    &format!(
                        "{} with uncommitted changes in the repository, which were not part of the run",
                        time::plural(u64::from(pinned.uncommitted_files), "file", "files")
                    ),
                ));
            }
        }
        match &self.diff {
            Some(diff) if !diff.files.is_empty() => {
                let sums = &diff.diffstat;
                lines.push(
                    labelled("changes")
                        .and(Tone::Plain, &time::plural(sums.files, "file", "files"))
                        .and(Tone::Good, &format!("  +{}", sums.additions))
                        .and(Tone::Bad, &format!(" −{}", sums.deletions)),
                );
                let widest = diff
                    .files
                    .iter()
                    .take(FILES_SHOWN)
                    .map(|file| crate::terminal::text::columns(&file.path))
                    .max();
                let column = widest.unwrap_or(0).min(60);
                for file in diff.files.iter().take(FILES_SHOWN) {
                    let numbers = match (file.additions, file.deletions) {
                        (Some(added), Some(removed)) => format!("+{added} −{removed}"),
                        _ => "binary".to_owned(),
                    };
                    let what = match file.status {
                        FileStatus::Added => "  new",
                        FileStatus::Deleted => "  deleted",
                        FileStatus::Renamed => "  renamed",
                        FileStatus::Copied => "  copied",
                        FileStatus::TypeChanged => "  another kind of file",
                        FileStatus::Modified => "",
                    };
                    lines.push(labelled("").and(Tone::Quiet, &format!("{:column$}  {numbers}{what}", file.path)));
                }
                if diff.files.len() > FILES_SHOWN {
                    lines.push(labelled("").and(Tone::Quiet, &format!("… {} more", diff.files.len() - FILES_SHOWN)));
                }
            }
            _ if state.base.is_some() => lines.push(labelled("changes").and(Tone::Plain, "none")),
            _ => {}
        }
    }

    fn quality_lines(&self, lines: &mut Vec<Line>, inner: usize) {
        let state = &self.view.state;
        for (index, check) in state.checks.iter().enumerate() {
            let (sign, tone) = if check.passed() {
                ("✓ ", Tone::Good)
            } else {
                ("✗ ", Tone::Bad)
            };
            lines.push(
                labelled(if index == 0 { "checks" } else { "" })
                    .and(tone, sign)
                    .and(Tone::Plain, &check.name)
                    .and(
                        Tone::Quiet,
                        &format!(
                            "  {} in {}, run by CodeCourier",
                            describe::outcome_words(check.outcome),
                            time::duration(check.duration_ms)
                        ),
                    ),
            );
        }
        if let Some(verdict) = &state.verdict {
            let (word, tone) = match verdict.verdict {
                VerdictResult::Pass => ("pass", Tone::Good),
                VerdictResult::Fail => ("fail", Tone::Bad),
            };
            lines.push(labelled("verdict").and(tone, word));
            let feedback = describe::paragraph(Tone::Quiet, &verdict.feedback, inner);
            lines.extend(feedback.into_iter().take(6).map(|line| line.indented(LABEL)));
        }
        let (begun, most) = self.iterations();
        if begun > 0 {
            lines.push(labelled("iterations").and(Tone::Plain, &format!("{begun} of at most {most}")));
        }
    }

    fn cost_lines(&self, lines: &mut Vec<Line>) {
        let totals = &self.view.summary.totals;
        lines.push(labelled("tokens").and(Tone::Plain, &time::tokens(&totals.tokens)));
        let mut cost = labelled("cost").and(Tone::Plain, &totals.spent.to_string());
        cost = match &self.view.spec.model_source {
            ModelSource::Replay { .. } => cost.and(Tone::Quiet, "  (replayed: no model was asked, nothing was spent)"),
            ModelSource::Live | ModelSource::Record { .. } => cost,
        };
        lines.push(cost);
    }

    fn isolation_lines(&self, lines: &mut Vec<Line>, inner: usize) {
        match &self.isolation {
            Isolation::Known { tier, degraded } => {
                let line = labelled("isolation").and(Tone::Plain, tier.as_str());
                if degraded.is_empty() {
                    lines.push(line.and(Tone::Quiet, "  nothing degraded"));
                } else {
                    let names: Vec<&str> = degraded.iter().map(|item| item.guarantee.as_str()).collect();
                    lines.push(line.and(Tone::Warning, &format!("  degraded: {}", names.join(", "))));
                    for item in degraded {
                        let words = describe::paragraph(Tone::Quiet, &item.to_string(), inner);
                        lines.extend(words.into_iter().map(|line| line.indented(LABEL)));
                    }
                }
            }
            Isolation::Recorded(Some(words)) => {
                lines.push(labelled("isolation").and(Tone::Plain, words.trim_start_matches("isolation ")));
            }
            Isolation::Recorded(None) => {}
        }
    }

    /// The result for programs.
    pub(crate) fn json(&self) -> Value {
        let RunView {
            summary,
            spec,
            state,
            pinned,
            steps,
        } = &self.view;
        let (begun, most) = self.iterations();
        json!({
            "type": "result",
            "run": summary.id,
            "project": summary.project,
            "status": summary.status,
            "exitCode": exit_of(summary.status) as u8,
            "failure": self.failure(),
            "pausedBecause": self.pause(),
            "workflow": summary.workflow,
            "repository": spec.repository,
            "createdAt": time::rfc3339(summary.created_at),
            "startedAt": summary.started_at.map(time::rfc3339),
            "finishedAt": summary.finished_at.map(time::rfc3339),
            "branch": self.branch().filter(|_| self.has_change()),
            "baseBranch": pinned.as_ref().map(|pinned| pinned.base_branch.as_str()),
            "base": state.base,
            "tip": state.tip,
            "uncommittedFiles": pinned.as_ref().map(|pinned| pinned.uncommitted_files),
            "agentVersion": pinned.as_ref().map(|pinned| pinned.agent_version.as_str()),
            "template": pinned.as_ref().map(|pinned| pinned.template.as_str()),
            "diffstat": self.diff.as_ref().map(|diff| diff.diffstat),
            "files": self.diff.as_ref().map(|diff| diff.files.as_slice()),
            "checks": state.checks.iter().map(check_json).collect::<Vec<_>>(),
            "verdict": state.verdict,
            "iterations": begun,
            "maxIterations": most,
            "tokens": summary.totals.tokens,
            "costMicroUsd": summary.totals.spent,
            "modelRequests": summary.totals.requests,
            "replayed": matches!(spec.model_source, ModelSource::Replay { .. }),
            "isolation": match &self.isolation {
                Isolation::Known { tier, degraded } => json!({ "tier": tier, "degraded": degraded }),
                Isolation::Recorded(words) => json!({ "recorded": words }),
            },
            "mirror": self.mirror,
            "merge": self.merge_commands(),
            "steps": steps.iter().map(step_json).collect::<Vec<_>>(),
        })
    }
}

fn step_json(step: &StepView) -> Value {
    let StepView {
        row,
        memo,
        usage: _,
        accepts: _,
        waiting: _,
    } = step;
    json!({
        "id": row.id,
        "lane": row.lane,
        "role": row.role,
        "iteration": row.iteration,
        "attempt": row.attempt,
        "status": row.status.as_str(),
        "startedAt": row.started_at.map(time::rfc3339),
        "finishedAt": row.finished_at.map(time::rfc3339),
        "phases": memo.phases,
        "commit": memo.collected,
        "verdict": memo.verdict,
    })
}

fn check_json(check: &CheckResult) -> Value {
    let mut value = serde_json::to_value(check).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("passed".to_owned(), check.passed().into());
    }
    value
}

/// Where the values of the summary begin.
pub(crate) const LABEL: usize = 12;

/// The beginning of a line with a value.
pub(crate) fn labelled(label: &str) -> Line {
    Tone::Quiet.line(&format!("{label:LABEL$}"))
}

/// How a run stands, and how long it took.
pub(crate) fn headline(status: RunStatus, started: Option<Timestamp>, finished: Option<Timestamp>) -> Line {
    let took = match (started, finished) {
        (Some(from), Some(to)) => format!(" in {}", time::between(from, to)),
        _ => String::new(),
    };
    let (sign, tone) = match status {
        RunStatus::Completed => ("✓ ", Tone::Good),
        RunStatus::Failed => ("✗ ", Tone::Bad),
        RunStatus::Cancelled | RunStatus::Paused | RunStatus::Pending | RunStatus::Running => ("● ", Tone::Warning),
    };
    tone.line(sign).and(tone, status.as_str()).and(Tone::Plain, &took)
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = path
        .chars()
        .all(|character| character.is_ascii_alphanumeric() || "/._-".contains(character));
    if is_plain {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}

/// What the record says of a run's sandboxes.
pub(crate) async fn recorded_isolation(records: &Records, view: &RunView) -> Result<Isolation, Problem> {
    use codecourier_domain::event::{Event, Phase, PhaseState};
    let events = records.events(view.summary.project, view.summary.id, 0, 200).await?;
    let words = events.into_iter().find_map(|recorded| match recorded.event {
        Event::Phase {
            phase: Phase::SandboxCreate,
            state: PhaseState::Finished,
            detail,
            ..
        } => detail,
        _ => None,
    });
    Ok(Isolation::Recorded(words))
}
