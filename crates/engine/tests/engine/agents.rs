//! Agents that behave badly: each ends with a class and a message that says what to do, commits nothing half, and leaves
//! the project fit for the next run.

use std::sync::atomic::{AtomicU32, Ordering};

use codecourier_domain::agent::AgentKind;
use codecourier_domain::event::{Event, Phase, PhaseState};
use codecourier_domain::failure::FailureClass;
use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::pipeline::Pipeline;
use codecourier_domain::provider::ModelProvider;
use codecourier_domain::role::Role;
use codecourier_domain::run::RunStatus;
use codecourier_engine::runs::spec::RunSpec;
use codecourier_sandbox::ExitStatus;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::{Act, Script, always, script};

use crate::story::answer_check;

/// A run of one designer and the check.
pub(crate) fn single(world: &World) -> RunSpec {
    let mut spec = world.spec();
    spec.pipeline = Pipeline::single_designer();
    spec.checks = vec![answer_check()];
    spec
}

/// An agent that does its work well.
pub(crate) fn good() -> Vec<Act> {
    vec![
        Act::Write {
            path: "answer.txt".to_owned(),
            content: "42\n".to_owned(),
        },
        Act::EndTurn("Done.".to_owned()),
    ]
}

/// What the first sessions do, and what every later one does.
pub(crate) fn in_turn(first: Vec<Vec<Act>>, then: Vec<Act>) -> Script {
    let session = AtomicU32::new(0);
    script(move |_| {
        let session = session.fetch_add(1, Ordering::SeqCst) as usize;
        first.get(session).unwrap_or(&then).clone()
    })
}

/// The run failed with this class and these words, nothing of it was delivered or left, and the next run of the project
/// works.
pub(crate) async fn assert_failed(
    world: &World,
    engine: &TestEngine,
    run: (ProjectId, RunId),
    class: FailureClass,
    words: &str,
) {
    engine.wait(run).await;
    let view = engine.view(run).await;
    assert_eq!(view.summary.status, RunStatus::Failed, "{words}");
    let failure = view.state.failure().unwrap();
    assert_eq!(failure.class, class, "{failure}");
    assert!(failure.message.contains(words), "{failure}");
    let is_sentence = failure.message.starts_with(char::is_uppercase) && failure.message.ends_with(['.', '?']);
    assert!(is_sentence, "{failure}");
    let branches = world.repository.git(["branch", "--list", "codecourier/*"]);
    assert_eq!(branches, "", "nothing was delivered");
    assert_eq!(world.backend.present(), [], "no sandbox is left");
    let events = engine.events(run).await;
    let failed = |event: &Event| matches!(event, Event::Failed { failure } if failure.class == class);
    // What a loop or a whole run fails with is in its state alone.
    if class != FailureClass::Task {
        assert!(events.iter().any(|event| failed(&event.event)), "the events say so");
    }

    world.backend.play(always(good()));
    let next = engine.start_run(single(world)).await.unwrap();
    assert_eq!(engine.wait(next).await, RunStatus::Completed, "the next run works");
}

async fn fails(acts: Vec<Act>, attempts: usize, class: FailureClass, words: &str) {
    let world = World::new(always(acts));
    world.backend.piece(1 << 16);
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    engine.wait(run).await;
    assert_eq!(engine.view(run).await.steps.len(), attempts, "{words}");
    assert_failed(&world, &engine, run, class, words).await;
    engine.shut_down().await;
}

async fn completes(acts: Vec<Act>) -> (World, TestEngine, (ProjectId, RunId)) {
    let world = World::new(always(acts));
    world.backend.piece(1 << 16);
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    let status = engine.wait(run).await;
    let view = engine.view(run).await;
    assert_eq!(status, RunStatus::Completed, "{:?}", view.state.failure());
    (world, engine, run)
}

