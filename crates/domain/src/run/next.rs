//! The one function that moves a run.

use crate::check::CheckResult;
use crate::failure::{Failure, FailureClass, Reaction};
use crate::pipeline::{Gate, LoopSpec, Node, OnExhausted, StepMode};
use crate::provider::ModelProvider;
use crate::role::{Role, TreeAccess};
use crate::run::{Feedback, KeyLimit, PauseReason, Progress, RetryFrom, RunState, StepPlan, StepRecord, StepResult};
use crate::time::Timestamp;
use crate::verdict::VerdictResult;

/// What happened, as far as a run's decisions depend on it.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// The run was accepted.
    Started,
    /// The repository and the template are ready.
    Prepared {
        /// The commit the run starts from.
        base: String,
    },
    /// A step ended and its result was taken over.
    StepFinished {
        /// Which.
        ordinal: u32,
        /// Which attempt.
        attempt: u32,
        /// What it gave.
        result: Box<StepResult>,
    },
    /// A step failed.
    StepFailed {
        /// Which.
        ordinal: u32,
        /// Which attempt.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// A step waits for the limit of a key, with everything it has: its task goes on later.
    StepHeld {
        /// Which.
        ordinal: u32,
        /// Which attempt.
        attempt: u32,
        /// What it waits for.
        limit: Box<KeyLimit>,
    },
    /// A step that was held goes on.
    StepReleased {
        /// Which.
        ordinal: u32,
        /// Which attempt.
        attempt: u32,
    },
    /// A step ended at the limit of a key and cannot wait as it is: it is done again once the limit starts anew.
    StepLimited {
        /// Which.
        ordinal: u32,
        /// Which attempt.
        attempt: u32,
        /// What it waits for.
        limit: Box<KeyLimit>,
    },
    /// The project has another key for a provider: what waits for the limit of the one before goes on.
    KeyReplaced {
        /// Whose key.
        provider: ModelProvider,
        /// What happened, for people.
        message: String,
        /// When it was.
        at: Timestamp,
        /// When the run goes on.
        resumes_at: Timestamp,
    },
    /// The preparation or the delivery failed for good.
    TaskFailed {
        /// Why.
        failure: Failure,
    },
    /// The result was delivered.
    Delivered,
    /// What a failed run left was cleaned up.
    Closed,
    /// A person wants the run to end.
    CancelRequested,
    /// Every process of the run is dead.
    ProcessesStopped,
    /// A person lets a paused run go on, or the time it waited for has come.
    ResumeRequested,
    /// A person takes a failed run up again where it failed.
    RetryRequested,
}

/// What the engine must do next: a durable task each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Prepare mirror, template and snapshot.
    Prepare,
    /// Execute a step.
    ExecuteStep {
        /// Which.
        plan: StepPlan,
    },
    /// Deliver the result.
    Deliver,
    /// Clean up after a failure.
    Close,
    /// Kill every process of the run, then say so.
    StopProcesses,
    /// Let the paused run go on at a time.
    ResumeAt {
        /// When.
        due: Timestamp,
    },
}

/// The answer of [`next`].
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The state afterwards.
    pub state: RunState,
    /// What to do, in order.
    pub effects: Vec<Effect>,
}

