//! The server is killed in the middle of each agent's turn, three times: before the model's first byte, while a tool
//! runs, and in the middle of an answer. The turn goes on, and its transcript has each line once.

use std::time::Duration;

use codecourier_domain::agent::AgentKind;
use codecourier_domain::model_route::default_model;
use codecourier_it::project::Project;
use serde_json::json;

/// How long an agent may take to ask on.
const PATIENCE: Duration = Duration::from_secs(60);

const SCRIPT: &str = r"Write the greeting.
@@flaky 1-hang.before
@@run echo begun; sleep 4; echo and done
@@flaky 1-hang-stream.middle
@@write greeting.txt <<< hello
@@say It is written.
";

async fn killed_three_times(agent: AgentKind) {
    let mut project = Project::open(&[agent]).await.unwrap();
    let request = json!({"workflow": "single", "agent": agent, "model": default_model(agent), "prompt": SCRIPT});
    let id = project.start(request).await.unwrap();

    // It has asked, and nothing has come back.
    project.scene.model.wait_for_requests(1).await;
    project.kill_and_restart().await.unwrap();
    // It has asked again, and does what it was told.
    project.until_shown(&id, "tool_call").await.unwrap();
    project.kill_and_restart().await.unwrap();
    // The tool has ended, its output is there, and the model begins to answer.
    project.until_shown(&id, "tool_result").await.unwrap();
    let was_told = project.scene.model.wait_for_request(|request| {
        let body = String::from_utf8_lossy(&request.body);
        // As the agents pass it on: a line break may be escaped twice.
        body.replace('\\', "").contains("begunnand done")
    });
    tokio::time::timeout(PATIENCE, was_told)
        .await
        .expect("the output of the tool");
    project.kill_and_restart().await.unwrap();

    let following = project.follow(&id);
    let run = project.ended(id, following).await.unwrap();
    let told = run.told();
    assert_eq!(run.detail["status"], "completed", "{told}");
    let output = run.output_of_tools();
    assert!(output.contains("begun") && output.contains("and done"), "{told}");
    let patch = project.patch(&run.id).await.unwrap();
    assert!(patch.contains("+hello"), "{patch}");

    let (_scene, runs) = project.close().await.unwrap();
    let [recorded] = runs.as_slice() else {
        panic!("{} runs", runs.len())
    };
    assert_eq!(recorded.faults, Vec::<String>::new(), "{told}");
    let names: Vec<&str> = recorded.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["designer#1/1"], "one attempt, one session: {told}");
}

#[tokio::test]
async fn claude_goes_on_after_its_server_was_killed() {
    killed_three_times(AgentKind::Claude).await;
}

#[tokio::test]
async fn codex_goes_on_after_its_server_was_killed() {
    killed_three_times(AgentKind::Codex).await;
}

#[tokio::test]
async fn opencode_goes_on_after_its_server_was_killed() {
    killed_three_times(AgentKind::Opencode).await;
}

#[tokio::test]
async fn pi_goes_on_after_its_server_was_killed() {
    killed_three_times(AgentKind::Pi).await;
}