/// A file of the delivered branch.
async fn delivered(world: &World, engine: &TestEngine, run: (ProjectId, RunId), file: &str) -> String {
    let view = engine.view(run).await;
    let branch = view.pinned.unwrap().branch;
    world.repository.git(["show", &format!("{branch}:{file}")])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_exits_at_once_is_tried_once_more_and_then_named() {
    let acts = vec![
        Act::Complain("node: cannot find module\n".to_owned()),
        Act::Exit(ExitStatus::Exited(3)),
    ];
    let words = "It last wrote: node: cannot find module";
    fails(acts, 2, FailureClass::AgentProtocol, words).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_exits_once_does_not_fail_the_run() {
    let world = World::new(in_turn(vec![vec![Act::Exit(ExitStatus::Signalled(11))]], good()));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let attempts: Vec<u32> = engine
        .view(run)
        .await
        .steps
        .iter()
        .map(|step| step.row.attempt)
        .collect();
    assert_eq!(attempts, [1, 2]);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_writes_too_much_or_needs_too_much_memory_is_told_apart() {
    let flood = vec![Act::Say("a".to_owned()), Act::Exit(ExitStatus::JournalLimit)];
    fails(flood, 2, FailureClass::AgentProtocol, "more output than a step may").await;
    let hungry = vec![Act::Exit(ExitStatus::OutOfMemory)];
    fails(hungry, 1, FailureClass::OutOfMemory, "Raise its memory limit").await;
    let full = vec![Act::Exit(ExitStatus::JournalError)];
    fails(full, 1, FailureClass::DiskLimit, "Raise its disk limit").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_deletes_the_repository_has_no_result() {
    let acts = vec![
        Act::Shell("rm -rf \"$PWD\"".to_owned()),
        Act::EndTurn("Clean.".to_owned()),
    ];
    fails(acts, 1, FailureClass::Policy, "deleted the repository").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_changes_nothing_did_not_do_its_task() {
    let acts = vec![Act::EndTurn("I think it is fine as it is.".to_owned())];
    fails(acts, 1, FailureClass::Task, "without changing anything").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_adds_a_link_out_of_the_repository_is_refused() {
    let acts = vec![
        Act::Shell("ln -s ../../../../etc/passwd answer.txt".to_owned()),
        Act::EndTurn("Linked.".to_owned()),
    ];
    fails(acts, 1, FailureClass::Policy, "refused").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wild_bytes_and_endless_lines_become_events_and_cost_nothing_else() {
    let mut long = vec![b'x'; 9 << 20];
    long.push(b'\n');
    let mut acts = vec![
        Act::Raw(b"\xff\xfe\x00 not a line of the protocol\n".to_vec()),
        Act::Raw(long),
        Act::Raw(b"{\"type\":\"brand_new\"}\n\n".to_vec()),
    ];
    acts.extend(good());
    let (_world, engine, run) = completes(acts).await;
    let events = engine.events(run).await;
    let unknown: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.event {
            Event::Unknown { reason, raw } => Some((reason.as_str(), raw.len())),
            _ => None,
        })
        .collect();
    assert_eq!(unknown.len(), 3, "{unknown:?}");
    assert!(unknown[1].0.contains("too long"), "{unknown:?}");
    assert!(unknown.iter().all(|(_, length)| *length < 100_000), "{unknown:?}");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uncommitted_mess_is_taken_as_it_lies() {
    let mess = "echo 42 > answer.txt && git add answer.txt && echo 'left over' > untracked.txt && rm README.md \
                && mkdir ignored inner && echo no > ignored/cache && git -C inner init -q && git -C inner -c user.name=a -c user.email=a@b commit -q --allow-empty -m a";
    let (world, engine, run) = completes(vec![Act::Shell(mess.to_owned()), Act::EndTurn("Done.".to_owned())]).await;
    assert_eq!(delivered(&world, &engine, run, "answer.txt").await, "42");
    assert_eq!(delivered(&world, &engine, run, "untracked.txt").await, "left over");
    let view = engine.view(run).await;
    let branch = view.pinned.unwrap().branch;
    let files = world.repository.git(["ls-tree", "-r", "--name-only", branch.as_str()]);
    assert_eq!(files, ".gitignore\nanswer.txt\nsrc/lib.txt\nuntracked.txt");
    let events = engine.events(run).await;
    let remark = events.iter().find_map(|event| match &event.event {
        Event::Phase {
            phase: Phase::Collect,
            state: PhaseState::Finished,
            detail,
            ..
        } => detail.clone(),
        _ => None,
    });
    assert_eq!(
        remark.as_deref(),
        Some("uncommitted changes were committed; 1 repositories inside the repository were left out")
    );
    engine.shut_down().await;
}

/// The result is on a branch that is not checked out: the check must see it all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_run_on_what_was_taken_over_wherever_the_agent_left_the_work_tree() {
    let elsewhere = "git checkout -q -b elsewhere && echo 42 > answer.txt && git add answer.txt \
                     && git commit -q -m 'Answer' && git checkout -q -";
    let (world, engine, run) =
        completes(vec![Act::Shell(elsewhere.to_owned()), Act::EndTurn("Done.".to_owned())]).await;
    assert_eq!(delivered(&world, &engine, run, "answer.txt").await, "42");
    let view = engine.view(run).await;
    assert!(view.state.checks[0].passed(), "{:?}", view.state.checks);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_the_provider_ended_is_classed_by_its_status() {
    let cases = [
        (401, FailureClass::ProviderAuth),
        (429, FailureClass::ProviderRateLimit),
        (529, FailureClass::ProviderOverload),
        (400, FailureClass::ProviderRequest),
    ];
    for (status, class) in cases {
        let message = "said the provider".to_owned();
        fails(vec![Act::FailTurn { status, message }], 1, class, "said the provider").await;
    }
}

/// Processes that the agent leaves behind are dead before anything is taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_agent_leaves_running_is_killed_before_its_work_is_taken() {
    let (world, engine, run) = completes(good()).await;
    let calls: Vec<String> = world.backend.calls().into_iter().map(|call| call.what).collect();
    let place = |what: &str| {
        calls
            .iter()
            .position(|call| call == what)
            .unwrap_or_else(|| panic!("{what}"))
    };
    assert!(place("wait agent") < place("kill_processes"));
    assert!(place("kill_processes") < place("run collect"));
    assert!(place("run collect") < place("start check-0"));
    engine.view(run).await;
    engine.shut_down().await;
}

/// A step's sandbox has the program of the step's own agent, and a model that it can reach.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_agent_of_a_run_has_its_own_template_and_a_model_within_its_reach() {
    // The fake agent speaks one language alone: the run ends before its checker begins.
    let world = World::new(always(vec![Act::Exit(ExitStatus::Exited(3))]));
    let engine = world.start().await;
    let mut spec = world.spec();
    spec.pipeline = spec.pipeline.with_steps(|step| {
        if step.role == Role::Checker {
            step.agent = Some(AgentKind::Codex);
        }
    });
    assert_eq!(
        spec.agents().into_iter().collect::<Vec<_>>(),
        [AgentKind::Claude, AgentKind::Codex]
    );
    let run = engine.start_run(spec).await.unwrap();
    engine.wait(run).await;
    let view = engine.view(run).await;
    let pinned = view.pinned.unwrap();
    assert_eq!(pinned.template, "fake-claude");
    let others: Vec<_> = pinned
        .others
        .iter()
        .map(|(agent, other)| (*agent, other.template.as_str()))
        .collect();
    assert_eq!(others, [(AgentKind::Codex, "fake-codex")]);
    let steps = view.spec.pipeline.steps();
    let models: Vec<_> = steps
        .iter()
        .map(|step| step.model.as_ref().map(|model| model.as_str()))
        .collect();
    assert_eq!(models, [None, Some("gpt-5.5")]);
    let providers: Vec<_> = view.spec.providers().into_iter().collect();
    assert_eq!(providers, [ModelProvider::Anthropic, ModelProvider::Openai]);
    engine.shut_down().await;
}
