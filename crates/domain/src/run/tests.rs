//! Examples of every rule of [`next`], and properties over random histories.

use proptest::prelude::*;

use super::*;
use crate::check::{CheckOutcome, CheckResult, Requirement};
use crate::failure::{Failure, FailureClass};
use crate::pipeline::{Gate, LoopSpec, Node, OnExhausted, Pipeline, StepSpec};
use crate::role::Role;
use crate::verdict::{Verdict, VerdictResult};

fn step(role: Role) -> Node {
    Node::Step(StepSpec::of_role(role))
}

fn repeat(nodes: Vec<Node>, max_iterations: u32, on_exhausted: OnExhausted) -> Node {
    Node::Loop(LoopSpec {
        nodes,
        max_iterations,
        on_exhausted,
        gate: Gate::Checks,
    })
}

fn verdict(result: VerdictResult) -> Verdict {
    Verdict {
        verdict: result,
        feedback: "mend the empty list".into(),
        findings: vec![],
    }
}

fn check(code: i32, requirement: Requirement) -> CheckResult {
    CheckResult {
        name: "tests".into(),
        requirement,
        commit: "c".into(),
        outcome: CheckOutcome::Exited { code },
        duration_ms: 1,
        output_tail: "1 failed".into(),
    }
}

/// A run driven by hand: each step's outcome is given, the rest happens by itself.
struct Driver {
    state: RunState,
    executed: Vec<String>,
}

impl Driver {
    fn start(pipeline: Pipeline) -> Self {
        let mut driver = Self {
            state: RunState::new(pipeline),
            executed: vec![],
        };
        driver.tell(RunEvent::Started);
        driver.tell(RunEvent::Prepared { base: "base".into() });
        driver
    }

    fn tell(&mut self, event: RunEvent) -> Vec<Effect> {
        let Transition { state, effects } = next(self.state.clone(), event);
        self.state = state;
        for effect in &effects {
            if let Effect::ExecuteStep { plan } = effect {
                self.executed
                    .push(format!("{} i{} a{}", plan.lane, plan.iteration, plan.attempt));
            }
        }
        effects
    }

    fn finish(&mut self, commit: Option<&str>, said: Option<VerdictResult>, checks: Vec<CheckResult>) -> Vec<Effect> {
        let plan = self.state.current().expect("a step is under way").clone();
        let result = StepResult {
            summary: format!("did {}", plan.lane),
            commit: commit.map(str::to_owned),
            verdict: said.map(verdict),
            checks,
        };
        self.tell(RunEvent::StepFinished {
            ordinal: plan.ordinal,
            attempt: plan.attempt,
            result: Box::new(result),
        })
    }

    fn fail(&mut self, class: FailureClass) -> Vec<Effect> {
        let plan = self.state.current().expect("a step is under way").clone();
        let failure = Failure::new(class, "because");
        self.tell(RunEvent::StepFailed {
            ordinal: plan.ordinal,
            attempt: plan.attempt,
            failure,
        })
    }
}

fn loop_of_two(max_iterations: u32) -> Pipeline {
    Pipeline::designer_and_checker(max_iterations).unwrap()
}

#[test]
fn a_fail_sends_its_feedback_to_the_next_iteration_and_a_pass_leaves_the_loop() {
    let mut run = Driver::start(loop_of_two(3));
    run.finish(Some("c1"), None, vec![]);
    run.finish(None, Some(VerdictResult::Fail), vec![]);
    assert_eq!(run.state.feedback.as_ref().unwrap().to_text(), "mend the empty list");
    run.finish(Some("c2"), None, vec![]);
    assert_eq!(run.state.feedback, None, "the feedback was for the designer only");
    let effects = run.finish(None, Some(VerdictResult::Pass), vec![]);
    assert_eq!(effects, [Effect::Deliver]);
    assert_eq!(
        run.executed,
        [
            "designer#1 i1 a1",
            "checker#1 i1 a1",
            "designer#2 i2 a1",
            "checker#2 i2 a1"
        ]
    );
    assert_eq!(run.state.tip.as_deref(), Some("c2"));
    run.tell(RunEvent::Delivered);
    assert_eq!(run.state.status(), RunStatus::Completed);
}

#[test]
fn a_required_check_that_fails_overrules_a_pass() {
    let mut run = Driver::start(loop_of_two(2));
    run.finish(Some("c1"), None, vec![check(1, Requirement::Required)]);
    run.finish(None, Some(VerdictResult::Pass), vec![]);
    let feedback = run.state.feedback.as_ref().unwrap().to_text();
    assert!(
        feedback.contains("The required check `tests`, run by the platform, ended with exit code 1."),
        "{feedback}"
    );
    run.finish(Some("c2"), None, vec![check(0, Requirement::Required)]);
    assert_eq!(run.finish(None, Some(VerdictResult::Pass), vec![]), [Effect::Deliver]);
}