/// Moves a run: from a state and what happened to the state afterwards and what to do.
///
/// Pure and total: an event that does not apply (of another attempt, after the end, twice) gives the same state and no
/// effect.
#[must_use]
pub fn next(state: RunState, event: RunEvent) -> Transition {
    match event {
        RunEvent::Started => match state.progress {
            Progress::New => go(state, Progress::Preparing, Effect::Prepare),
            _ => unmoved(state),
        },
        RunEvent::Prepared { base } => match state.progress {
            Progress::Preparing => {
                let mut state = state;
                state.tip = Some(base.clone());
                state.base = Some(base);
                execute_from(state, vec![0], vec![1])
            }
            _ => unmoved(state),
        },
        RunEvent::StepFinished {
            ordinal,
            attempt,
            result,
        } => match current_plan(&state, ordinal, attempt) {
            Some(plan) => step_finished(state, &plan, *result),
            None => unmoved(state),
        },
        RunEvent::StepFailed {
            ordinal,
            attempt,
            failure,
        } => match current_plan(&state, ordinal, attempt) {
            Some(plan) => step_failed(state, plan, failure),
            None => unmoved(state),
        },
        RunEvent::StepHeld {
            ordinal,
            attempt,
            limit,
        } => match current_plan(&state, ordinal, attempt) {
            Some(plan) => pause(state, plan, PauseReason::RateLimit { limit: *limit }),
            None => unmoved(state),
        },
        RunEvent::StepReleased { ordinal, attempt } => match state.progress.clone() {
            Progress::Paused {
                reason: PauseReason::RateLimit { .. },
                plan,
            } if plan.ordinal == ordinal && plan.attempt == attempt => stop(state, Progress::Executing { plan }),
            _ => unmoved(state),
        },
        RunEvent::StepLimited {
            ordinal,
            attempt,
            limit,
        } => match current_plan(&state, ordinal, attempt) {
            Some(plan) => {
                let due = limit.resumes_at;
                let reason = PauseReason::RateLimit { limit: *limit };
                go(state, Progress::Paused { reason, plan }, Effect::ResumeAt { due })
            }
            None => unmoved(state),
        },
        RunEvent::KeyReplaced {
            provider,
            message,
            at,
            resumes_at,
        } => match state.progress.clone() {
            Progress::Paused {
                reason: PauseReason::RateLimit { limit },
                plan,
            } if limit.provider == provider => {
                let limit = limit.of_another_key(message, at, resumes_at);
                let reason = PauseReason::RateLimit { limit };
                stop(state, Progress::Paused { reason, plan })
            }
            _ => unmoved(state),
        },
        RunEvent::TaskFailed { failure } => match state.progress {
            Progress::Preparing => fail_by_accident(state, RetryFrom::Preparation, failure),
            Progress::Delivering => fail_by_accident(state, RetryFrom::Delivery, failure),
            _ => unmoved(state),
        },
        RunEvent::Delivered => match state.progress {
            Progress::Delivering => stop(state, Progress::Completed),
            _ => unmoved(state),
        },
        RunEvent::Closed => match state.progress.clone() {
            Progress::Closing { failure } => stop(state, Progress::Failed { failure }),
            _ => unmoved(state),
        },
        RunEvent::CancelRequested => cancel(state),
        RunEvent::ProcessesStopped => match state.progress {
            Progress::Cancelling => stop(state, Progress::Cancelled),
            _ => unmoved(state),
        },
        RunEvent::ResumeRequested => match state.progress.clone() {
            Progress::Paused { reason: _, plan } => execute_again(state, plan),
            _ => unmoved(state),
        },
        RunEvent::RetryRequested => match state.progress {
            Progress::Failed { .. } => retry(state),
            _ => unmoved(state),
        },
    }
}

fn retry(mut state: RunState) -> Transition {
    match state.retry_from.take() {
        Some(RetryFrom::Preparation) => go(state, Progress::Preparing, Effect::Prepare),
        Some(RetryFrom::Step { plan }) => execute_again(state, plan),
        Some(RetryFrom::Delivery) => go(state, Progress::Delivering, Effect::Deliver),
        None => unmoved(state),
    }
}

/// The step once more, as its next attempt.
fn execute_again(state: RunState, plan: StepPlan) -> Transition {
    let plan = StepPlan {
        attempt: plan.attempt + 1,
        ..plan
    };
    go(
        state,
        Progress::Executing { plan: plan.clone() },
        Effect::ExecuteStep { plan },
    )
}

fn unmoved(state: RunState) -> Transition {
    Transition {
        state,
        effects: Vec::new(),
    }
}

fn stop(mut state: RunState, progress: Progress) -> Transition {
    state.progress = progress;
    unmoved(state)
}

fn go(mut state: RunState, progress: Progress, effect: Effect) -> Transition {
    state.progress = progress;
    Transition {
        state,
        effects: vec![effect],
    }
}

fn current_plan(state: &RunState, ordinal: u32, attempt: u32) -> Option<StepPlan> {
    state
        .current()
        .filter(|plan| plan.ordinal == ordinal && plan.attempt == attempt)
        .cloned()
}

