//! Sandboxes to talk to an agent in: started, told things, paused, ended, and what is refused with which words.

use std::sync::Arc;

use codecourier_api::ApiConfig;
use codecourier_domain::id::RunId;
use codecourier_engine::runs::memo::Whose;
use codecourier_engine::runs::view::StepView;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, conversation};
use codecourier_testkit::server::{TestPerson, TestProject, TestServer};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A server whose agents write a file with the name of what they are told.
async fn serving() -> (TestServer, TestPerson, TestProject) {
    let agents = conversation(|call| {
        vec![
            Act::Write {
                path: call.prompt.clone(),
                content: "written\n".to_owned(),
            },
            Act::EndTurn(format!("Wrote {}.", call.prompt)),
        ]
    });
    let server = TestServer::start_in(Arc::new(World::new(agents)), ApiConfig::default()).await;
    let ada = server.person("ada").await;
    let shop = server.project(&ada, "shop").await;
    (server, ada, shop)
}

/// Waits until the step of a run is so, and gives it as clients see it.
async fn until(
    server: &TestServer,
    ada: &TestPerson,
    shop: &TestProject,
    run: &str,
    fits: impl Fn(&StepView) -> bool + Send + 'static,
) -> Value {
    let (project, id): (_, RunId) = (shop.id, run.parse().unwrap());
    let waited = server.engine.ask(move |engine| async move {
        let mut feed = engine.runs().follow(project, id, 0);
        loop {
            let view = engine.runs().get(project, id).await.unwrap();
            assert!(!view.summary.status.has_ended(), "{:?}", view.state.failure());
            if view.steps.last().is_some_and(&fits) {
                return;
            }
            feed.next().await.unwrap();
        }
    });
    waited.await;
    let detail = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}"))
        .await
        .data();
    detail["steps"].as_array().unwrap().last().unwrap().clone()
}

fn waits(step: &StepView) -> bool {
    step.memo.talk.turn == Whose::Person
}

#[tokio::test]
async fn a_person_talks_to_an_agent_in_a_sandbox_of_their_own() {
    let (server, ada, shop) = serving().await;
    let body = json!({ "prompt": "one", "model": "claude-haiku-4-5" });
    let started = server.post(&ada.token, "/projects/shop/sandboxes", body).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text);
    let started = started.data();
    assert_eq!(started["workflow"], "sandbox");
    let run = started["id"].as_str().unwrap().to_owned();
    let step = until(&server, &ada, &shop, &run, waits).await;
    assert_eq!(step["awaitsInput"], true);
    assert_eq!(
        (&step["interactive"], &step["agent"], &step["model"], &step["accepts"]),
        (
            &json!(true),
            &json!("claude"),
            &json!("claude-haiku-4-5"),
            &json!({ "messages": true, "interrupt": false, "modelSwitch": true, "finish": true })
        )
    );
    let of_step = format!("/projects/shop/runs/{run}/steps/{}", step["id"].as_str().unwrap());
    let sandbox = format!("/projects/shop/sandboxes/{}", step["sandboxId"].as_str().unwrap());

    // What cannot be is refused with the reason.
    let idle = server
        .post(&ada.token, &format!("{of_step}/interrupt"), json!({}))
        .await;
    assert_eq!(
        (idle.status, idle.code().as_str()),
        (StatusCode::CONFLICT, "CONFLICT"),
        "{}",
        idle.text
    );
    let foreign = json!({ "model": "openai/gpt-5" });
    let foreign = server.post(&ada.token, &format!("{of_step}/model"), foreign).await;
    assert_eq!(foreign.json()["error"]["field"], "model", "{}", foreign.text);
    let empty = server
        .post(&ada.token, &format!("{of_step}/messages"), json!({ "text": " \n" }))
        .await;
    assert_eq!(empty.code(), "VALIDATION", "{}", empty.text);
    let nowhere = format!("/projects/shop/runs/{run}/steps/stp_019300000000700080000000deadbeef/finish");
    assert_eq!(server.post(&ada.token, &nowhere, json!({})).await.code(), "NOT_FOUND");

    // While the sandbox stands still, what is said waits.
    let paused = server.post(&ada.token, &format!("{sandbox}/pause"), json!({})).await;
    assert_eq!(
        (paused.status, &paused.data()["status"]),
        (StatusCode::OK, &json!("paused")),
        "{}",
        paused.text
    );
    let said = json!({ "text": "two" });
    let said = server.post(&ada.token, &format!("{of_step}/messages"), said).await;
    assert_eq!(said.status, StatusCode::ACCEPTED, "{}", said.text);
    let said = said.data();
    assert_eq!(
        (&said["kind"], &said["text"], &said["status"], &said["actor"]),
        (
            &json!("message"),
            &json!("two"),
            &json!("waiting"),
            &json!(ada.user.to_string())
        )
    );
    let step = until(&server, &ada, &shop, &run, |step| !step.waiting.is_empty()).await;
    assert_eq!((&step["awaitsInput"], &step["waiting"]), (&json!(true), &json!([said])));
    let resumed = server.post(&ada.token, &format!("{sandbox}/resume"), json!({})).await;
    assert_eq!(resumed.data()["status"], "running", "{}", resumed.text);
    let heard = |step: &StepView| step.waiting.is_empty() && waits(step) && step.memo.turns_ended == 2;
    let step = until(&server, &ada, &shop, &run, heard).await;
    assert_eq!((&step["waiting"], &step["summary"]), (&json!([]), &json!("Wrote two.")));

    let finish = server.post(&ada.token, &format!("{of_step}/finish"), json!({})).await;
    assert_eq!(finish.status, StatusCode::ACCEPTED, "{}", finish.text);
    server.engine.wait((shop.id, run.parse().unwrap())).await;
    let detail = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}"))
        .await
        .data();
    assert_eq!(detail["status"], "completed", "{detail}");
    let diff = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}/diff"))
        .await
        .data();
    let files: Vec<&Value> = diff["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| &file["path"])
        .collect();
    assert_eq!(files, ["one", "two"]);
    let over = server
        .post(&ada.token, &format!("{of_step}/messages"), json!({ "text": "three" }))
        .await;
    assert_eq!(over.code(), "CONFLICT", "{}", over.text);
}

#[tokio::test]
async fn a_killed_sandbox_takes_the_conversation_with_it() {
    let (server, ada, shop) = serving().await;
    let started = server
        .post(&ada.token, "/projects/shop/sandboxes", json!({}))
        .await
        .data();
    let run = started["id"].as_str().unwrap().to_owned();
    let step = until(&server, &ada, &shop, &run, waits).await;
    let sandbox = format!("/projects/shop/sandboxes/{}/kill", step["sandboxId"].as_str().unwrap());
    let killed = server.post(&ada.token, &sandbox, json!({})).await;
    assert_eq!(killed.status, StatusCode::NO_CONTENT, "{}", killed.text);
    server.engine.wait((shop.id, run.parse().unwrap())).await;
    let detail = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}"))
        .await
        .data();
    assert_eq!(
        (&detail["status"], &detail["steps"][0]["status"]),
        (&json!("cancelled"), &json!("cancelled"))
    );
}
