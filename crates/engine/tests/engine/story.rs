//! The demo's story, and everything that must be true of it at its end, whatever happened on the way.

use std::collections::BTreeMap;
use std::iter;

use codecourier_agents::ParsedLine;
use codecourier_agents::claude::parser::ClaudeReader;
use codecourier_agents::parse::{LineLimits, LineParser, Parser as _};
use codecourier_domain::check::{CheckOutcome, CheckSpec, Requirement};
use codecourier_domain::event::{Durability, Event, Origin, Phase, PhaseState};
use codecourier_domain::id::{ProjectId, RunId, SandboxId};
use codecourier_domain::role::Role;
use codecourier_domain::run::RunStatus;
use codecourier_domain::verdict::VerdictResult;
use codecourier_engine::runs::spec::RunSpec;
use codecourier_store::steps::StepStatus;
use codecourier_testkit::engine::{Recorded, TestEngine, World};

/// The check that the story's second attempt passes.
pub(crate) fn answer_check() -> CheckSpec {
    CheckSpec {
        name: "answer".to_owned(),
        command: "echo the answer is $(cat answer.txt); grep -qx 42 answer.txt".to_owned(),
        requirement: Requirement::Required,
        timeout_seconds: 60,
    }
}

/// The story's run.
pub(crate) fn spec(world: &World) -> RunSpec {
    let mut spec = world.spec();
    spec.checks = vec![answer_check()];
    spec
}

/// Everything that is true at the story's end. `when` says what happened on the way, for messages.
pub(crate) async fn assert_told_once(world: &World, engine: &TestEngine, run: (ProjectId, RunId), when: &str) {
    let view = engine.view(run).await;
    assert_eq!(
        view.summary.status,
        RunStatus::Completed,
        "{when}: {:?}",
        view.state.failure()
    );

    let steps: Vec<_> = view
        .steps
        .iter()
        .map(|step| (step.row.lane.as_str(), step.row.attempt, step.row.status))
        .collect();
    let expected = ["designer#1", "checker#1", "designer#2", "checker#2"];
    assert_eq!(
        steps,
        expected.map(|lane| (lane, 1, StepStatus::Completed)),
        "{when}: each step once, and not: {:?}",
        view.steps
            .iter()
            .filter_map(|step| step.memo.outcome.as_ref())
            .collect::<Vec<_>>()
    );
    let verdicts: Vec<_> = view
        .steps
        .iter()
        .filter_map(|step| Some(step.memo.verdict.as_ref()?.verdict))
        .collect();
    assert_eq!(verdicts, [VerdictResult::Fail, VerdictResult::Pass], "{when}");
    let checks: Vec<_> = view.steps.iter().flat_map(|step| &step.memo.checks).collect();
    let outcomes: Vec<_> = checks.iter().map(|check| check.outcome).collect();
    let exited = |code| CheckOutcome::Exited { code };
    assert_eq!(outcomes, [exited(1), exited(0)], "{when}");
    assert_eq!(checks[1].output_tail, "the answer is 42\n", "{when}");

    // The result is in the user's repository, and nothing else of it was touched.
    let branch = view.pinned.as_ref().unwrap().branch.as_str();
    let repository = &world.repository;
    assert_eq!(
        repository.git(["show", &format!("{branch}:answer.txt")]),
        "42",
        "{when}"
    );
    assert_eq!(
        repository.git(["diff", "--name-only", "main", branch]),
        "answer.txt",
        "{when}"
    );
    assert_eq!(
        repository.git(["rev-list", "--count", &format!("main..{branch}")]),
        "2",
        "{when}"
    );
    assert_eq!(repository.commit(branch), view.state.tip.clone().unwrap(), "{when}");
    assert_eq!(repository.git(["status", "--porcelain"]), "", "{when}");

    let events = engine.events(run).await;
    assert!(
        events.iter().zip(1..).all(|(event, seq)| event.seq == seq),
        "{when}: no gap"
    );
    for step in &view.steps {
        let of_step: Vec<&Recorded> = events.iter().filter(|event| event.step == Some(step.row.id)).collect();
        let lane = &step.row.lane;
        let expected = expected_phases(step.row.role);
        assert_eq!(phases(&of_step), expected, "{when}: {lane}");
        let sandbox = SandboxId::of_step(&step.row.id);
        let written = written(world, sandbox);
        assert!(!written.is_empty(), "{when}: {lane} wrote something");
        let stored: Vec<&Event> = of_step
            .iter()
            .map(|event| &event.event)
            .filter(|event| event.origin() == Origin::Agent)
            .collect();
        assert_eq!(
            stored,
            written.iter().collect::<Vec<_>>(),
            "{when}: {lane}, each line once and in order"
        );
        let inputs: Vec<_> = world
            .backend
            .inputs_of(sandbox, "agent")
            .into_iter()
            .map(|input| input.id)
            .collect();
        let answers = parse(world, sandbox).into_iter().flat_map(|line| line.replies);
        let expected: Vec<String> = iter::once("initial".to_owned())
            .chain(answers.map(|reply| reply.id))
            .collect();
        assert_eq!(inputs, expected, "{when}: {lane} was told once, and answered once");
        assert_eq!(
            inputs.len(),
            1 + usize::from(step.row.role == Role::Designer),
            "{when}: {lane} asked"
        );
        let kinds = kinds(&of_step);
        let count = |kind: &str| kinds.get(kind).copied().unwrap_or(0);
        let writes = usize::from(step.row.role == Role::Designer);
        assert_eq!(count("prompt"), 1, "{when}: {lane}");
        assert_eq!(count("killed"), 1, "{when}: {lane}");
        assert_eq!(count("agent_stderr"), writes, "{when}: {lane}");
        assert_eq!(count("collected"), writes, "{when}: {lane}");
        assert_eq!(count("check"), writes, "{when}: {lane}");
        assert_eq!(count("verdict"), 1 - writes, "{when}: {lane}");
        assert_eq!(count("failed"), 0, "{when}: {lane}");
    }
    let made = world.backend.created();
    assert_eq!(made.len(), 4, "{when}: each sandbox was made once");
    assert_eq!(world.backend.present(), [], "{when}: no sandbox is left");
}