#[test]
fn a_required_check_also_binds_a_step_outside_of_a_loop() {
    let mut run = Driver::start(Pipeline::single_designer());
    let effects = run.finish(
        Some("c1"),
        None,
        vec![check(0, Requirement::Required), check(1, Requirement::Required)],
    );
    assert_eq!(effects, [Effect::Close]);
    run.tell(RunEvent::Closed);
    let failure = run.state.failure().unwrap();
    assert_eq!(failure.class, FailureClass::Task);
    assert!(
        failure.message.contains("ended with exit code 1"),
        "{}",
        failure.message
    );

    let mut run = Driver::start(Pipeline::single_designer());
    let effects = run.finish(Some("c1"), None, vec![check(1, Requirement::Advisory)]);
    assert_eq!(effects, [Effect::Deliver]);
}

#[test]
fn an_advisory_check_decides_nothing() {
    let mut run = Driver::start(loop_of_two(1));
    run.finish(Some("c1"), None, vec![check(1, Requirement::Advisory)]);
    assert_eq!(run.finish(None, Some(VerdictResult::Pass), vec![]), [Effect::Deliver]);
}

#[test]
fn an_exhausted_loop_fails_with_the_last_feedback_or_goes_on() {
    let mut run = Driver::start(loop_of_two(1));
    run.finish(Some("c1"), None, vec![]);
    assert_eq!(run.finish(None, Some(VerdictResult::Fail), vec![]), [Effect::Close]);
    run.tell(RunEvent::Closed);
    let failure = run.state.failure().unwrap();
    assert_eq!(failure.class, FailureClass::Task);
    assert_eq!(
        failure.message,
        "No pass within one iteration. The last feedback: mend the empty list"
    );

    let pipeline = Pipeline::new(vec![
        repeat(
            vec![step(Role::Designer), step(Role::Checker)],
            1,
            OnExhausted::Continue,
        ),
        step(Role::Optimizer),
    ])
    .unwrap();
    let mut run = Driver::start(pipeline);
    run.finish(Some("c1"), None, vec![]);
    run.finish(None, Some(VerdictResult::Fail), vec![]);
    assert_eq!(run.executed.last().unwrap(), "optimizer#1 i1 a1");
}

#[test]
fn a_checker_outside_a_loop_never_causes_a_retry() {
    let mut run = Driver::start(Pipeline::new(vec![step(Role::Designer), step(Role::Checker)]).unwrap());
    run.finish(Some("c1"), None, vec![]);
    assert_eq!(run.finish(None, Some(VerdictResult::Fail), vec![]), [Effect::Deliver]);
}

#[test]
fn a_prompter_writes_the_prompt_of_the_next_step_only() {
    let mut run =
        Driver::start(Pipeline::new(vec![step(Role::Prompter), step(Role::Designer), step(Role::Optimizer)]).unwrap());
    run.finish(None, None, vec![]);
    assert_eq!(run.state.prompt_override.as_deref(), Some("did prompter#1"));
    run.finish(Some("c1"), None, vec![]);
    assert_eq!(run.state.prompt_override, None);
}

#[test]
fn a_step_that_only_reads_cannot_move_the_branch() {
    let mut run = Driver::start(loop_of_two(1));
    run.finish(Some("c1"), None, vec![]);
    run.finish(
        Some("smuggled"),
        Some(VerdictResult::Pass),
        vec![check(0, Requirement::Required)],
    );
    assert_eq!(run.state.tip.as_deref(), Some("c1"));
    assert!(run.state.checks.is_empty());
}

#[test]
fn a_loop_without_a_checker_is_decided_by_checks() {
    let mut run = Driver::start(Pipeline::new(vec![repeat(vec![step(Role::Designer)], 3, OnExhausted::Fail)]).unwrap());
    run.finish(Some("c1"), None, vec![check(2, Requirement::Required)]);
    assert!(run.state.feedback.as_ref().unwrap().verdict.is_none());
    assert_eq!(
        run.finish(Some("c2"), None, vec![check(0, Requirement::Required)]),
        [Effect::Deliver]
    );
}

#[test]
fn no_change_at_all_is_a_failure_of_the_task() {
    let mut run = Driver::start(Pipeline::single_designer());
    assert_eq!(run.finish(Some("base"), None, vec![]), [Effect::Close]);
    assert_eq!(run.state.failure().unwrap().class, FailureClass::Task);
    let mut run = Driver::start(Pipeline::new(vec![step(Role::Investigator)]).unwrap());
    assert_eq!(
        run.finish(None, None, vec![]),
        [Effect::Deliver],
        "who only reads need not change anything"
    );
}

