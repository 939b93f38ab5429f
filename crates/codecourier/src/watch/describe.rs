//! What happened in a run, as lines for people. Pure: the same events give the same lines.
//!
//! Invariants: a tool call is one line, written when its result is there; what an agent wrote is quoted (`│`), so that
//! it cannot pass for a word of the platform; every text is bounded.

mod agent;

use std::collections::HashMap;

use codecourier_domain::check::{CheckOutcome, CheckResult, Requirement};
use codecourier_domain::event::{Event, PermissionAnswer, Phase, PhaseState, ResultSource, ToolImage};
use codecourier_domain::id::StepId;
use codecourier_domain::verdict::{Severity, Verdict, VerdictResult};

use crate::terminal::text::{self, LineFeeds};
use crate::terminal::{Line, Tone, time};

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What a watcher wants to see: long texts are cut.
    Progress,
    /// All that was recorded.
    Full,
}

/// Turns events into lines. Remembers tool calls until their results come.
#[derive(Debug)]
pub(crate) struct Transcript {
    detail: Detail,
    calls: HashMap<(Option<StepId>, String), Call>,
}

/// A tool call that has no result yet.
#[derive(Debug, Clone)]
struct Call {
    name: String,
    summary: String,
    is_nested: bool,
}

/// How many lines of a text are shown while watching.
const LINES_SHOWN: usize = 12;
/// How much of one text is looked at.
const CHARACTERS_SHOWN: usize = 20_000;
/// How many calls without a result are remembered.
const CALLS_REMEMBERED: usize = 1_000;
/// How far the lines of a step stand to the right.
const INDENT: usize = 2;

impl Transcript {
    /// An empty one.
    pub(crate) fn new(detail: Detail) -> Self {
        Self {
            detail,
            calls: HashMap::new(),
        }
    }

    /// The call that runs now, for the status line.
    pub(crate) fn current_call(&self, step: Option<StepId>) -> Option<String> {
        let mut of_step = self.calls.iter().filter(|((of, _), _)| *of == step);
        let (_, call) = of_step.next()?;
        Some(format!("{} {}", call.name, call.summary))
    }

