//! A server and its runs: killed or stopped, it loses none, and the agents that it left work on.
#![expect(
    clippy::unwrap_used,
    reason = "tests: helpers outside of test functions count as code"
)]

use std::process::Stdio;
use std::time::Duration;

use codecourier_it::compare::recorded_runs;
use codecourier_it::scene::{Scene, ended};
use codecourier_it::serving::{Server, Start};
use codecourier_testkit::repository::RepositoryBuilder;

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server on the scene's data directory that is ready.
async fn serve(scene: &Scene) -> Server {
    let environment = vec![
        ("ANTHROPIC_API_KEY", "sk-ant-test".to_owned()),
        ("ANTHROPIC_BASE_URL", scene.model.base_url()),
    ];
    let start = Start {
        environment,
        ..Start::default()
    };
    Server::start(&scene.installation, start).await.unwrap()
}

/// Starts a run that is left by its process as soon as its agent works. Gives its identifier.
async fn orphan(scene: &Scene, prompt: &str) -> String {
    let mut run = scene.command_at(&scene.model.base_url(), &[], prompt);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let asked = scene.model.wait_for_requests(1);
    tokio::time::timeout(PATIENCE, asked).await.unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    let listed = ended(scene.installation.command(&["runs", "--json"])).await.unwrap();
    let run = &listed.lines()[0];
    assert_eq!(run["status"], "running");
    run["run"].as_str().unwrap().to_owned()
}

async fn scene() -> Scene {
    let repository = RepositoryBuilder::new()
        .file("README.md", "A sample.\n")
        .commit("first");
    let installation = codecourier_it::server::Installation::new().await.unwrap();
    Scene::at(installation, repository).await.unwrap()
}

#[tokio::test]
async fn a_killed_server_is_followed_by_one_that_adopts_its_agents() {
    let scene = scene().await;
    let run = orphan(
        &scene,
        "@@bash sleep 4; echo one > a.txt\n@@bash sleep 2; echo two >> a.txt\n@@say Done.",
    )
    .await;
    // Killed as soon as it is ready, whatever it was doing with the agent that it found.
    serve(&scene).await.kill().unwrap();
    let server = serve(&scene).await;
    // Reading works beside the server, and following ends with the run.
    let followed = ended(scene.installation.command(&["logs", "--follow", "--json", &run]))
        .await
        .unwrap();
    assert_eq!(followed.code, Some(0), "{}", followed.stderr);
    let shown = ended(scene.installation.command(&["show", "--json", &run]))
        .await
        .unwrap();
    assert_eq!(shown.result()["status"], "completed", "{}", shown.stdout);
    let branch = shown.result()["branch"].as_str().unwrap().to_owned();
    assert_eq!(
        scene.source.git(["show", &format!("{branch}:a.txt")]).trim(),
        "one\ntwo"
    );
    // What one server can do alone is refused beside it, with the way that works.
    let second = scene.run(&[], "@@say no").await.unwrap();
    assert_eq!(second.class(), "DATA_DIRECTORY_IN_USE");
    assert!(
        second.message().contains("codecourier login http://127.0.0.1:"),
        "{}",
        second.message()
    );

    assert_eq!(server.stop().await.unwrap(), Some(0));
    let runs = recorded_runs(scene.installation.data()).await.unwrap();
    assert_eq!((runs.len(), &runs[0].faults), (1, &Vec::new()));
    assert_eq!(scene.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_stops_leaves_its_agents_alive() {
    let scene = scene().await;
    let run = orphan(&scene, "@@hang").await;
    let server = serve(&scene).await;
    assert_eq!(server.stop().await.unwrap(), Some(0));
    assert!(
        !scene.installation.leftovers().unwrap().is_empty(),
        "the agent lives on"
    );
    let listed = ended(scene.installation.command(&["runs", "--json"])).await.unwrap();
    assert_eq!(listed.lines()[0]["status"], "running");

    let server = serve(&scene).await;
    let cancelled = ended(scene.installation.command(&["cancel", &run])).await.unwrap();
    assert_eq!(cancelled.code, Some(0), "{}", cancelled.stderr);
    assert_eq!(server.stop().await.unwrap(), Some(0));
    assert_eq!(scene.faults(), Vec::<String>::new());
}
