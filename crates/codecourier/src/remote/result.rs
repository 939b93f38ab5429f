//! What came out of a run at a server, for people and, as one object, for programs: the names are those of an embedded run.

use codecourier_domain::id::RunId;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::run::RunStatus;
use codecourier_domain::usage::Tokens;
use codecourier_engine::ErrorCode;
use codecourier_wire::runs::{RunDetail, RunDiff, StepView};
use serde_json::{Value, json};

use super::Remote;
use crate::problem::Problem;
use crate::terminal::{Line, Tone, time};
use crate::watch::describe;
use crate::watch::result::{LABEL, exit_of, headline, labelled};

/// How many changed files are listed.
const FILES_SHOWN: usize = 20;

/// A run with its change.
pub(super) struct RemoteResult {
    detail: RunDetail,
    diff: Option<RunDiff>,
    project: String,
}

impl RemoteResult {
    /// Gathers it.
    pub(super) async fn gather(remote: &Remote, detail: RunDetail) -> Result<Self, Problem> {
        Ok(Self {
            diff: diff(remote, detail.run.id).await?,
            detail,
            project: remote.project.clone(),
        })
    }

    fn has_change(&self) -> bool {
        self.detail.tip_commit.is_some() && self.detail.tip_commit != self.detail.base_commit
    }

    /// The last step that has one.
    fn last<T>(&self, of: impl Fn(&StepView) -> Option<T>) -> Option<T> {
        self.detail.steps.iter().rev().find_map(of)
    }

    fn merge_command(&self) -> Option<String> {
        let short = self.detail.run.id.short();
        self.has_change().then(|| format!("codecourier patch {short} | git am"))
    }

    /// The result for people.
    pub(super) fn lines(&self, width: usize) -> Vec<Line> {
        let RunDetail { run, .. } = &self.detail;
        let inner = width.min(120).saturating_sub(LABEL + 2).max(20);
        let status = RunStatus::from(run.status);
        let mut lines = vec![headline(
            status,
            run.started_at.map(Into::into),
            run.finished_at.map(Into::into),
        )];
        if let Some(failure) = &self.detail.failure {
            let words = describe::paragraph(Tone::Plain, &failure.message, inner + LABEL);
            lines.extend(words.into_iter().map(|line| line.indented(2)));
            let page = format!("{0}: docs/errors/{0}.md", failure.code);
            lines.push(Tone::Quiet.line(&page).indented(2));
        }
        if let Some(reason) = &self.detail.pause_reason {
            let words = describe::paragraph(Tone::Plain, reason, inner + LABEL);
            lines.extend(words.into_iter().map(|line| line.indented(2)));
        }
        lines.push(Line::new());
        self.change_lines(&mut lines);
        self.quality_lines(&mut lines, inner);
        lines.push(labelled("tokens").and(Tone::Plain, &time::tokens(&run.tokens.into())));
        lines.push(labelled("cost").and(Tone::Plain, &MicroUsd(run.cost_micro_usd).to_string()));
        if let Some(command) = self.merge_command() {
            lines.push(labelled("merge").and(Tone::Usable, &command));
        }
        let short = run.id.short();
        lines.push(labelled("run").and(Tone::Plain, &run.id.to_string()).and(
            Tone::Quiet,
            &format!("  codecourier logs {short}, codecourier diff {short}"),
        ));
        lines
    }