    /// The lines that an event gives, at a width of so many columns.
    pub(crate) fn lines(&mut self, step: Option<StepId>, event: &Event, width: usize) -> Vec<Line> {
        let width = width.min(120);
        let lines = match event {
            Event::SessionStarted {
                model, agent_version, ..
            } => vec![Tone::Quiet.line(&format!("agent {agent_version}, model {model}"))],
            Event::Text {
                text,
                partial: false,
                parent_call,
            } => self.quoted(Tone::Plain, text, width, parent_call.is_some()),
            Event::Thinking {
                text,
                partial: false,
                parent_call,
            } => {
                if text.trim().is_empty() {
                    Vec::new()
                } else {
                    self.quoted(Tone::Quiet, text, width, parent_call.is_some())
                }
            }
            Event::Text { partial: true, .. } | Event::Thinking { partial: true, .. } => Vec::new(),
            Event::ToolCall {
                call,
                name,
                input,
                parent_call,
            } => {
                if self.calls.len() < CALLS_REMEMBERED {
                    let remembered = Call {
                        name: name.clone(),
                        summary: call_summary(name, input),
                        is_nested: parent_call.is_some(),
                    };
                    self.calls.insert((step, call.clone()), remembered);
                }
                Vec::new()
            }
            Event::ToolResult {
                call,
                succeeded,
                output,
                truncated: _,
                images,
            } => {
                let mut lines = self.tool_result(step, call, *succeeded, output, width);
                lines.extend(images.iter().map(|image| self.picture(image)));
                lines
            }
            Event::Retry {
                attempt,
                delay_ms,
                status,
                message,
            } => {
                let status = status.map_or(String::new(), |status| format!(" (HTTP {status})"));
                vec![Tone::Warning.line(&format!(
                    "the agent asks its model again{status}: {message}; attempt {attempt} in {}",
                    time::duration(*delay_ms)
                ))]
            }
            Event::PermissionDenied { tool } => {
                vec![Tone::Warning.line(&format!("the agent's own rules refused {tool}"))]
            }
            // The answer is the platform's own, and the result of the call says the rest.
            Event::PermissionAsked { .. } | Event::ContextUsed { .. } | Event::UsageReported { .. } => Vec::new(),
            Event::PermissionAnswered { answer, .. } => match answer {
                PermissionAnswer::Allowed => Vec::new(),
                PermissionAnswer::Refused => vec![Tone::Warning.line("a question of the agent was refused")],
            },
            // The call that made it is shown, and the diff comes with the commits.
            Event::FileChanged { .. } => Vec::new(),
            Event::Plan { entries } => self.quoted(Tone::Quiet, &agent::plan(entries), width, false),
            Event::ModelChanged { model } => vec![Tone::Warning.line(&format!("the agent goes on with {model}"))],
            Event::Notice { message } => vec![Tone::Quiet.line(message)],
            Event::TurnEnded { outcome, error, .. } => agent::turn_ended(*outcome, error.as_deref()),
            Event::Unknown { reason, .. } => match self.detail {
                Detail::Progress => Vec::new(),
                Detail::Full => {
                    vec![Tone::Quiet.line(&format!("a line of the agent that is not understood: {reason}"))]
                }
            },
            Event::AgentStderr { line } => vec![Tone::Quiet.line("stderr ").and(Tone::Quiet, line)],
            Event::Prompt { text } => match self.detail {
                Detail::Progress => Vec::new(),
                Detail::Full => {
                    let mut lines = vec![Tone::Quiet.line("the platform to the agent:")];
                    lines.extend(self.quoted(Tone::Quiet, text, width, false));
                    lines
                }
            },
            Event::UserMessage { text, .. } => {
                let mut lines = vec![Tone::Strong.line("you:")];
                lines.extend(self.quoted(Tone::Plain, text, width, false));
                lines
            }
            Event::Interrupted { .. } => vec![Tone::Warning.line("you interrupted the agent")],
            Event::ModelSwitched { model, .. } => vec![Tone::Quiet.line(&format!("from here on with {model}"))],
            Event::ConversationEnded { .. } => vec![Tone::Quiet.line("the conversation was ended")],
            Event::Phase {
                phase,
                state,
                duration_ms,
                detail,
            } => phase_line(*phase, *state, *duration_ms, detail.as_deref()),
            Event::ModelRequest {
                model,
                tokens,
                cost,
                duration_ms,
                ..
            } => match self.detail {
                Detail::Progress => Vec::new(),
                Detail::Full => vec![Tone::Quiet.line(&format!(
                    "model request to {model}: {}, {cost}, {}",
                    time::tokens(tokens),
                    time::duration(*duration_ms)
                ))],
            },
            Event::Egress { host, port, outcome } => agent::egress(host, *port, *outcome, self.detail),
            Event::Check { result } => check_lines(result, self.detail, width),
            Event::Verdict { verdict, source } => verdict_lines(verdict, *source, width),
            Event::AskedAgain { attempt, problem } => vec![Tone::Warning.line(&format!(
                "the verdict cannot be used ({problem}); asked again, time {attempt}"
            ))],
            Event::Collected {
                commit,
                commits,
                files,
                insertions,
                deletions,
            } => vec![collected_line(commit, *commits, *files, *insertions, *deletions)],
            Event::Killed { killed, survivors } => killed_lines(*killed, *survivors),
            Event::Failed { failure } => {
                let mut lines = vec![Tone::Bad.line(&format!("✗ failed ({})", failure.class))];
                lines.extend(
                    paragraph(Tone::Plain, &failure.message, width.saturating_sub(6))
                        .into_iter()
                        .map(|line| line.indented(4)),
                );
                lines
            }
        };
        lines.into_iter().map(|line| line.indented(INDENT)).collect()
    }

    /// A text that somebody else wrote.
    fn quoted(&self, tone: Tone, foreign: &str, width: usize, is_nested: bool) -> Vec<Line> {
        let indent = if is_nested { 2 } else { 0 };
        let (bounded, was_bounded) = bound(foreign, CHARACTERS_SHOWN, self.detail);
        let clean = text::clean(bounded.trim(), LineFeeds::Keep);
        if clean.trim().is_empty() {
            return Vec::new();
        }
        let mut wrapped = text::wrap(clean.trim_end(), width.saturating_sub(INDENT + indent + 3).max(8));
        let all = wrapped.len();
        let limit = match self.detail {
            Detail::Progress => LINES_SHOWN,
            Detail::Full => usize::MAX,
        };
        wrapped.truncate(limit);
        let mut lines: Vec<Line> = wrapped
            .iter()
            .map(|text| Tone::Quiet.line("│ ").and(tone, text).indented(indent))
            .collect();
        if all > limit {
            let more = format!("│ … {} more", time::plural((all - limit) as u64, "line", "lines"));
            lines.push(Tone::Quiet.line(&more).indented(indent));
        } else if was_bounded {
            lines.push(Tone::Quiet.line("│ …").indented(indent));
        }
        lines
    }

    /// A picture that a tool gave: what it is, and in full its name, by which the server gives it.
    fn picture(&self, image: &ToolImage) -> Line {
        let what = format!("│ picture: {}, {} bytes", image.media_type.as_str(), image.size);
        let line = Tone::Quiet.line(&what);
        match self.detail {
            Detail::Progress => line,
            Detail::Full => line.and(Tone::Quiet, &format!(", {}", image.image)),
        }
        .indented(2)
    }

