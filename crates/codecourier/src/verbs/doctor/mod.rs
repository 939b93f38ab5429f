//! `codecourier doctor`: what this machine can do, found out by doing, and what to do about the rest.
//!
//! Invariants: a key is never printed; nothing is changed but what a probe makes and removes again; the exit code says
//! whether a run could start.

mod host;
mod model;
mod server;
mod tools;

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::json;

use crate::config::{Config, KeyOrigin};
use crate::exit::Exit;
use crate::problem::Problem;
use crate::terminal::{Line, Tone, data};
use crate::watch::{Output, describe};

/// The arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Also ask the mail server and the sign-in providers whether they answer; nothing is sent
    #[arg(long)]
    online: bool,
    /// Only look at this part: quick enough to be asked often
    #[arg(long, value_enum, value_name = "PART")]
    only: Option<Part>,
}

/// The parts that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The host and its sandboxes.
    Host,
    /// Programs and templates.
    Tools,
    /// The way to the model.
    Model,
    /// What a server needs besides.
    Server,
}

/// Whether others are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// They are.
    Others,
    /// Only this machine is looked at.
    Nobody,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    /// The part of the machine it belongs to.
    pub(super) group: &'static str,
    /// What was looked at.
    pub(super) name: String,
    /// How it stands.
    pub(super) state: Standing,
    /// What was found.
    pub(super) found: String,
    /// What to do about it.
    pub(super) remedy: Option<String>,
}

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// It works.
    Works,
    /// Worth knowing; nothing is wrong.
    Note,
    /// It works less well than it should.
    Degraded,
    /// It does not work, and a run needs it.
    Missing,
}

impl Finding {
    pub(super) fn works(group: &'static str, name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(group, name, Standing::Works, found)
    }

    pub(super) fn note(group: &'static str, name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(group, name, Standing::Note, found)
    }

    pub(super) fn degraded(group: &'static str, name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(group, name, Standing::Degraded, found)
    }

    pub(super) fn missing(group: &'static str, name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(group, name, Standing::Missing, found)
    }

    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn new(group: &'static str, name: impl Into<String>, state: Standing, found: impl Into<String>) -> Self {
        Self {
            group,
            name: name.into(),
            state,
            found: found.into(),
            remedy: None,
        }
    }
}

/// Looks at everything.
pub(crate) async fn doctor(arguments: &Arguments, config: &Config, output: Output) -> Result<Exit, Problem> {
    let asking = match arguments.online {
        true => Asking::Others,
        false => Asking::Nobody,
    };
    let wants = |part| arguments.only.is_none_or(|only| only == part);
    let mut findings = Vec::new();
    if wants(Part::Host) {
        findings.extend(host::look(config).await);
    }
    if wants(Part::Tools) {
        findings.extend(tools::look(config).await);
    }
    if wants(Part::Model) {
        findings.extend(model::look(config));
    }
    if wants(Part::Server) {
        findings.extend(server::look(config, asking).await);
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let (missing, degraded) = (count(Standing::Missing), count(Standing::Degraded));
    match output {
        Output::Json => {
            for finding in &findings {
                data::json(&json!({ "type": "finding", "finding": finding }));
            }
            data::json(&json!({ "type": "result", "missing": missing, "degraded": degraded }));
        }
        Output::People => {
            let mut lines = lines(&findings, data::width(config));
            lines.push(Line::new());
            lines.push(match arguments.only {
                Some(_) => conclusion_of_part(missing, degraded),
                None => conclusion(missing, degraded, config.key().ok().flatten().map(|(origin, _)| origin)),
            });
            data::lines(config, &lines);
        }
    }
    Ok(if missing > 0 {
        Exit::Environment
    } else {
        Exit::Completed
    })
}

fn lines(findings: &[Finding], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut group = "";
    let column = findings
        .iter()
        .map(|finding| finding.name.len())
        .max()
        .unwrap_or(0)
        .min(30);
    for finding in findings {
        if finding.group != group {
            if !group.is_empty() {
                lines.push(Line::new());
            }
            group = finding.group;
            lines.push(Tone::Strong.line(group));
        }
        let (sign, tone) = match finding.state {
            Standing::Works => ("✓", Tone::Good),
            Standing::Note => ("·", Tone::Quiet),
            Standing::Degraded => ("!", Tone::Warning),
            Standing::Missing => ("✗", Tone::Bad),
        };
        let inner = width.min(120).saturating_sub(column + 5);
        let mut found = describe::paragraph(Tone::Plain, &finding.found, inner).into_iter();
        lines.push(
            Tone::Plain
                .line("  ")
                .and(tone, sign)
                .and(Tone::Plain, &format!(" {:column$} ", finding.name))
                .joined(found.next().unwrap_or_default()),
        );
        lines.extend(found.map(|line| line.indented(column + 5)));
        if let Some(remedy) = &finding.remedy {
            let words = describe::paragraph(Tone::Usable, &format!("to do: {remedy}"), inner);
            lines.extend(words.into_iter().map(|line| line.indented(column + 5)));
        }
    }
    lines
}

/// One sentence on a part of it.
fn conclusion_of_part(missing: usize, degraded: usize) -> Line {
    match (missing, degraded) {
        (0, 0) => Tone::Good.line("Nothing is wrong with this part."),
        (0, _) => Tone::Warning.line(&format!("It works, and could be better: {degraded}.")),
        (_, _) => Tone::Bad.line(&format!("Missing here: {missing}.")),
    }
}

/// One sentence on all of it.
fn conclusion(missing: usize, degraded: usize, key: Option<KeyOrigin>) -> Line {
    match (missing, degraded, key) {
        (0, 0, Some(_)) => Tone::Good.line("Everything is there: `codecourier run` can start."),
        (0, 0, None) => {
            Tone::Good.line("This machine has everything: `codecourier demo` can start; `codecourier run` needs a key.")
        }
        (0, _, _) => Tone::Warning.line(&format!(
            "Runs can start; weaker than promised here: {degraded}. What concerns sandboxes needs --allow-degraded."
        )),
        (_, _, _) => Tone::Bad.line(&format!("This machine is not ready yet; missing here: {missing}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::Paint;

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let findings = [
            Finding::works("host", "kernel", "6.1"),
            Finding::missing("tools", "git", "not found").with_remedy("apt-get install git"),
        ];
        let text: Vec<String> = lines(&findings, 80)
            .iter()
            .map(|line| line.render(80, Paint::PLAIN))
            .collect();
        assert_eq!(
            text,
            [
                "host",
                "  ✓ kernel 6.1",
                "",
                "tools",
                "  ✗ git    not found",
                "           to do: apt-get install git"
            ]
        );
    }
}