#[test]
fn each_class_has_its_reaction() {
    let mut run = Driver::start(loop_of_two(1));
    run.fail(FailureClass::Sandbox);
    assert_eq!(
        run.executed.last().unwrap(),
        "designer#1 i1 a2",
        "the same step once more"
    );
    assert_eq!(run.fail(FailureClass::Sandbox), [Effect::Close]);

    let mut run = Driver::start(loop_of_two(1));
    assert_eq!(
        run.fail(FailureClass::ProviderAuth),
        [Effect::Close],
        "a wrong key stays wrong"
    );

    let mut run = Driver::start(loop_of_two(1));
    assert_eq!(run.fail(FailureClass::Budget), []);
    assert_eq!(run.state.status(), RunStatus::Paused);
    run.tell(RunEvent::ResumeRequested);
    assert_eq!(run.executed.last().unwrap(), "designer#1 i1 a2");
}

#[test]
fn a_failed_run_is_taken_up_again_where_it_failed() {
    let mut run = Driver::start(loop_of_two(1));
    run.fail(FailureClass::ProviderAuth);
    assert_eq!(run.tell(RunEvent::RetryRequested), [], "it has not ended yet");
    run.tell(RunEvent::Closed);
    run.tell(RunEvent::RetryRequested);
    assert_eq!(run.executed.last().unwrap(), "designer#1 i1 a2");
    run.finish(Some("c1"), None, vec![]);
    run.finish(None, Some(VerdictResult::Pass), vec![]);
    let failure = Failure::new(FailureClass::Repository, "gone");
    run.tell(RunEvent::TaskFailed { failure });
    run.tell(RunEvent::Closed);
    assert_eq!(
        run.tell(RunEvent::RetryRequested),
        [Effect::Deliver],
        "the steps are done"
    );
    run.tell(RunEvent::Delivered);
    assert_eq!(run.state.status(), RunStatus::Completed);
    assert_eq!(run.tell(RunEvent::RetryRequested), [], "it did not fail");
}

#[test]
fn a_run_whose_work_was_judged_is_not_taken_up_again() {
    let mut run = Driver::start(loop_of_two(1));
    run.finish(Some("c1"), None, vec![]);
    run.finish(None, Some(VerdictResult::Fail), vec![]);
    run.tell(RunEvent::Closed);
    assert_eq!(run.state.status(), RunStatus::Failed);
    assert_eq!(run.tell(RunEvent::RetryRequested), []);
}

#[test]
fn a_cancel_waits_for_the_processes_and_nothing_overtakes_it() {
    let mut run = Driver::start(loop_of_two(1));
    let plan = run.state.current().unwrap().clone();
    assert_eq!(run.tell(RunEvent::CancelRequested), [Effect::StopProcesses]);
    assert_eq!(run.tell(RunEvent::CancelRequested), [], "asking twice is asking once");
    let result = StepResult {
        summary: String::new(),
        commit: Some("late".into()),
        verdict: None,
        checks: vec![],
    };
    assert_eq!(
        run.tell(RunEvent::StepFinished {
            ordinal: plan.ordinal,
            attempt: plan.attempt,
            result: Box::new(result)
        }),
        []
    );
    assert_eq!(run.state.tip.as_deref(), Some("base"));
    run.tell(RunEvent::ProcessesStopped);
    assert_eq!(run.state.status(), RunStatus::Cancelled);
}

#[test]
fn the_state_survives_the_store() {
    let mut run = Driver::start(loop_of_two(2));
    run.finish(Some("c1"), None, vec![check(1, Requirement::Required)]);
    run.finish(None, Some(VerdictResult::Fail), vec![]);
    let text = serde_json::to_string(&run.state).unwrap();
    assert_eq!(serde_json::from_str::<RunState>(&text).unwrap(), run.state);
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(step(Role::Designer)),
        Just(step(Role::Checker)),
        Just(step(Role::Prompter)),
        Just(step(Role::Investigator)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        (prop::collection::vec(inner, 1..4), 1u32..4, any::<bool>()).prop_map(|(nodes, times, goes_on)| {
            repeat(
                nodes,
                times,
                if goes_on {
                    OnExhausted::Continue
                } else {
                    OnExhausted::Fail
                },
            )
        })
    })
}

/// What the world does to a run, in any order and also where it makes no sense.
fn any_event() -> impl Strategy<Value = (u8, bool, i32, u8)> {
    (0u8..13, any::<bool>(), 0i32..2, 0u8..20)
}