/// A cancel wins over everything that has not ended. What is under way is told to stop by the effect.
fn cancel(mut state: RunState) -> Transition {
    match state.progress {
        Progress::New
        | Progress::Preparing
        | Progress::Executing { .. }
        | Progress::Paused { .. }
        | Progress::Delivering
        | Progress::Closing { .. } => {
            state.cancel_requested = true;
            go(state, Progress::Cancelling, Effect::StopProcesses)
        }
        Progress::Cancelling | Progress::Completed | Progress::Failed { .. } | Progress::Cancelled => unmoved(state),
    }
}

fn step_failed(state: RunState, plan: StepPlan, failure: Failure) -> Transition {
    match failure.class.reaction() {
        // A conversation cannot be had again without the person.
        Reaction::RetryStep { .. } if plan.spec.mode == StepMode::Interactive => {
            fail_by_accident(state, RetryFrom::Step { plan }, failure)
        }
        Reaction::RetryStep { at_most } if plan.attempt <= at_most => execute_again(state, plan),
        Reaction::RetryStep { .. } | Reaction::Fail => fail_by_accident(state, RetryFrom::Step { plan }, failure),
        Reaction::Pause => {
            let message = failure.message;
            pause(state, plan, PauseReason::Budget { message })
        }
    }
}

fn pause(state: RunState, plan: StepPlan, reason: PauseReason) -> Transition {
    stop(state, Progress::Paused { reason, plan })
}

/// Fails a run that can be taken up again.
fn fail_by_accident(mut state: RunState, from: RetryFrom, failure: Failure) -> Transition {
    state.retry_from = Some(from);
    fail(state, failure)
}

fn fail(state: RunState, failure: Failure) -> Transition {
    go(state, Progress::Closing { failure }, Effect::Close)
}

fn step_finished(mut state: RunState, plan: &StepPlan, result: StepResult) -> Transition {
    let StepResult {
        summary,
        commit,
        verdict,
        checks,
    } = result;
    let role = plan.spec.role;
    state.prompt_override = (role == Role::Prompter && !summary.trim().is_empty()).then(|| summary.clone());
    if role.tree_access() == TreeAccess::Writes {
        if let Some(commit) = &commit {
            state.tip = Some(commit.clone());
        }
        state.checks = checks;
        // The feedback was for this step; the ones after it see its result instead.
        state.feedback = None;
    }
    if verdict.is_some() {
        state.verdict.clone_from(&verdict);
    }
    state.steps.push(StepRecord {
        ordinal: plan.ordinal,
        role,
        iteration: plan.iteration,
        lane: plan.lane.clone(),
        summary,
        commit: state.tip.clone(),
        verdict: verdict.clone(),
    });

    let innermost = plan.path.len() - 1;
    let ends_iteration = role == Role::Checker && innermost > 0 && verdict.is_some();
    if ends_iteration {
        let passed = verdict
            .as_ref()
            .is_some_and(|verdict| verdict.verdict == VerdictResult::Pass);
        return iteration_ended(state, &plan.path, &plan.iterations, Some(passed));
    }
    advance(state, &plan.path, &plan.iterations)
}

/// Goes to the node after the one at `path`, out of the groups that end with it.
fn advance(state: RunState, path: &[usize], iterations: &[u32]) -> Transition {
    let level = path.len() - 1;
    let following = path[level] + 1;
    if following < state.siblings(path, level).len() {
        let mut path = path.to_vec();
        path[level] = following;
        return execute_from(state, path, iterations.to_vec());
    }
    if level == 0 {
        return finish(state);
    }
    iteration_ended(state, path, iterations, None)
}