    fn tool_result(
        &mut self,
        step: Option<StepId>,
        call: &str,
        succeeded: bool,
        output: &str,
        width: usize,
    ) -> Vec<Line> {
        let known = self.calls.remove(&(step, call.to_owned()));
        let (name, summary, indent) = match &known {
            Some(known) => (
                known.name.as_str(),
                known.summary.as_str(),
                if known.is_nested { 2 } else { 0 },
            ),
            None => ("tool", "", 0),
        };
        let (sign, tone) = if succeeded {
            ("✓ ", Tone::Good)
        } else {
            ("✗ ", Tone::Bad)
        };
        let mut line = tone
            .line(sign)
            .and(Tone::Strong, name)
            .and(Tone::Plain, " ")
            .and(Tone::Plain, summary);
        if !succeeded && self.detail == Detail::Progress {
            let reason = output
                .lines()
                .map(str::trim)
                .find(|line| !line.is_empty())
                .unwrap_or_default();
            line = line.and(Tone::Quiet, &format!(" — {}", first_characters(reason, 200)));
        }
        let mut lines = vec![line.indented(indent)];
        if self.detail == Detail::Full {
            lines.extend(self.quoted(Tone::Quiet, output, width, true));
        }
        lines
    }
}

/// The headline of a step.
pub(crate) fn step_heading(lane: &str, iteration: u32, attempt: u32) -> Line {
    let mut line = Tone::Strong.line("● ").and(Tone::Strong, lane);
    line = line.and(Tone::Quiet, &format!("  iteration {iteration}"));
    if attempt > 1 {
        line = line.and(Tone::Warning, &format!(", attempt {attempt}"));
    }
    line
}

/// What a tool is asked to do, in one line.
fn call_summary(name: &str, input: &serde_json::Value) -> String {
    let text = |field: &str| input.get(field).and_then(serde_json::Value::as_str);
    let place =
        |field: &str| text(field).map(|path| path.strip_prefix("/home/user/project/").unwrap_or(path).to_owned());
    let summary = match name {
        "Read" | "Edit" | "Write" | "NotebookEdit" => place("file_path").or_else(|| place("notebook_path")),
        "Bash" => text("command").map(str::to_owned),
        "Grep" | "Glob" => text("pattern").map(str::to_owned),
        "WebFetch" => text("url").map(str::to_owned),
        "Task" | "Agent" => text("description").map(str::to_owned),
        "Skill" => text("skill").map(str::to_owned),
        _ => None,
    };
    let summary = summary.unwrap_or_else(|| match input {
        serde_json::Value::Object(fields) if fields.is_empty() => String::new(),
        other => other.to_string(),
    });
    let mut lines = summary.trim().lines();
    let first = first_characters(lines.next().unwrap_or_default(), 300);
    if lines.next().is_some() {
        format!("{first} …")
    } else {
        first
    }
}

fn phase_line(phase: Phase, state: PhaseState, duration_ms: Option<u64>, detail: Option<&str>) -> Vec<Line> {
    let took = duration_ms.map_or(String::new(), |duration| format!(" in {}", time::duration(duration)));
    let detail = detail.map_or(String::new(), |detail| format!("  {detail}"));
    match state {
        PhaseState::Started => Vec::new(),
        PhaseState::Failed => vec![
            Tone::Bad
                .line(&format!("✗ {}{took}", phase.as_str()))
                .and(Tone::Plain, &detail),
        ],
        PhaseState::Finished => match phase {
            Phase::SandboxCreate | Phase::Clone | Phase::SetupScript => {
                vec![Tone::Quiet.line(&format!("{}{took}{detail}", phase.as_str()))]
            }
            Phase::Install | Phase::AgentCli | Phase::Collect | Phase::Checks | Phase::Teardown => {
                if detail.is_empty() {
                    Vec::new()
                } else {
                    vec![Tone::Quiet.line(&format!("{}{took}{detail}", phase.as_str()))]
                }
            }
        },
    }
}

/// How a check ended, in words.
pub(crate) fn outcome_words(outcome: CheckOutcome) -> String {
    match outcome {
        CheckOutcome::Exited { code: 0 } => "passed".to_owned(),
        CheckOutcome::Exited { code } => format!("exit code {code}"),
        CheckOutcome::Signalled { signal } => format!("ended by signal {signal}"),
        CheckOutcome::TimedOut => "took longer than it may".to_owned(),
        CheckOutcome::OutOfMemory => "ran out of memory".to_owned(),
    }
}

/// A check's sign, name and outcome.
pub(crate) fn check_line(result: &CheckResult) -> Line {
    let (sign, tone) = if result.passed() {
        ("✓ ", Tone::Good)
    } else {
        ("✗ ", Tone::Bad)
    };
    let requirement = match result.requirement {
        Requirement::Required => "",
        Requirement::Advisory => " (advisory)",
    };
    tone.line(sign)
        .and(Tone::Plain, "check ")
        .and(Tone::Strong, &result.name)
        .and(
            Tone::Plain,
            &format!(
                "{requirement}: {} in {}",
                outcome_words(result.outcome),
                time::duration(result.duration_ms)
            ),
        )
}

