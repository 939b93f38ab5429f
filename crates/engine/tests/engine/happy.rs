//! The main job: a designer and a checker, feedback between them, checks by the platform, the result as a branch.

use codecourier_domain::check::{CheckOutcome, CheckSpec, Requirement};
use codecourier_domain::event::{Event, Phase, PhaseState};
use codecourier_domain::role::Role;
use codecourier_domain::run::RunStatus;
use codecourier_domain::verdict::VerdictResult;
use codecourier_store::steps::StepStatus;
use codecourier_testkit::engine::{DEADLINE, World};
use codecourier_testkit::fake_agent;

pub(crate) fn answer_check() -> CheckSpec {
    CheckSpec {
        name: "answer".to_owned(),
        command: "echo the answer is $(cat answer.txt); grep -qx 42 answer.txt".to_owned(),
        requirement: Requirement::Required,
        timeout_seconds: 60,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_designer_and_a_checker_reach_a_result_and_nothing_else_is_touched() {
    let world = World::new(fake_agent::designer_and_checker());
    let head_before = world.repository.git(["rev-parse", "HEAD"]);
    let engine = world.start().await;
    let mut spec = world.spec();
    spec.checks = vec![answer_check()];
    let run = engine.start_run(spec).await.unwrap();
    let status = tokio::time::timeout(DEADLINE, engine.wait(run)).await.unwrap();
    let view = engine.view(run).await;
    assert_eq!(status, RunStatus::Completed, "{:?}", view.state.failure());

    // The steps, in order, each with its end.
    let lanes: Vec<_> = view.steps.iter().map(|step| step.row.lane.as_str()).collect();
    assert_eq!(lanes, ["designer#1", "checker#1", "designer#2", "checker#2"]);
    assert!(view.steps.iter().all(|step| step.row.status == StepStatus::Completed
        && step.row.sandbox.is_none()
        && step.row.started_at.is_some()
        && step.row.finished_at.is_some()));

    // The checker's word and the platform's own check, on the exact commits.
    let verdicts: Vec<_> = view
        .steps
        .iter()
        .filter_map(|step| Some(step.memo.verdict.as_ref()?.verdict))
        .collect();
    assert_eq!(verdicts, [VerdictResult::Fail, VerdictResult::Pass]);
    let outcomes: Vec<_> = view.steps.iter().flat_map(|step| &step.memo.checks).collect();
    assert_eq!(outcomes.len(), 2);
    assert_eq!(outcomes[0].outcome, CheckOutcome::Exited { code: 1 });
    assert_eq!(outcomes[1].outcome, CheckOutcome::Exited { code: 0 });
    assert_eq!(outcomes[1].output_tail, "the answer is 42\n");
    for (step, check) in [(0, outcomes[0]), (2, outcomes[1])] {
        assert_eq!(view.steps[step].memo.collected.as_ref(), Some(&check.commit));
    }

    // The feedback reached the second designer, and the first one's report the checker.
    let prompt = |step: usize| view.steps[step].memo.prompt.as_str();
    assert!(prompt(2).contains("The answer must be 42."), "{}", prompt(2));
    assert!(prompt(2).contains("The required check `answer`, run by the platform, ended with exit code 1."));
    assert!(prompt(1).contains("Wrote the answer, attempt 1."));
    assert!(!prompt(0).contains("Feedback"));

    // The result is a branch of the user's repository; the work tree, the index and HEAD are as they were.
    let branch = view.pinned.as_ref().unwrap().branch.as_str();
    assert_eq!(world.repository.git(["show", &format!("{branch}:answer.txt")]), "42");
    let log = world
        .repository
        .git(["log", "--format=%an|%b", &format!("main..{branch}")]);
    assert_eq!(log.matches(&format!("CodeCourier-Run: {}", run.1)).count(), 2, "{log}");
    assert_eq!(world.repository.git(["rev-parse", "HEAD"]), head_before);
    assert_eq!(world.repository.git(["status", "--porcelain"]), "");
    assert_eq!(world.repository.commit(branch), view.state.tip.clone().unwrap());

    // The events have no gap, and every phase that began has ended.
    let events = engine.events(run).await;
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq));
    for step in &view.steps {
        let phases: Vec<_> = events
            .iter()
            .filter(|event| event.step == Some(step.row.id))
            .filter_map(|event| match &event.event {
                Event::Phase { phase, state, .. } => Some((*phase, *state)),
                _ => None,
            })
            .collect();
        let mut expected = vec![Phase::SandboxCreate, Phase::Clone, Phase::Install, Phase::AgentCli];
        if step.row.role == Role::Designer {
            expected.extend([Phase::Collect, Phase::Checks]);
        }
        expected.push(Phase::Teardown);
        let expected: Vec<_> = expected
            .into_iter()
            .flat_map(|phase| [(phase, PhaseState::Started), (phase, PhaseState::Finished)])
            .collect();
        assert_eq!(phases, expected, "{}", step.row.lane);
    }
    let count = |fits: fn(&Event) -> bool| events.iter().filter(|event| fits(&event.event)).count();
    assert_eq!(count(|event| matches!(event, Event::Killed { survivors: 0, .. })), 4);
    assert_eq!(count(|event| matches!(event, Event::Prompt { .. })), 4);
    assert_eq!(count(|event| matches!(event, Event::AgentStderr { .. })), 2);
    assert!(view.summary.finished_at >= view.summary.started_at);

    assert_eq!(world.backend.present(), [], "every sandbox is gone");
    engine.shut_down().await;
}