/// Decides what the end of a loop's iteration means. `verdict` is what a checker said to end it; without one the
/// checks decide alone, and where there is nothing to decide by, once is enough.
fn iteration_ended(mut state: RunState, path: &[usize], iterations: &[u32], verdict: Option<bool>) -> Transition {
    let level = path.len() - 1;
    let parent = &path[..level];
    let Some(Node::Loop(LoopSpec {
        max_iterations,
        on_exhausted,
        gate,
        nodes: _,
    })) = state.siblings(parent, level - 1).get(parent[level - 1])
    else {
        return advance(state, parent, &iterations[..level]);
    };
    let (max_iterations, on_exhausted, gate) = (*max_iterations, *on_exhausted, *gate);
    let blocking: Vec<CheckResult> = match gate {
        Gate::Checks => state.checks.iter().filter(|check| check.blocks()).cloned().collect(),
        Gate::Verdict => Vec::new(),
    };
    if verdict.unwrap_or(true) && blocking.is_empty() {
        state.feedback = None;
        return advance(state, parent, &iterations[..level]);
    }
    let feedback = Feedback {
        verdict: verdict.and(state.verdict.clone()),
        checks: blocking,
    };
    if iterations[level] < max_iterations {
        state.feedback = Some(feedback);
        let mut path = path.to_vec();
        path[level] = 0;
        let mut iterations = iterations.to_vec();
        iterations[level] += 1;
        return execute_from(state, path, iterations);
    }
    match on_exhausted {
        OnExhausted::Continue => {
            state.feedback = None;
            advance(state, parent, &iterations[..level])
        }
        OnExhausted::Fail => {
            let times = if max_iterations == 1 {
                "one iteration".to_owned()
            } else {
                format!("{max_iterations} iterations")
            };
            let message = format!("No pass within {times}. The last feedback: {}", feedback.to_text());
            state.feedback = Some(feedback);
            fail(state, Failure::new(FailureClass::Task, message))
        }
    }
}

/// Plans the first step at or below the node at `path`.
fn execute_from(state: RunState, mut path: Vec<usize>, mut iterations: Vec<u32>) -> Transition {
    loop {
        let level = path.len() - 1;
        match state.siblings(&path, level).get(path[level]) {
            Some(Node::Step(spec)) => {
                let role = spec.role;
                let times = state.steps.iter().filter(|step| step.role == role).count() + 1;
                let plan = StepPlan {
                    ordinal: u32::try_from(state.steps.len() + 1).unwrap_or(u32::MAX),
                    attempt: 1,
                    iteration: iterations[level],
                    lane: format!("{role}#{times}"),
                    spec: spec.clone(),
                    path,
                    iterations,
                };
                return go(
                    state,
                    Progress::Executing { plan: plan.clone() },
                    Effect::ExecuteStep { plan },
                );
            }
            Some(Node::Loop(_) | Node::Candidates(_)) => {
                path.push(0);
                iterations.push(1);
            }
            // A valid tree has no empty group, so this is the end of the list: cannot happen, and is no reason to hang.
            None => return finish(state),
        }
    }
}

/// The pipeline has no more steps.
fn finish(state: RunState) -> Transition {
    let should_have_written = state
        .steps
        .iter()
        .any(|step| matches!(step.role, Role::Designer | Role::Optimizer));
    if should_have_written && state.tip == state.base {
        let failure = Failure::new(
            FailureClass::Task,
            "The agent ended without changing anything. Say in the prompt what the result should be, or read the \
             transcript for its reason.",
        );
        return fail(state, failure);
    }
    // A loop has judged the checks of its steps by its own rules. Nobody has judged those of a step outside of one.
    if state
        .pipeline
        .nodes()
        .iter()
        .rfind(|node| writes(node))
        .is_some_and(is_step)
    {
        let checks: Vec<CheckResult> = state.checks.iter().filter(|check| check.blocks()).cloned().collect();
        if !checks.is_empty() {
            let feedback = Feedback { verdict: None, checks };
            let message = format!(
                "The change fails a required check, so it was not delivered. Say in the prompt what the check wants, or \
                 use a workflow whose loop mends what a check finds. {}",
                feedback.to_text()
            );
            return fail(state, Failure::new(FailureClass::Task, message));
        }
    }
    go(state, Progress::Delivering, Effect::Deliver)
}

const fn is_step(node: &Node) -> bool {
    matches!(node, Node::Step(_))
}

/// Whether anything at or below a node changes the work tree.
fn writes(node: &Node) -> bool {
    match node {
        Node::Step(spec) => spec.role.tree_access() == TreeAccess::Writes,
        Node::Loop(spec) => spec.nodes.iter().any(writes),
        Node::Candidates(spec) => spec.nodes.iter().any(writes),
    }
}
