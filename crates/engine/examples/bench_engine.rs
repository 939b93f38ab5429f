//! Measures the engine and prints one JSON object per line. `cargo xtask bench` runs it in release mode.
//!
//! The store, Git and the gateway are real; sandboxes are fake ones in this process and agents follow a script, so that
//! what is left is the engine's own. Takes a number of runs for the crowd, 1,000 when none is given.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first failure, and prints"
)]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::id::{ProjectId, SandboxId};
use codecourier_domain::pipeline::Pipeline;
use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Clock as _;
use codecourier_engine::random::uuid_v7;
use codecourier_store::Body;
use codecourier_store::projects::NewProject;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::{Act, Gate, designer_and_checker, script};
use codecourier_testkit::fake_sandbox::{Call, Moment};
use serde_json::json;

const HAND_OVER_RUNS: usize = 40;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let crowd = std::env::args().nth(1).map_or(1_000, |count| count.parse().unwrap());
    hand_over().await;
    crowded(crowd).await;
}

/// From the exit of a step's agent to the next step's, one run after the other.
async fn hand_over() {
    let mut world = World::new(designer_and_checker());
    world.threads = 2;
    let engine = world.start().await;
    let (mut whole, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..HAND_OVER_RUNS {
        let run = engine.start_run(world.spec()).await.unwrap();
        assert_eq!(engine.wait(run).await, RunStatus::Completed);
        let view = engine.view(run).await;
        let calls = world.backend.calls();
        let sandboxes: Vec<_> = view.steps.iter().map(|step| SandboxId::of_step(&step.row.id)).collect();
        for pair in sandboxes.windows(2) {
            let when = |sandbox, what: &str, moment| at(&calls, sandbox, what, moment);
            let exit = when(pair[0], "exit agent", Moment::After);
            let destroyed = when(pair[0], "destroy", Moment::After);
            let asked = when(pair[1], "create", Moment::Before);
            let started = when(pair[1], "start agent", Moment::Before);
            whole.push(milliseconds(started - exit));
            alone.push(milliseconds(asked - destroyed));
        }
    }
    engine.shut_down().await;
    print(
        "handover_fake_sandbox",
        "agent's exit to the next agent's start asked, with collect, bundle and clone by the real Git on a small \
         repository, in fake sandboxes; half of the steps are designers",
        &[
            ("p50_ms", percentile(&mut whole, 50)),
            ("p99_ms", percentile(&mut whole, 99)),
        ],
    );
    print(
        "decision",
        "sandbox of a step destroyed to the next step's sandbox asked for: the state machine, the transaction that \
         ends the task, the claim of the next one, its first records",
        &[
            ("p50_ms", percentile(&mut alone, 50)),
            ("p99_ms", percentile(&mut alone, 99)),
        ],
    );
}

/// Many runs at once: their memory, and how soon all of them move again after a kill.
async fn crowded(count: usize) {
    let gate = Gate::default();
    let held = gate.clone();
    let mut world = World::new(script(move |_| {
        vec![
            Act::Say("so far".to_owned()),
            Act::Pass(held.clone()),
            Act::Write {
                path: "answer.txt".to_owned(),
                content: "42\n".to_owned(),
            },
            Act::EndTurn("Done.".to_owned()),
        ]
    }));
    world.work_places = count;
    world.backend.piece(1 << 16);
    let engine = world.start().await;
    let project = roomy_project(&world, &engine, count).await;
    let before = resident_kilobytes();
    let began = Instant::now();
    for _ in 0..count {
        let mut spec = world.spec();
        spec.pipeline = Pipeline::single_designer();
        spec.checks = vec![CheckSpec {
            name: "answer".to_owned(),
            command: "test -e answer.txt".to_owned(),
            requirement: Requirement::Required,
            timeout_seconds: 60,
        }];
        let run = engine.ask(move |engine| async move { engine.runs().start(project, spec, "bench").await });
        run.await.unwrap();
    }
    let reached = tokio::time::timeout(Duration::from_secs(1_200), gate.reached(u32::try_from(count).unwrap()));
    reached.await.unwrap();
    let started = began.elapsed();
    let held = resident_kilobytes().saturating_sub(before);
    print(
        "crowd",
        "that many runs whose agents wait; memory is the growth of this process, fake sandboxes and agents included",
        &[
            ("runs", as_f64(count)),
            ("kilobytes_per_run", as_f64(held) / as_f64(count)),
            ("started_per_second", as_f64(count) / started.as_secs_f64()),
        ],
    );

    let calls_before = world.backend.calls().len();
    engine.kill().await;
    let began = Instant::now();
    let engine = world.start().await;
    let ready = began.elapsed();
    assert_eq!(engine.recovered.runs.len(), count);
    let moving = loop {
        let calls = world.backend.calls();
        let followed: HashSet<_> = calls[calls_before..]
            .iter()
            .filter(|call| call.what == "journal agent stdout" && call.moment == Moment::After)
            .map(|call| call.sandbox)
            .collect();
        if followed.len() == count {
            break calls
                .iter()
                .rev()
                .find(|call| call.what == "journal agent stdout")
                .unwrap()
                .at
                - began;
        }
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "{} of {count}",
            followed.len()
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    print(
        "recovery",
        "engine killed with that many steps under way; start of the next one until every agent's output is followed \
         again",
        &[
            ("runs", as_f64(count)),
            ("start_ms", milliseconds(ready)),
            ("all_moving_ms", milliseconds(moving)),
        ],
    );

    // How they end is Git's doing, on one repository, and no figure of the engine.
    engine.kill().await;
}

/// A project in which that many steps may be under way at once.
async fn roomy_project(world: &World, engine: &TestEngine, places: usize) -> ProjectId {
    let now = world.clock.now();
    let project = NewProject {
        id: ProjectId::from_uuid(uuid_v7(now)),
        slug: "crowd".to_owned(),
        name: "crowd".to_owned(),
        description: String::new(),
        work_limit: u32::try_from(places).unwrap(),
        created_at: now,
        body: Body::of(&json!({ "repository": world.source() })).unwrap(),
    };
    let (id, store) = (project.id, engine.store());
    let inserted = engine.ask(move |_| async move {
        store
            .write(move |tx| Box::pin(async move { tx.insert_project(&project).await }))
            .await
    });
    inserted.await.unwrap();
    id
}

fn at(calls: &[Call], sandbox: SandboxId, what: &str, moment: Moment) -> Instant {
    calls
        .iter()
        .find(|call| call.sandbox == Some(sandbox) && call.what == what && call.moment == moment)
        .unwrap_or_else(|| panic!("{what} of {sandbox}"))
        .at
}

fn print(bench: &str, method: &str, figures: &[(&str, f64)]) {
    let mut line = json!({"bench": bench, "method": method});
    for (name, value) in figures {
        line[*name] = json!((value * 100.0).round() / 100.0);
    }
    println!("{line}");
}

fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * percent / 100).min(values.len() - 1)]
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

fn resident_kilobytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