/// What a step's agent wrote, as events: what the log must hold of it.
pub(crate) fn written(world: &World, sandbox: SandboxId) -> Vec<Event> {
    parse(world, sandbox)
        .into_iter()
        .flat_map(|line| line.events)
        .filter(|event| event.durability() == Durability::Durable)
        .collect()
}

fn parse(world: &World, sandbox: SandboxId) -> Vec<ParsedLine> {
    let journal = world.backend.journal_of(sandbox, "agent");
    let mut parser = LineParser::at(0, LineLimits::default(), ClaudeReader);
    let mut lines = parser.feed(&journal);
    lines.extend(parser.finish());
    lines
}

fn phases(events: &[&Recorded]) -> Vec<(Phase, PhaseState)> {
    events
        .iter()
        .filter_map(|event| match &event.event {
            Event::Phase { phase, state, .. } => Some((*phase, *state)),
            _ => None,
        })
        .collect()
}

fn expected_phases(role: Role) -> Vec<(Phase, PhaseState)> {
    let mut expected = vec![Phase::SandboxCreate, Phase::Clone, Phase::Install, Phase::AgentCli];
    if role == Role::Designer {
        expected.extend([Phase::Collect, Phase::Checks]);
    }
    expected.push(Phase::Teardown);
    let both = |phase| [(phase, PhaseState::Started), (phase, PhaseState::Finished)];
    expected.into_iter().flat_map(both).collect()
}

fn kinds(events: &[&Recorded]) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for event in events {
        *kinds.entry(event.event.kind()).or_default() += 1;
    }
    kinds
}
