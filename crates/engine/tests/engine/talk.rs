//! Conversations with agents: turns, interruptions, another model, lost processes, and a kill at every call of it all.

use codecourier_domain::event::Event;
use codecourier_domain::id::{ProjectId, RunId, SandboxId, StepId};
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::pipeline::Pipeline;
use codecourier_domain::run::RunStatus;
use codecourier_engine::runs::memo::Whose;
use codecourier_engine::runs::spec::RunSpec;
use codecourier_engine::runs::talk::{InputKind, Wanted};
use codecourier_engine::runs::view::StepView;
use codecourier_engine::{Error, ErrorCode};
use codecourier_sandbox::{ExitStatus, State};
use codecourier_store::changes::{FollowedChange, Scope};
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::{Act, AgentCall, Gate, Script, always, conversation};

use crate::agents::{good, in_turn};
use crate::settings::admin;

/// What an agent does that writes a file with the name of what it is told.
fn write_down(call: &AgentCall) -> Vec<Act> {
    let name = call.prompt.trim().to_owned();
    let how = if call.resumes { "resumed" } else { "begun" };
    vec![
        Act::Say(format!("I write {name}.")),
        Act::Write {
            path: name.clone(),
            content: format!("{how}\n"),
        },
        Act::EndTurn(format!("Wrote {name}.")),
    ]
}

fn talk(world: &World, prompt: &str) -> RunSpec {
    RunSpec {
        prompt: prompt.to_owned(),
        workflow: "sandbox".to_owned(),
        pipeline: Pipeline::interactive(),
        ..world.spec()
    }
}

/// Waits until the last step of a run is so.
async fn until(
    engine: &TestEngine,
    run: (ProjectId, RunId),
    fits: impl Fn(&StepView) -> bool + Send + 'static,
) -> StepView {
    let store = engine.store();
    let found = engine.ask(move |engine| async move {
        let scope = Scope::Project(run.0);
        let head = store.read().await.unwrap().change_head(scope).await.unwrap();
        let mut changes = store.follow_changes(scope, head);
        loop {
            let view = engine.runs().get(run.0, run.1).await.unwrap();
            assert!(!view.summary.status.has_ended(), "{:?}", view.state.failure());
            if let Some(step) = view.steps.into_iter().last().filter(&fits) {
                return step;
            }
            while !matches!(changes.next().await.unwrap(), FollowedChange::Change(change) if change.kind == "run") {}
        }
    });
    found.await
}

/// Waits until the agent waits for a person after so many turns, with nothing left to hear.
async fn until_awaiting(engine: &TestEngine, run: (ProjectId, RunId), turns: u32) -> StepView {
    let waits = move |step: &StepView| {
        step.memo.talk.turn == Whose::Person && step.memo.turns_ended >= turns && step.waiting.is_empty()
    };
    until(engine, run, waits).await
}

async fn tell(engine: &TestEngine, run: (ProjectId, RunId), step: StepId, wanted: Wanted) -> Result<(), Error> {
    let told = engine.ask(move |engine| async move { engine.runs().tell(run.0, run.1, step, wanted, "test").await });
    told.await.map(drop)
}

fn message(text: &str) -> Wanted {
    Wanted::Message { text: text.to_owned() }
}

/// The kinds of a run's events that people and turns are told by, in order.
async fn told(engine: &TestEngine, run: (ProjectId, RunId)) -> Vec<String> {
    let events = engine.events(run).await.into_iter();
    let told = events.filter_map(|recorded| match recorded.event {
        Event::Prompt { text } => Some(format!("prompt {text}")),
        Event::UserMessage { text, by } => Some(format!("{by}: {text}")),
        Event::Interrupted { by } => Some(format!("{by} interrupts")),
        Event::ModelSwitched { model, by } => Some(format!("{by} takes {model}")),
        Event::ConversationEnded { by } => Some(format!("{by} ends")),
        Event::TurnEnded { outcome, .. } => Some(format!("{outcome:?}")),
        _ => None,
    });
    told.collect()
}