fn event_of((kind, passes, code, class): (u8, bool, i32, u8), state: &RunState) -> RunEvent {
    let (ordinal, attempt) = state.current().map_or((1, 1), |plan| (plan.ordinal, plan.attempt));
    let result = StepResult {
        summary: "s".into(),
        commit: Some(format!("c{ordinal}")),
        verdict: passes.then(|| {
            verdict(if code == 0 {
                VerdictResult::Pass
            } else {
                VerdictResult::Fail
            })
        }),
        checks: vec![check(code, Requirement::Required)],
    };
    match kind {
        0 => RunEvent::Started,
        1 => RunEvent::Prepared { base: "base".into() },
        2..=6 => RunEvent::StepFinished {
            ordinal,
            attempt,
            result: Box::new(result),
        },
        7 => RunEvent::StepFailed {
            ordinal,
            attempt,
            failure: Failure::new(FailureClass::ALL[usize::from(class)], "because"),
        },
        8 => RunEvent::TaskFailed {
            failure: Failure::new(FailureClass::Repository, "gone"),
        },
        9 => RunEvent::Delivered,
        10 => RunEvent::ResumeRequested,
        11 => RunEvent::RetryRequested,
        _ => {
            if passes {
                RunEvent::CancelRequested
            } else {
                RunEvent::Closed
            }
        }
    }
}

/// The effect a state waits for: each progress has exactly one, and the ended and paused ones none.
fn awaited(progress: &Progress) -> Option<Effect> {
    match progress {
        Progress::New
        | Progress::Paused { .. }
        | Progress::Completed
        | Progress::Failed { .. }
        | Progress::Cancelled => None,
        Progress::Preparing => Some(Effect::Prepare),
        Progress::Executing { plan } => Some(Effect::ExecuteStep { plan: plan.clone() }),
        Progress::Delivering => Some(Effect::Deliver),
        Progress::Closing { .. } => Some(Effect::Close),
        Progress::Cancelling => Some(Effect::StopProcesses),
    }
}

proptest! {
    #[test]
    fn every_move_orders_exactly_what_the_new_state_waits_for(
        nodes in prop::collection::vec(any_node(), 1..4),
        events in prop::collection::vec(any_event(), 0..80),
    ) {
        let Ok(pipeline) = Pipeline::new(nodes) else { return Ok(()) };
        let mut state = RunState::new(pipeline);
        for seed in events {
            let event = event_of(seed, &state);
            let before = state.clone();
            let Transition { state: after, effects } = next(state, event.clone());
            prop_assert_eq!(next(before.clone(), event.clone()), Transition { state: after.clone(), effects: effects.clone() });
            if effects.is_empty() {
                // Nothing new to wait for: unmoved, paused or ended.
                prop_assert!(after.progress == before.progress || awaited(&after.progress).is_none());
            } else {
                let expected = awaited(&after.progress);
                prop_assert_eq!(Some(&effects[0]), expected.as_ref());
                prop_assert_eq!(effects.len(), 1);
            }
            let is_retried = before.retry_from.is_some() && matches!(event, RunEvent::RetryRequested);
            if before.status().has_ended() && !(is_retried && before.status() == RunStatus::Failed) {
                prop_assert_eq!(&before, &after, "an ended run moved");
            }
            if let Some(plan) = after.current() {
                prop_assert!(plan.iteration >= 1 && plan.iteration <= 3);
                prop_assert_eq!(plan.ordinal as usize, after.steps.len() + 1);
            }
            state = after;
        }
    }

    #[test]
    fn every_run_whose_steps_end_comes_to_an_end(
        nodes in prop::collection::vec(any_node(), 1..4),
        outcomes in prop::collection::vec((any::<bool>(), 0i32..2), 1..40),
    ) {
        let Ok(pipeline) = Pipeline::new(nodes) else { return Ok(()) };
        let mut run = Driver::start(pipeline);
        for (steps, (speaks, code)) in (0u32..).zip(outcomes.iter().cycle()) {
            if run.state.current().is_none() {
                break;
            }
            // Three levels of three iterations of nine steps each is the most that the strategy can ask for.
            prop_assert!(steps < 2_000, "the run does not end");
            let said = if *code == 0 { VerdictResult::Pass } else { VerdictResult::Fail };
            run.finish(Some("c"), speaks.then_some(said), vec![check(*code, Requirement::Required)]);
        }
        let ended = matches!(run.state.progress, Progress::Delivering | Progress::Closing { .. });
        prop_assert!(ended, "stopped at {:?}", run.state.progress);
    }

    #[test]
    fn steps_outside_a_loop_execute_exactly_once(
        roles in prop::collection::vec(prop_oneof![Just(Role::Designer), Just(Role::Checker), Just(Role::Reviewer)], 1..10),
        codes in prop::collection::vec(0i32..2, 10),
    ) {
        let mut run = Driver::start(Pipeline::new(roles.iter().copied().map(step).collect()).unwrap());
        for code in codes {
            if run.state.current().is_none() {
                break;
            }
            let said = if code == 0 { VerdictResult::Pass } else { VerdictResult::Fail };
            run.finish(Some("c"), Some(said), vec![check(code, Requirement::Required)]);
        }
        let executed: Vec<Role> = run.state.steps.iter().map(|step| step.role).collect();
        prop_assert_eq!(executed, roles);
    }
}
