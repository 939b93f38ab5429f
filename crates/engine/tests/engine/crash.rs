//! An engine that is killed loses nothing and repeats nothing, wherever it is killed.

use std::collections::HashSet;

use codecourier_domain::actor::Actor;
use codecourier_domain::event::{Event, ToolImage};
use codecourier_domain::image::ImageType;
use codecourier_domain::pipeline::Pipeline;
use codecourier_store::blobs::BlobName;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::{self, Act};
use codecourier_testkit::postgres::Server;

use crate::{settings, story};

/// Kills an engine and starts the next ones until one was not stopped at its start. Gives where the others were.
async fn killed_and_started(world: &World, engine: TestEngine) -> (TestEngine, Vec<String>) {
    engine.kill().await;
    let mut stopped = Vec::new();
    loop {
        match world.start_unless_stopped().await {
            Ok(engine) => return (engine, stopped),
            Err(point) => stopped.push(point),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_one_after_the_other() {
    kill_at_every_call(World::new(fake_agent::designer_and_checker())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_at_every_call_on_postgres() {
    let database = Server::shared().create_database();
    kill_at_every_call(World::new(fake_agent::designer_and_checker()).on_postgres(database)).await;
}

async fn kill_at_every_call(world: World) {
    let mut engine = world.start().await;
    let run = engine.start_run(story::spec(&world)).await.unwrap();
    world.backend.stop_at_each();
    let mut kills = Vec::new();
    loop {
        tokio::select! {
            _ = engine.wait(run) => break,
            point = world.backend.stopped() => kills.push(point),
        }
        let (next, stopped) = killed_and_started(&world, engine).await;
        engine = next;
        kills.extend(stopped);
    }
    assert!(kills.len() > 100, "{} kills", kills.len());
    story::assert_told_once(&world, &engine, run, &format!("{} kills", kills.len())).await;
    assert_bundles_stay(&world);
    engine.shut_down().await;
}

/// A bundle that is being unpacked is left alone: what is written in place would be read in halves.
fn assert_bundles_stay(world: &World) {
    let mut unpacking = HashSet::new();
    let mut written = 0;
    for call in world.backend.calls() {
        match call.what.as_str() {
            "run clone started" => {
                unpacking.insert(call.sandbox);
            }
            "write_file /opt/codecourier/step.bundle" => {
                written += 1;
                assert!(!unpacking.contains(&call.sandbox), "{:?}", call.sandbox);
            }
            _ => {}
        }
    }
    assert!(written >= 4, "{written}");
}

/// Tells the story in a world of its own, with one kill at a point. Gives where that was; `None` if the story ended
/// before it.
async fn one_kill_at(point: u64) -> Option<String> {
    let world = World::new(fake_agent::designer_and_checker());
    let engine = world.start().await;
    world.backend.stop_at(point);
    let run = engine.start_run(story::spec(&world)).await.unwrap();
    let killed = tokio::select! {
        _ = engine.wait(run) => None,
        point = world.backend.stopped() => Some(point),
    };
    let engine = match &killed {
        Some(_) => killed_and_started(&world, engine).await.0,
        None => engine,
    };
    engine.wait(run).await;
    let when = killed.clone().unwrap_or_else(|| "no kill".to_owned());
    story::assert_told_once(&world, &engine, run, &when).await;
    engine.shut_down().await;
    killed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_kill_at_every_nineteenth_call() {
    let mut point = 1;
    while one_kill_at(point).await.is_some() {
        point += 19;
    }
    assert!(point > 100, "the story has more than {point} points");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_kill_after_every_seventh_event() {
    let mut seq = 2;
    loop {
        let world = World::new(fake_agent::designer_and_checker());
        let engine = world.start().await;
        let run = engine.start_run(story::spec(&world)).await.unwrap();
        let ended = tokio::select! {
            _ = engine.wait(run) => true,
            () = engine.until_event(run, seq) => false,
        };
        let (engine, _) = killed_and_started(&world, engine).await;
        engine.wait(run).await;
        story::assert_told_once(&world, &engine, run, &format!("a kill after event {seq}")).await;
        engine.shut_down().await;
        if ended {
            break;
        }
        seq += 7;
    }
    assert!(seq > 70, "the story has more than {seq} events");
}

/// A picture that a tool gave is in the transcript once, and where it is kept, wherever the engine was killed between the
/// two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_of_a_tool_is_kept_once_through_a_kill_at_every_call() {
    let mut large = b"GIF89a".to_vec();
    large.resize(20_000, 7);
    let small = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    let look = |picture: &[u8]| Act::Look {
        name: "Read".to_owned(),
        picture: picture.to_vec(),
    };
    let acts = vec![
        look(&small),
        look(&large),
        look(b"<svg onload='alert(1)'/>"),
        look(&small),
        Act::EndTurn("Looked.".to_owned()),
    ];
    let world = World::new(fake_agent::always(acts));
    let mut engine = world.start().await;
    let mut spec = world.spec();
    spec.pipeline = Pipeline::single_designer();
    let run = engine.start_run(spec).await.unwrap();
    world.backend.stop_at_each();
    let mut kills = 0;
    loop {
        let ended = tokio::select! {
            _ = engine.wait(run) => true,
            _ = world.backend.stopped() => false,
        };
        if ended {
            break;
        }
        let (next, stopped) = killed_and_started(&world, engine).await;
        engine = next;
        kills += 1 + stopped.len();
    }
    assert!(kills > 20, "{kills} kills");

    let events = engine.events(run).await;
    let results: Vec<(String, Vec<ToolImage>)> = events
        .into_iter()
        .filter_map(|recorded| match recorded.event {
            Event::ToolResult { output, images, .. } => Some((output, images)),
            _ => None,
        })
        .collect();
    let shown: Vec<Vec<String>> = results
        .iter()
        .map(|(_, images)| images.iter().map(|image| image.image.clone()).collect())
        .collect();
    let name = |bytes: &[u8]| BlobName::of(bytes).to_string();
    assert_eq!(
        shown,
        [vec![name(&small)], vec![name(&large)], vec![], vec![name(&small)]],
        "each result once"
    );
    assert!(
        results[2].0.contains("no PNG, JPEG, GIF or WebP picture"),
        "{}",
        results[2].0
    );
    let member = settings::grant(run.0, Actor::System);
    for (bytes, media_type) in [(small, ImageType::Png), (large, ImageType::Gif)] {
        let (member, name) = (member.clone(), name(&bytes));
        let read = engine.ask(move |engine| async move {
            let stranger = engine.runs().image(&settings::stranger(), &name).await;
            assert_eq!(stranger.unwrap_err().code.as_str(), "NOT_FOUND");
            engine.runs().image(&member, &name).await.unwrap()
        });
        let (image, kept) = read.await;
        assert_eq!((image.media_type, &kept[..]), (media_type, &bytes[..]));
    }
    engine.shut_down().await;
}
