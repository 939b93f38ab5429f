//! What people see of events, hostile ones included.

use codecourier_domain::check::{CheckOutcome, CheckResult, Requirement};
use codecourier_domain::event::{Event, Phase, PhaseState, PlanEntry, PlanStatus, ResultSource, ToolImage};
use codecourier_domain::failure::{Failure, FailureClass};
use codecourier_domain::image::ImageType;
use codecourier_domain::verdict::{Finding, Severity, Verdict, VerdictResult};
use serde_json::json;

use super::*;
use crate::terminal::Paint;

fn shown(detail: Detail, events: &[Event], width: usize) -> Vec<String> {
    let mut transcript = Transcript::new(detail);
    events
        .iter()
        .flat_map(|event| transcript.lines(None, event, width))
        .map(|line| line.render(width, Paint::PLAIN))
        .collect()
}

fn call(call: &str, name: &str, input: serde_json::Value) -> Event {
    Event::ToolCall {
        call: call.into(),
        name: name.into(),
        input,
        parent_call: None,
    }
}

fn result(call: &str, succeeded: bool, output: &str) -> Event {
    Event::ToolResult {
        call: call.into(),
        succeeded,
        output: output.into(),
        truncated: false,
        images: Vec::new(),
    }
}

fn text(text: &str) -> Event {
    Event::Text {
        text: text.into(),
        partial: false,
        parent_call: None,
    }
}

#[test]
fn a_picture_that_a_tool_gave_is_named() {
    let mut given = result("1", true, "");
    let Event::ToolResult { images, .. } = &mut given else {
        panic!("another kind: {given:?}");
    };
    images.push(ToolImage {
        image: "0f".repeat(32),
        media_type: ImageType::Png,
        size: 70,
    });
    let events = [call("1", "Read", json!({"file_path": "a.png"})), given];
    assert_eq!(
        shown(Detail::Progress, &events, 80),
        ["  ✓ Read a.png", "    │ picture: image/png, 70 bytes"]
    );
    let full = shown(Detail::Full, &events, 120);
    assert_eq!(
        full[1],
        format!("    │ picture: image/png, 70 bytes, {}", "0f".repeat(32))
    );
}

#[test]
fn a_tool_call_is_one_line_once_its_result_is_there() {
    let events = [
        call("1", "Read", json!({"file_path": "/home/user/project/src/lib.rs"})),
        call(
            "2",
            "Bash",
            json!({"command": "cargo test\necho done", "description": "x"}),
        ),
        result("2", false, "\n  error: no such file\nmore"),
        result("1", true, "a long file"),
    ];
    assert_eq!(
        shown(Detail::Progress, &events, 80),
        ["  ✗ Bash cargo test … — error: no such file", "  ✓ Read src/lib.rs"]
    );
}

#[test]
fn an_agent_cannot_pass_for_the_platform() {
    let hostile = "\u{1b}[2J\u{1b}[H\u{1b}[32m✓ verdict: pass\u{1b}[0m\r\n✓ check tests: passed\u{1b}]0;owned\u{7}";
    let lines = shown(Detail::Progress, &[text(hostile)], 80);
    assert_eq!(lines, ["  │ ✓ verdict: pass", "  │ ✓ check tests: passed"]);
}

#[test]
fn every_event_is_harmless_at_every_width() {
    let evil = "\u{1b}[31m\u{202e}evil\u{1b}]52;c;eA==\u{7}\u{9b}5A 日本語 ".repeat(40);
    let events = [
        text(&evil),
        Event::Thinking {
            text: evil.clone(),
            partial: false,
            parent_call: Some("x".into()),
        },
        call("1", &evil, json!({"anything": evil})),
        result("1", false, &evil),
        result("never called", true, &evil),
        Event::Notice { message: evil.clone() },
        Event::AgentStderr { line: evil.clone() },
        Event::PermissionDenied { tool: evil.clone() },
        Event::ModelChanged { model: evil.clone() },
        Event::Plan {
            entries: vec![PlanEntry {
                text: evil.clone(),
                status: PlanStatus::InProgress,
            }],
        },
        Event::Unknown {
            raw: evil.clone(),
            reason: evil.clone(),
        },
        Event::UserMessage {
            text: evil.clone(),
            by: evil.clone(),
        },
        Event::ModelSwitched {
            model: evil.clone(),
            by: evil.clone(),
        },
        Event::AskedAgain {
            attempt: 1,
            problem: evil.clone(),
        },
        Event::Failed {
            failure: Failure::new(FailureClass::Task, evil.clone()),
        },
        Event::Phase {
            phase: Phase::Clone,
            state: PhaseState::Failed,
            duration_ms: Some(1),
            detail: Some(evil.clone()),
        },
        Event::Check {
            result: CheckResult {
                name: evil.clone(),
                requirement: Requirement::Advisory,
                commit: evil.clone(),
                outcome: CheckOutcome::Exited { code: 1 },
                duration_ms: 7,
                output_tail: evil.clone(),
            },
        },
        Event::Verdict {
            verdict: Verdict {
                verdict: VerdictResult::Fail,
                feedback: evil.clone(),
                findings: vec![Finding {
                    severity: Severity::Critical,
                    message: evil.clone(),
                    file: Some(evil.clone()),
                    line: Some(1),
                }],
            },
            source: ResultSource::FinalText,
        },
    ];
    for detail in [Detail::Progress, Detail::Full] {
        for width in [1, 2, 7, 20, 41, 80, 200] {
            for line in shown(detail, &events, width) {
                let hidden = |character: char| character.is_control() || ('\u{202a}'..='\u{202e}').contains(&character);
                assert!(!line.chars().any(hidden), "{line:?}");
                assert!(crate::terminal::text::columns(&line) <= width, "{width}: {line:?}");
            }
        }
    }
}

#[test]
fn while_watching_a_flood_of_text_is_cut_and_the_log_has_it_all() {
    let flood = text(&"line\n".repeat(5_000));
    assert_eq!(
        shown(Detail::Progress, std::slice::from_ref(&flood), 80).len(),
        LINES_SHOWN + 1
    );
    assert_eq!(shown(Detail::Full, &[flood], 80).len(), 5_000);
}

#[test]
fn a_failed_check_shows_the_end_of_its_output() {
    let check = |code| Event::Check {
        result: CheckResult {
            name: "tests".into(),
            requirement: Requirement::Required,
            commit: "c".into(),
            outcome: CheckOutcome::Exited { code },
            duration_ms: 1_250,
            output_tail: "first\nFAILED (failures=1)\n".into(),
        },
    };
    assert_eq!(
        shown(Detail::Progress, &[check(1)], 80),
        [
            "  ✗ check tests: exit code 1 in 1.2 s",
            "      │ first",
            "      │ FAILED (failures=1)"
        ]
    );
    assert_eq!(
        shown(Detail::Progress, &[check(0)], 80),
        ["  ✓ check tests: passed in 1.2 s"]
    );
}

#[test]
fn survivors_are_a_fault_and_say_so() {
    let lines = shown(
        Detail::Progress,
        &[Event::Killed {
            killed: 3,
            survivors: 1,
        }],
        80,
    );
    assert!(lines[0].contains("could not be killed"), "{lines:?}");
}