    fn change_lines(&self, lines: &mut Vec<Line>) {
        let detail = &self.detail;
        if let Some(branch) = detail.branch.as_ref().filter(|_| self.has_change()) {
            lines.push(labelled("branch").and(Tone::Usable, branch));
        }
        if let (Some(branch), Some(commit)) = (&detail.base_branch, &detail.base_commit) {
            let at = format!(" at {}", describe::short_commit(commit));
            lines.push(labelled("base").and(Tone::Plain, branch).and(Tone::Quiet, &at));
        }
        match &self.diff {
            Some(diff) if !diff.files.is_empty() => {
                let files = u64::try_from(diff.files.len()).unwrap_or(u64::MAX);
                lines.push(
                    labelled("changes")
                        .and(Tone::Plain, &time::plural(files, "file", "files"))
                        .and(Tone::Good, &format!("  +{}", diff.additions))
                        .and(Tone::Bad, &format!(" −{}", diff.deletions)),
                );
                for file in diff.files.iter().take(FILES_SHOWN) {
                    let numbers = match (file.additions, file.deletions) {
                        (Some(added), Some(removed)) => format!("+{added} −{removed}"),
                        _ => "binary".to_owned(),
                    };
                    lines.push(labelled("").and(Tone::Quiet, &format!("{}  {numbers}", file.path)));
                }
                if diff.files.len() > FILES_SHOWN {
                    lines.push(labelled("").and(Tone::Quiet, &format!("… {} more", diff.files.len() - FILES_SHOWN)));
                }
            }
            Some(_) => lines.push(labelled("changes").and(Tone::Plain, "none")),
            None => {}
        }
    }

    fn quality_lines(&self, lines: &mut Vec<Line>, inner: usize) {
        let checks = self.last(|step| (!step.checks.is_empty()).then(|| step.checks.clone()));
        for (index, check) in checks.unwrap_or_default().iter().enumerate() {
            let (sign, tone) = if check.passed {
                ("✓ ", Tone::Good)
            } else {
                ("✗ ", Tone::Bad)
            };
            let label = labelled(if index == 0 { "checks" } else { "" });
            lines.push(label.and(tone, sign).and(Tone::Plain, &check.name));
        }
        if let Some(verdict) = self.last(|step| step.verdict.clone()) {
            let tone = if verdict.verdict == "pass" {
                Tone::Good
            } else {
                Tone::Bad
            };
            lines.push(labelled("verdict").and(tone, &verdict.verdict));
            let feedback = describe::paragraph(Tone::Quiet, &verdict.feedback, inner);
            lines.extend(feedback.into_iter().take(6).map(|line| line.indented(LABEL)));
        }
    }

    /// The result for programs.
    pub(super) fn json(&self) -> Value {
        let RunDetail { run, .. } = &self.detail;
        let status = RunStatus::from(run.status);
        json!({
            "type": "result",
            "run": run.id,
            "project": self.project,
            "status": status,
            "exitCode": exit_of(status) as u8,
            "failure": self.detail.failure.as_ref().map(|failure| json!({"class": failure.code, "message": failure.message})),
            "pausedBecause": self.detail.pause_reason,
            "workflow": run.workflow,
            "createdAt": run.created_at,
            "startedAt": run.started_at,
            "finishedAt": run.finished_at,
            "branch": self.detail.branch.as_ref().filter(|_| self.has_change()),
            "baseBranch": self.detail.base_branch,
            "base": self.detail.base_commit,
            "tip": self.detail.tip_commit,
            "diffstat": self.diff.as_ref().map(|diff| json!({
                "files": diff.files.len(), "additions": diff.additions, "deletions": diff.deletions,
            })),
            "files": self.diff.as_ref().map(|diff| &diff.files),
            "checks": self.last(|step| (!step.checks.is_empty()).then(|| step.checks.clone())).unwrap_or_default(),
            "verdict": self.last(|step| step.verdict.clone()),
            "tokens": Tokens::from(run.tokens),
            "costMicroUsd": run.cost_micro_usd,
            "modelRequests": run.requests,
            "merge": self.merge_command().into_iter().collect::<Vec<_>>(),
            "steps": self.detail.steps,
        })
    }
}

/// The change of a run, once there can be one.
pub(super) async fn diff(remote: &Remote, run: RunId) -> Result<Option<RunDiff>, Problem> {
    match remote.client.get(&remote.run_path(run, "/diff")).await {
        Ok(diff) => Ok(Some(diff)),
        Err(problem) if matches!(problem.code, ErrorCode::Conflict | ErrorCode::NotFound) => Ok(None),
        Err(problem) => Err(problem),
    }
}