fn files(world: &World, view: &codecourier_engine::runs::view::RunView) -> Vec<String> {
    let branch = view.pinned.as_ref().unwrap().branch.as_str();
    let changed = world.repository.git(["diff", "--name-only", "main", branch]);
    changed.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_follow_one_another_and_the_work_of_all_is_delivered() {
    let mut world = World::new(conversation(write_down));
    world.work_places = 1;
    let engine = world.start().await;
    let run = engine.start_run(talk(&world, "one")).await.unwrap();
    let step = until_awaiting(&engine, run, 1).await;
    assert_eq!(step.accepts, [InputKind::Message, InputKind::Model, InputKind::Finish]);
    let late = tell(&engine, run, step.row.id, Wanted::Interrupt).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::Conflict, "{}", late.message);

    // Whoever waits for a person takes nobody's place.
    world.backend.play(in_turn(Vec::new(), good()));
    let other = engine.start_run(crate::agents::single(&world)).await.unwrap();
    assert_eq!(engine.wait(other).await, RunStatus::Completed);

    tell(&engine, run, step.row.id, message("two")).await.unwrap();
    until_awaiting(&engine, run, 2).await;
    tell(&engine, run, step.row.id, Wanted::Finish).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let expected = ["prompt one", "Completed", "test: two", "Completed", "test ends"];
    assert_eq!(told(&engine, run).await, expected);
    let view = engine.view(run).await;
    assert_eq!(files(&world, &view), ["one", "two"]);
    let over = tell(&engine, run, step.row.id, message("three")).await.unwrap_err();
    assert_eq!(over.code, ErrorCode::Conflict, "{}", over.message);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_prompt_the_agent_waits_for_the_first_message() {
    let world = World::new(conversation(write_down));
    let engine = world.start().await;
    let run = engine.start_run(talk(&world, "")).await.unwrap();
    let step = until_awaiting(&engine, run, 0).await;
    // Without a turn there is nothing to take over either, and the end is none that failed.
    tell(&engine, run, step.row.id, message("one")).await.unwrap();
    until_awaiting(&engine, run, 1).await;
    tell(&engine, run, step.row.id, Wanted::Finish).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let branch = engine.view(run).await.pinned.unwrap().branch;
    assert_eq!(world.repository.git(["show", &format!("{branch}:one")]), "begun");
    let silent = engine.start_run(talk(&world, "")).await.unwrap();
    let step = until_awaiting(&engine, silent, 0).await;
    tell(&engine, silent, step.row.id, Wanted::Finish).await.unwrap();
    assert_eq!(engine.wait(silent).await, RunStatus::Completed);
    engine.shut_down().await;
}

/// An agent that is cut off in whatever it is told first, and does the rest.
fn stuck_at_first(gate: &Gate) -> Script {
    let gate = gate.clone();
    conversation(move |call| match call.prompt.lines().last() {
        Some("two") => write_down(&AgentCall {
            prompt: "two".to_owned(),
            ..call.clone()
        }),
        _ => vec![Act::Pass(gate.clone())],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_agent_waits_for_the_next_message() {
    let gate = Gate::default();
    let world = World::new(stuck_at_first(&gate));
    let engine = world.start().await;
    let run = engine.start_run(talk(&world, "one")).await.unwrap();
    gate.reached(1).await;
    let step = until(&engine, run, |step| step.accepts.contains(&InputKind::Interrupt)).await;
    tell(&engine, run, step.row.id, message("hear me")).await.unwrap();
    tell(&engine, run, step.row.id, Wanted::Interrupt).await.unwrap();
    until_awaiting(&engine, run, 1).await;
    tell(&engine, run, step.row.id, message("two")).await.unwrap();
    until_awaiting(&engine, run, 2).await;
    tell(&engine, run, step.row.id, Wanted::Finish).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let expected = [
        "prompt one",
        "test: hear me",
        "test interrupts",
        "Interrupted",
        "test: two",
        "Completed",
        "test ends",
    ];
    assert_eq!(told(&engine, run).await, expected);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_would_end_by_itself_waits_once_it_was_interrupted() {
    let gate = Gate::default();
    let world = World::new(stuck_at_first(&gate));
    let engine = world.start().await;
    let mut spec = world.spec();
    spec.pipeline = Pipeline::single_designer();
    let run = engine.start_run(spec).await.unwrap();
    gate.reached(1).await;
    let step = until(&engine, run, |step| step.accepts.contains(&InputKind::Interrupt)).await;
    assert_eq!(step.accepts, [InputKind::Message, InputKind::Interrupt]);
    let early = tell(&engine, run, step.row.id, Wanted::Finish).await.unwrap_err();
    assert_eq!(early.code, ErrorCode::Conflict, "{}", early.message);
    tell(&engine, run, step.row.id, Wanted::Interrupt).await.unwrap();
    let step = until_awaiting(&engine, run, 1).await;
    assert_eq!(step.accepts, [InputKind::Message, InputKind::Model, InputKind::Finish]);
    tell(&engine, run, step.row.id, message("two")).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    assert_eq!(files(&world, &engine.view(run).await), ["two"]);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_model_and_a_lost_process_go_on_with_the_session() {
    let world = World::new(conversation(|call| match call.prompt.as_str() {
        "die" => vec![Act::Exit(ExitStatus::Signalled(9))],
        _ => write_down(call),
    }));
    let engine = world.start().await;
    let run = engine.start_run(talk(&world, "one")).await.unwrap();
    let step = until_awaiting(&engine, run, 1).await;
    let id = step.row.id;
    let unknown = Wanted::Model {
        model: "openai/gpt-5".to_owned(),
    };
    let refused = tell(&engine, run, id, unknown).await.unwrap_err();
    assert_eq!(
        (refused.code, refused.field.as_deref()),
        (ErrorCode::Validation, Some("model"))
    );
    let haiku = Wanted::Model {
        model: "claude-haiku-4-5".to_owned(),
    };
    tell(&engine, run, id, haiku).await.unwrap();
    tell(&engine, run, id, message("two")).await.unwrap();
    until_awaiting(&engine, run, 2).await;
    let sandbox = SandboxId::of_step(&id);
    let command = world.backend.command_of(sandbox, "agent-2");
    let session = id.uuid().to_string();
    for word in ["--resume", session.as_str(), "claude-haiku-4-5"] {
        assert!(command.iter().any(|argument| argument == word), "{word}: {command:?}");
    }
    tell(&engine, run, id, message("die")).await.unwrap();
    until_awaiting(&engine, run, 3).await;
    tell(&engine, run, id, message("three")).await.unwrap();
    until_awaiting(&engine, run, 4).await;
    tell(&engine, run, id, Wanted::Finish).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let view = engine.view(run).await;
    assert_eq!(files(&world, &view), ["one", "three", "two"]);
    let branch = view.pinned.unwrap().branch;
    assert_eq!(world.repository.git(["show", &format!("{branch}:three")]), "resumed");
    let expected = [
        "prompt one",
        "Completed",
        "test takes claude-haiku-4-5",
        "test: two",
        "Completed",
        "test: die",
        "Crashed",
        "test: three",
        "Completed",
        "test ends",
    ];
    assert_eq!(told(&engine, run).await, expected);
    engine.shut_down().await;
}

/// Something that a person does.
#[derive(Clone)]
enum Does {
    Says(Wanted),
    Pauses,
    Looks,
    Resumes,
}

/// What a person does, one after the other, and the state in which they do it.
fn person() -> Vec<(u32, Does)> {
    let model = Wanted::Model {
        model: "claude-haiku-4-5".to_owned(),
    };
    vec![
        (1, Does::Says(message("two"))),
        (2, Does::Pauses),
        (2, Does::Looks),
        (2, Does::Resumes),
        (2, Does::Says(model)),
        (2, Does::Says(message("three"))),
        (3, Does::Says(Wanted::Finish)),
    ]
}

/// Has a person talk to an agent, with a kill at a point. Gives where that was; `None` if they were done before it.
async fn conversation_with_a_kill_at(point: u64) -> Option<String> {
    let world = World::new(conversation(write_down));
    let mut engine = world.start().await;
    let run = engine.start_run(talk(&world, "one")).await.unwrap();
    world.backend.stop_at(point);
    let mut killed = None;
    for (turns, does) in person() {
        loop {
            let does = async {
                let wanted = match &does {
                    Does::Says(wanted) => wanted,
                    // Who did not see the answer asks for it again.
                    Does::Pauses => return stands(&world, &engine, run, Stand::Still, State::Paused).await,
                    Does::Looks => return stands(&world, &engine, run, Stand::AsItIs, State::Paused).await,
                    Does::Resumes => return stands(&world, &engine, run, Stand::Running, State::Running).await,
                };
                // Who did not see the answer asks whether it was taken before they say it again.
                let (words, body) = match wanted {
                    Wanted::Message { text } => (format!("test: {text}"), text.as_str()),
                    Wanted::Model { model } => (format!("test takes {model}"), model.as_str()),
                    Wanted::Interrupt | Wanted::Finish => ("test ends".to_owned(), ""),
                };
                // What waits may be given to the agent between the two questions, and not the other way round.
                let view = engine.view(run).await;
                let waits = view
                    .steps
                    .iter()
                    .flat_map(|step| &step.waiting)
                    .any(|input| input.body == body);
                let is_said = waits || told(&engine, run).await.contains(&words);
                if !is_said {
                    let step = until_awaiting(&engine, run, turns).await.row.id;
                    tell(&engine, run, step, wanted.clone()).await.unwrap();
                }
            };
            tokio::select! {
                biased;
                stopped = world.backend.stopped() => killed = Some(stopped),
                () = does => break,
            }
            engine.kill().await;
            engine = world.start().await;
        }
    }
    loop {
        tokio::select! {
            biased;
            stopped = world.backend.stopped() => killed = Some(stopped),
            status = engine.wait(run) => {
                assert_eq!(status, RunStatus::Completed, "{killed:?}");
                break;
            }
        }
        engine.kill().await;
        engine = world.start().await;
    }
    let expected = [
        "prompt one",
        "Completed",
        "test: two",
        "Completed",
        "test takes claude-haiku-4-5",
        "test: three",
        "Completed",
        "test ends",
    ];
    assert_eq!(told(&engine, run).await, expected, "a kill at {killed:?}");
    let view = engine.view(run).await;
    assert_eq!(files(&world, &view), ["one", "three", "two"], "a kill at {killed:?}");
    let sandbox = SandboxId::of_step(&view.steps[0].row.id);
    let heard: Vec<usize> = ["agent", "agent-2"]
        .map(|tag| world.backend.inputs_of(sandbox, tag).len())
        .to_vec();
    assert_eq!(heard, [2, 1], "each message once: a kill at {killed:?}");
    engine.shut_down().await;
    killed
}

/// What a person wants of the sandbox of a step.
#[derive(Clone, Copy)]
enum Stand {
    Still,
    AsItIs,
    Running,
}

/// Asks for it, and gives how the sandbox is then shown.
async fn stand(world: &World, engine: &TestEngine, step: StepId, wanted: Stand) -> State {
    let grant = admin(world, engine).await;
    let sandbox = SandboxId::of_step(&step);
    let shown = engine.ask(move |engine| async move {
        let sandboxes = engine.sandboxes();
        match wanted {
            Stand::Still => sandboxes.pause(&grant, sandbox).await,
            Stand::AsItIs => sandboxes.get(&grant, sandbox).await,
            Stand::Running => sandboxes.resume(&grant, sandbox).await,
        }
    });
    shown.await.unwrap().alive.unwrap().state
}

/// Asks for it, and it is so.
async fn stands(world: &World, engine: &TestEngine, run: (ProjectId, RunId), wanted: Stand, state: State) {
    let step = engine.view(run).await.steps[0].row.id;
    assert_eq!(stand(world, engine, step, wanted).await, state);
}

/// Kills the server and starts another, and waits until that has taken up the step with its sandbox.
async fn restarted(world: &World, engine: TestEngine) -> TestEngine {
    engine.kill().await;
    let looked = Gate::default();
    looked.open();
    world.backend.hold("state", looked.clone());
    let engine = world.start().await;
    // When it adopts the sandbox, and when it is about to go on.
    looked.reached(2).await;
    engine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_sandbox_stays_paused_through_restarts_until_a_person_resumes_it() {
    let world = World::new(conversation(write_down));
    let mut engine = world.start().await;
    let run = engine.start_run(talk(&world, "one")).await.unwrap();
    let step = until_awaiting(&engine, run, 1).await.row.id;
    assert_eq!(stand(&world, &engine, step, Stand::Still).await, State::Paused);
    tell(&engine, run, step, message("two")).await.unwrap();
    for _ in 0..2 {
        engine = restarted(&world, engine).await;
        assert_eq!(stand(&world, &engine, step, Stand::AsItIs).await, State::Paused);
    }
    assert_eq!(told(&engine, run).await, ["prompt one", "Completed"]);
    assert_eq!(stand(&world, &engine, step, Stand::Running).await, State::Running);
    until_awaiting(&engine, run, 2).await;
    engine = restarted(&world, engine).await;
    assert_eq!(stand(&world, &engine, step, Stand::AsItIs).await, State::Running);
    tell(&engine, run, step, Wanted::Finish).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let expected = ["prompt one", "Completed", "test: two", "Completed", "test ends"];
    assert_eq!(told(&engine, run).await, expected);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_at_work_stands_still_through_a_restart_and_works_on() {
    let gate = Gate::default();
    let acts = [vec![Act::Pass(gate.clone())], good()].concat();
    let world = World::new(always(acts));
    let mut engine = world.start().await;
    let run = engine.start_run(crate::agents::single(&world)).await.unwrap();
    gate.reached(1).await;
    let step = engine.view(run).await.steps[0].row.id;
    assert_eq!(stand(&world, &engine, step, Stand::Still).await, State::Paused);
    engine = restarted(&world, engine).await;
    assert_eq!(stand(&world, &engine, step, Stand::AsItIs).await, State::Paused);
    gate.open();
    assert_eq!(stand(&world, &engine, step, Stand::Running).await, State::Running);
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wish_to_pause_is_kept_where_the_server_dies_before_it_comes_true() {
    for (wanted, is_then) in [(Stand::Still, State::Paused), (Stand::Running, State::Running)] {
        let world = World::new(conversation(write_down));
        let mut engine = world.start().await;
        let run = engine.start_run(talk(&world, "one")).await.unwrap();
        let step = until_awaiting(&engine, run, 1).await.row.id;
        let call = match wanted {
            Stand::Running => {
                stand(&world, &engine, step, Stand::Still).await;
                "resume"
            }
            Stand::Still | Stand::AsItIs => "pause",
        };
        let gate = Gate::default();
        world.backend.hold(call, gate.clone());
        tokio::select! {
            () = gate.reached(1) => {}
            state = stand(&world, &engine, step, wanted) => panic!("it is {state:?}"),
        }
        engine = restarted(&world, engine).await;
        assert_eq!(stand(&world, &engine, step, Stand::AsItIs).await, is_then);
        engine.shut_down().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_sandbox_can_be_paused_it_is_refused_and_the_conversation_goes_on() {
    let world = World::new(conversation(write_down));
    let mut engine = world.start().await;
    let run = engine.start_run(talk(&world, "one")).await.unwrap();
    let step = until_awaiting(&engine, run, 1).await.row.id;
    world.backend.refuse("pause", 9);
    let grant = admin(&world, &engine).await;
    let sandbox = SandboxId::of_step(&step);
    let refused = engine.ask(move |engine| async move { engine.sandboxes().pause(&grant, sandbox).await });
    refused.await.unwrap_err();
    engine = restarted(&world, engine).await;
    tell(&engine, run, step, message("two")).await.unwrap();
    until_awaiting(&engine, run, 2).await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_limit_of_a_conversation_does_not_pass_while_it_is_paused() {
    const HOUR: i64 = 3_600_000;
    let world = World::new(conversation(write_down));
    let mut engine = world.start().await;
    let mut spec = talk(&world, "one");
    spec.limits = SandboxLimits::new(512, 1, 256, 1_024, 3_600).unwrap();
    let run = engine.start_run(spec).await.unwrap();
    let step = until_awaiting(&engine, run, 1).await.row.id;
    for _ in 0..2 {
        stand(&world, &engine, step, Stand::Still).await;
        world.clock.advance(10 * HOUR);
        engine = restarted(&world, engine).await;
        world.clock.advance(10 * HOUR);
        stand(&world, &engine, step, Stand::Running).await;
        world.clock.advance(HOUR / 4);
        engine = restarted(&world, engine).await;
    }
    tell(&engine, run, step, message("two")).await.unwrap();
    until_awaiting(&engine, run, 2).await;
    // Half an hour has passed of its hour.
    world.clock.advance(HOUR / 2);
    engine.kill().await;
    let engine = world.start().await;
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    assert_eq!(told(&engine, run).await.last().unwrap(), "system ends");
    assert_eq!(files(&world, &engine.view(run).await), ["one", "two"]);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_kill_at_every_third_call_of_a_conversation() {
    let mut point = 1;
    while conversation_with_a_kill_at(point).await.is_some() {
        point += 3;
    }
    assert!(point > 60, "the conversation has more than {point} points");
}
