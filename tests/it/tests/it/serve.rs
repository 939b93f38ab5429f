//! A server and its runs: killed or stopped, it loses none, and the agents that it left work on.
#![expect(
    clippy::unwrap_used,
    reason = "tests: helpers outside of test functions count as code"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use codecourier_it::compare::recorded_runs;
use codecourier_it::scene::{Scene, ended};
use codecourier_testkit::repository::RepositoryBuilder;
use rustix::process::{Pid, Signal, kill_process};

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server on the scene's data directory that is ready.
struct Server(Child);

impl Server {
    async fn start(scene: &Scene) -> Self {
        let mut command = scene
            .installation
            .command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(scene.installation.data().join("serve.log"))
            .unwrap();
        command
            .env("ANTHROPIC_API_KEY", "sk-ant-test")
            .env("ANTHROPIC_BASE_URL", scene.model.base_url())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let reading = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            line
        });
        let line = tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap();
        assert!(line.contains(r#""type":"ready""#), "{line}");
        Self(child)
    }

    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    async fn stop(mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.0.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let status = tokio::task::spawn_blocking(move || self.0.wait());
        tokio::time::timeout(PATIENCE, status)
            .await
            .unwrap()
            .unwrap()
            .unwrap()
            .code()
    }
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
    Server::start(&scene).await.kill();
    let server = Server::start(&scene).await;
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

    assert_eq!(server.stop().await, Some(0));
    let runs = recorded_runs(scene.installation.data()).await.unwrap();
    assert_eq!((runs.len(), &runs[0].faults), (1, &Vec::new()));
    assert_eq!(scene.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn a_server_that_stops_leaves_its_agents_alive() {
    let scene = scene().await;
    let run = orphan(&scene, "@@hang").await;
    let server = Server::start(&scene).await;
    assert_eq!(server.stop().await, Some(0));
    assert!(
        !scene.installation.leftovers().unwrap().is_empty(),
        "the agent lives on"
    );
    let listed = ended(scene.installation.command(&["runs", "--json"])).await.unwrap();
    assert_eq!(listed.lines()[0]["status"], "running");

    let server = Server::start(&scene).await;
    let cancelled = ended(scene.installation.command(&["cancel", &run])).await.unwrap();
    assert_eq!(cancelled.code, Some(0), "{}", cancelled.stderr);
    assert_eq!(server.stop().await, Some(0));
    assert_eq!(scene.faults(), Vec::<String>::new());
}
