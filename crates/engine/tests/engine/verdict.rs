//! The checker's structured result: asked for again, then searched for, then missed.

use codecourier_domain::event::{Event, ResultSource};
use codecourier_domain::failure::FailureClass;
use codecourier_domain::id::SandboxId;
use codecourier_domain::run::RunStatus;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Script, pass_verdict, script};

use crate::agents::{assert_failed, good};

fn end(text: &str) -> Act {
    Act::EndTurn(text.to_owned())
}

fn checker(acts: Vec<Act>) -> Script {
    script(move |call| if call.role == "checker" { acts.clone() } else { good() })
}

/// Asked twice: broken JSON, then a `fail` without feedback, then right.
fn slow_learner() -> Script {
    checker(vec![
        Act::Verdict("{\"verdict\":".to_owned()),
        end("Here it is."),
        Act::Verdict("{\"verdict\":\"fail\"}".to_owned()),
        end("Now."),
        Act::Verdict(pass_verdict()),
        end("At last."),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_malformed_verdict_is_asked_for_again_with_what_was_wrong() {
    let world = World::new(slow_learner());
    let engine = world.start().await;
    let run = engine.start_run(world.spec()).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let view = engine.view(run).await;
    let checker = &view.steps[1];
    assert_eq!(checker.memo.turns_ended, 3);
    let inputs = world.backend.inputs_of(SandboxId::of_step(&checker.row.id), "agent");
    let ids: Vec<_> = inputs.iter().map(|input| input.id.as_str()).collect();
    assert_eq!(ids, ["initial", "ask-again-1", "ask-again-2"]);
    let said = |input: usize| String::from_utf8_lossy(&inputs[input].bytes).into_owned();
    assert!(said(1).contains("does not fit the schema"), "{}", said(1));
    assert!(said(2).contains("`feedback` is required"), "{}", said(2));
    let events = engine.events(run).await;
    let asked: Vec<u32> = events
        .iter()
        .filter_map(|event| match event.event {
            Event::AskedAgain { attempt, .. } => Some(attempt),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [1, 2]);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_asks_each_question_once() {
    let world = World::new(slow_learner());
    let mut engine = world.start().await;
    let run = engine.start_run(world.spec()).await.unwrap();
    world.backend.stop_at_each();
    let mut kills = 0;
    loop {
        tokio::select! {
            _ = engine.wait(run) => break,
            _ = world.backend.stopped() => kills += 1,
        }
        engine.kill().await;
        engine = loop {
            match world.start_unless_stopped().await {
                Ok(engine) => break engine,
                Err(_) => kills += 1,
            }
        };
    }
    let view = engine.view(run).await;
    assert_eq!(
        view.summary.status,
        RunStatus::Completed,
        "{kills} kills: {:?}",
        view.state.failure()
    );
    assert_eq!(view.steps.len(), 2, "{kills} kills");
    let inputs = world
        .backend
        .inputs_of(SandboxId::of_step(&view.steps[1].row.id), "agent");
    let ids: Vec<_> = inputs.iter().map(|input| input.id.as_str()).collect();
    assert_eq!(ids, ["initial", "ask-again-1", "ask-again-2"], "{kills} kills");
    assert_eq!(view.steps[1].memo.turns_ended, 3);
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_in_the_last_words_is_taken_when_no_file_came() {
    // At the end of a long answer, where a cut would lose it.
    let last = format!(
        "{}\n```json\n{}\n```",
        "So I looked at it. ".repeat(2_000),
        pass_verdict()
    );
    let world = World::new(checker(vec![end("Fine."), end("I said: fine."), end(&last)]));
    let engine = world.start().await;
    let run = engine.start_run(world.spec()).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let source = engine
        .events(run)
        .await
        .into_iter()
        .find_map(|event| match event.event {
            Event::Verdict { source, .. } => Some(source),
            _ => None,
        });
    assert_eq!(source, Some(ResultSource::FinalText));
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verdict_at_all_fails_the_step_and_says_why() {
    let world = World::new(checker(vec![end("Fine."), end("Fine!"), end("Fine!!")]));
    let engine = world.start().await;
    let run = engine.start_run(world.spec()).await.unwrap();
    let words = "no usable verdict, also after it was asked 2 times again: there is no file";
    assert_failed(&world, &engine, run, FailureClass::StructuredResult, words).await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_loop_fails_with_the_last_feedback() {
    let fails = codecourier_testkit::fake_agent::fail_verdict("Say it in French.");
    let world = World::new(checker(vec![Act::Verdict(fails), end("No.")]));
    let engine = world.start().await;
    let mut spec = world.spec();
    spec.pipeline = codecourier_domain::pipeline::Pipeline::designer_and_checker(2).unwrap();
    let run = engine.start_run(spec).await.unwrap();
    let words = "No pass within 2 iterations. The last feedback: Say it in French.";
    assert_failed(&world, &engine, run, FailureClass::Task, words).await;
    assert_eq!(engine.view(run).await.steps.len(), 4);
    engine.shut_down().await;
}
