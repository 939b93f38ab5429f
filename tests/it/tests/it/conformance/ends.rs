//! Runs that are ended, or that cannot end well: three at once for each agent.

use std::time::{Duration, Instant};

use codecourier_domain::agent::AgentKind;
use codecourier_it::conformance::{Behaviour, Judged, Scene};
use codecourier_it::project::Project;
use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_as_expected, of_every_agent};
use crate::agents::model;

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(90);

async fn end(agent: AgentKind) {
    let project = Project::open(&[agent]).await.unwrap();
    let mut judged = Judged::of(agent, Scene::Ends);
    let single = |prompt: &str| json!({"workflow": "single", "agent": agent, "model": model(agent, "designer"), "prompt": prompt});

    // It asks a second time once the command was answered, so by then everything is there that must be gone.
    let held = project
        .start(single(
            "@@run (setsid sleep 864198 > /dev/null 2>&1 &); echo away\n@@hang",
        ))
        .await
        .unwrap();
    tokio::time::timeout(PATIENCE, project.scene.model.wait_for_requests(2))
        .await
        .unwrap();
    let following = project.follow(&held);
    let began = Instant::now();
    project
        .ask(Method::POST, &format!("/projects/shop/runs/{held}/cancel"), json!({}))
        .await
        .unwrap();
    let cancelled = project.ended(held, following).await.unwrap();
    let took = began.elapsed();
    let killed = cancelled.shown.events("killed");
    judged.row(
        Behaviour::Cancelled,
        cancelled.detail["status"] == "cancelled"
            && took.as_secs() < 5
            && !killed.is_empty()
            && killed.iter().all(|killed| killed["survivors"] == 0),
        || format!("{took:?}\n{}", cancelled.told()),
    );

    // The shell lives on and tells of it: OpenCode waits two minutes for a command that itself died by a signal.
    // The kernel ends what is biggest, so the limit leaves the command far more room than any agent takes itself.
    let mut greedy = single("@@run python3 -c 'print(len(bytearray(4 << 30)))'; exit $?\n@@write a.txt <<< fine");
    greedy["limits"] = json!({"memoryMb": 2_048});
    let greedy = project.start(greedy).await.unwrap();
    let refused = project.start(single("@@error 401")).await.unwrap();
    let (greedy_seen, refused_seen) = (project.follow(&greedy), project.follow(&refused));
    let refused = project.ended(refused, refused_seen).await.unwrap();
    let requests = project.scene.model.requests();
    let asked = requests.iter().filter(|request| {
        request.json()["tools"].is_array() && String::from_utf8_lossy(&request.body).contains("@@error 401")
    });
    let asked = asked.count();
    let greedy = project.ended(greedy, greedy_seen).await.unwrap();
    let patch = project.patch(&greedy.id).await.unwrap();
    let failed = greedy.shown.events("tool_result");
    judged.row(
        Behaviour::OutOfMemory,
        greedy.detail["status"] == "completed"
            && failed.iter().any(|result| result["succeeded"] == Value::Bool(false))
            && patch.contains("+fine"),
        || greedy.told(),
    );
    let failure = &refused.detail["failure"];
    let names_the_key = failure["message"]
        .as_str()
        .is_some_and(|words| words.contains("API_KEY") || words.contains("key"));
    judged.row(
        Behaviour::KeyRefused,
        failure["code"] == "PROVIDER_AUTH" && names_the_key && asked == 1,
        || format!("the model was asked {asked} times\n{}", refused.told()),
    );
    let (_scene, runs) = project.close().await.unwrap();
    let faults: Vec<&String> = runs.iter().flat_map(|run| &run.faults).collect();
    assert_eq!(faults, Vec::<&String>::new());
    assert_as_expected(&judged);
}

of_every_agent!(end: claude_is_ended, codex_is_ended, opencode_is_ended, pi_is_ended);