fn check_lines(result: &CheckResult, detail: Detail, width: usize) -> Vec<Line> {
    let mut lines = vec![check_line(result)];
    let tail = text::clean(result.output_tail.trim_end(), LineFeeds::Keep);
    let shown = match detail {
        Detail::Progress if result.passed() => 0,
        Detail::Progress => LINES_SHOWN,
        Detail::Full => usize::MAX,
    };
    let all: Vec<&str> = tail.lines().filter(|line| !line.trim().is_empty()).collect();
    let first = all.len().saturating_sub(shown);
    for line in &all[first..] {
        lines.push(
            Tone::Quiet
                .line("│ ")
                .and(Tone::Quiet, &text::cut(line, width))
                .indented(4),
        );
    }
    lines
}

/// The lines of a verdict.
pub(crate) fn verdict_lines(verdict: &Verdict, source: ResultSource, width: usize) -> Vec<Line> {
    let head = match verdict.verdict {
        VerdictResult::Pass => Tone::Good.line("✓ verdict: pass"),
        VerdictResult::Fail => Tone::Bad.line("✗ verdict: fail"),
    };
    let head = match source {
        ResultSource::File => head,
        ResultSource::FinalText => head.and(Tone::Quiet, "  (taken from the checker's last answer)"),
    };
    let mut lines = vec![head];
    let inner = width.saturating_sub(8).max(20);
    let feedback = paragraph(Tone::Plain, &verdict.feedback, inner);
    lines.extend(feedback.into_iter().map(|line| line.indented(4)));
    for finding in verdict.findings.iter().take(20) {
        let (word, tone) = match finding.severity {
            Severity::Critical => ("critical", Tone::Bad),
            Severity::Important => ("important", Tone::Warning),
            Severity::Minor => ("minor", Tone::Quiet),
        };
        let place = match (&finding.file, finding.line) {
            (Some(file), Some(line)) => format!(" {file}:{line}"),
            (Some(file), None) => format!(" {file}"),
            (None, _) => String::new(),
        };
        lines.push(tone.line(word).and(Tone::Usable, &place).indented(4));
        let message = paragraph(Tone::Plain, &finding.message, inner);
        lines.extend(message.into_iter().map(|line| line.indented(6)));
    }
    if verdict.findings.len() > 20 {
        lines.push(
            Tone::Quiet
                .line(&format!("… {} more findings", verdict.findings.len() - 20))
                .indented(4),
        );
    }
    lines
}

fn collected_line(commit: &str, commits: u32, files: u32, insertions: u64, deletions: u64) -> Line {
    if commits == 0 {
        return Tone::Warning.line("no change to take over");
    }
    Tone::Plain
        .line(&format!(
            "took over {}: {}, ",
            time::plural(u64::from(commits), "commit", "commits"),
            time::plural(u64::from(files), "file", "files")
        ))
        .and(Tone::Good, &format!("+{insertions}"))
        .and(Tone::Plain, " ")
        .and(Tone::Bad, &format!("−{deletions}"))
        .and(Tone::Quiet, &format!("  {}", short_commit(commit)))
}

fn killed_lines(killed: u32, survivors: u32) -> Vec<Line> {
    if survivors > 0 {
        return vec![Tone::Bad.line(&format!(
            "✗ {} of the sandbox could not be killed: this is a fault to report",
            time::plural(u64::from(survivors), "process", "processes")
        ))];
    }
    vec![Tone::Quiet.line(&format!(
        "sandbox gone: {} killed, none left",
        time::plural(u64::from(killed), "process", "processes")
    ))]
}

/// The first digits of a commit's name.
pub(crate) fn short_commit(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

/// A text of several lines, wrapped and bounded.
pub(crate) fn paragraph(tone: Tone, foreign: &str, width: usize) -> Vec<Line> {
    let (bounded, _) = bound(foreign, 6_000, Detail::Progress);
    let clean = text::clean(bounded.trim(), LineFeeds::Keep);
    if clean.trim().is_empty() {
        return Vec::new();
    }
    text::wrap(&clean, width.max(20))
        .iter()
        .map(|line| tone.line(line))
        .collect()
}

fn bound(text: &str, characters: usize, detail: Detail) -> (&str, bool) {
    match detail {
        Detail::Full => (text, false),
        Detail::Progress => match text.char_indices().nth(characters) {
            Some((end, _)) => (&text[..end], true),
            None => (text, false),
        },
    }
}

fn first_characters(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

#[cfg(test)]
mod tests;
