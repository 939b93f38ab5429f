//! The sandboxes of a project: listed, read and killed while their agents work.

use std::collections::BTreeSet;
use std::sync::Arc;

use codecourier_api::ApiConfig;
use codecourier_domain::member::MemberRole;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Gate, script};
use codecourier_testkit::server::{TestPerson, TestProject, TestServer};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// A server whose agents wait until the test lets them go on.
async fn waiting() -> (TestServer, TestPerson, TestProject, Gate) {
    let gate = Gate::default();
    let waits = gate.clone();
    let agents = script(move |_| vec![Act::Pass(waits.clone()), Act::EndTurn("Done.".to_owned())]);
    let server = TestServer::start_in(Arc::new(World::new(agents)), ApiConfig::default()).await;
    let ada = server.person("ada").await;
    let shop = server.project(&ada, "shop").await;
    (server, ada, shop, gate)
}

async fn start_run(server: &TestServer, ada: &TestPerson) -> String {
    let body = json!({ "prompt": "Wait", "workflow": "single" });
    let answer = server.post(&ada.token, "/projects/shop/runs", body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    answer.data()["id"].as_str().unwrap().to_owned()
}

async fn list(server: &TestServer, ada: &TestPerson, query: &str) -> Value {
    let address = format!("/projects/shop/sandboxes{query}");
    let answer = server.get(&ada.token, &address).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.json()
}

#[tokio::test]
async fn a_sandbox_is_seen_as_long_as_its_agent_works() {
    let (server, ada, shop, gate) = waiting().await;
    assert_eq!(list(&server, &ada, "").await["data"], json!([]));
    let run = start_run(&server, &ada).await;
    gate.reached(1).await;
    let listed = list(&server, &ada, "").await;
    let sandbox = &listed["data"][0];
    assert_eq!(
        (&sandbox["runId"], &sandbox["status"], &sandbox["lane"]),
        (&json!(run), &json!("running"), &json!("designer#1"))
    );
    assert_eq!(sandbox["limits"]["memoryMb"], 2_048);
    assert!(
        sandbox["isolation"]["tier"].is_string() && sandbox["usage"].is_object(),
        "{sandbox}"
    );
    let address = format!("/projects/shop/sandboxes/{}", sandbox["id"].as_str().unwrap());
    let read = server.get(&ada.token, &address).await.data();
    assert_eq!((&read["id"], &read["stepId"]), (&sandbox["id"], &sandbox["stepId"]));
    gate.open();
    let run = (shop.id, run.parse().unwrap());
    server.engine.wait(run).await;
    assert_eq!(list(&server, &ada, "").await["data"], json!([]));
    let gone = server.get(&ada.token, &address).await;
    assert_eq!(
        (gone.status, gone.code().as_str()),
        (StatusCode::NOT_FOUND, "NOT_FOUND")
    );
}

#[tokio::test]
async fn sandboxes_are_paged_and_each_is_on_one_page() {
    let (server, ada, _shop, gate) = waiting().await;
    let mut runs = BTreeSet::new();
    for number in 1..=3 {
        runs.insert(start_run(&server, &ada).await);
        gate.reached(number).await;
    }
    let (mut seen, mut query) = (BTreeSet::new(), "?limit=2".to_owned());
    loop {
        let page = list(&server, &ada, &query).await;
        for sandbox in page["data"].as_array().unwrap() {
            assert!(seen.insert(sandbox["runId"].as_str().unwrap().to_owned()), "{page}");
        }
        match page["nextCursor"].as_str() {
            Some(next) => query = format!("?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, runs);
    let foreign = server.get(&ada.token, "/projects/shop/sandboxes?cursor=AAAA").await;
    assert_eq!(foreign.json()["error"]["field"], "cursor", "{}", foreign.text);
}

#[tokio::test]
async fn a_killed_sandbox_is_dead_and_the_step_is_done_again_in_another() {
    let (server, ada, _shop, gate) = waiting().await;
    start_run(&server, &ada).await;
    gate.reached(1).await;
    let first = list(&server, &ada, "").await["data"][0]["id"].clone();
    let address = format!("/projects/shop/sandboxes/{}", first.as_str().unwrap());
    let killed = server.post(&ada.token, &format!("{address}/kill"), json!({})).await;
    assert_eq!(killed.status, StatusCode::NO_CONTENT, "{}", killed.text);
    gate.reached(2).await;
    let second = list(&server, &ada, "").await["data"][0]["id"].clone();
    assert!(second.is_string() && second != first, "{second}");
    assert_eq!(server.get(&ada.token, &address).await.code(), "NOT_FOUND");
    let again = server.post(&ada.token, &format!("{address}/kill"), json!({})).await;
    assert_eq!(again.code(), "NOT_FOUND", "{}", again.text);
}

#[tokio::test]
async fn a_sandbox_of_another_project_is_not_there() {
    let (server, ada, _shop, gate) = waiting().await;
    let eve = server.person("eve").await;
    let other = server.project(&eve, "elsewhere").await;
    server.member(&other, &ada, MemberRole::Member).await;
    start_run(&server, &ada).await;
    gate.reached(1).await;
    let sandbox = list(&server, &ada, "").await["data"][0]["id"].clone();
    let sandbox = sandbox.as_str().unwrap();
    let never = "sbx_019300000000700080000000deadbeef";
    for person in [&eve, &ada] {
        let through = async |id: &str| {
            let address = format!("/projects/elsewhere/sandboxes/{id}");
            let read = server.get(&person.token, &address).await;
            let killed = server.post(&person.token, &format!("{address}/kill"), json!({})).await;
            let words = |answer: &codecourier_testkit::server::TestAnswer| {
                let message = answer.json()["error"]["message"].as_str().unwrap().replace(id, "…");
                (answer.status, answer.code(), message)
            };
            (words(&read), words(&killed))
        };
        assert_eq!(through(sandbox).await, through(never).await);
        assert_eq!(through(sandbox).await.0.0, StatusCode::NOT_FOUND);
    }
    let still = list(&server, &ada, "").await["data"][0].clone();
    assert_eq!((&still["id"], &still["status"]), (&json!(sandbox), &json!("running")));
}
