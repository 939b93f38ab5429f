//! Who is let in.

use codecourier_domain::id::StepId;
use codecourier_gateway::{Mode, StepToken};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{House, PATIENCE, grant, prompt};

async fn assert_unauthorized(answer: reqwest::Response, words: &str) {
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["x-should-retry"], "false");
    let body: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(body["type"], "error");
    assert_eq!(body["error"]["type"], "authentication_error");
    assert!(body["error"]["message"].as_str().unwrap().contains(words), "{body}");
}

#[tokio::test]
async fn without_a_good_token_nothing_leaves() {
    let house = House::new().await;
    let request = prompt("@@say x");
    assert_unauthorized(house.post("/v1/messages", "cc_step_wrong", &request).await, "not known").await;
    assert_unauthorized(house.post("/v1/messages", "", &request).await, "no step token").await;
    let bare = house
        .client
        .post(format!("{}/v1/messages", house.url))
        .json(&request)
        .send()
        .await
        .unwrap();
    assert_unauthorized(bare, "no step token").await;
    house.tokens.revoke(&house.token);
    assert_unauthorized(house.ask(&request).await, "revoked").await;
    assert!(house.model.requests().is_empty());
    assert!(house.books.estimates().is_empty());
}

#[tokio::test]
async fn a_token_of_another_step_is_no_good_in_this_sandbox() {
    let house = House::new().await;
    let stolen = StepToken::from_random(&[9; 32]);
    house
        .tokens
        .grant(&stolen, grant(StepId::from_uuid(Uuid::from_u128(99)), Mode::Live));
    assert_unauthorized(
        house.post("/v1/messages", stolen.expose(), &prompt("@@say x")).await,
        "not known",
    )
    .await;
    // The same token is good where any step may come.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/gateway/anthropic/v1/messages",
        listener.local_addr().unwrap()
    );
    let cancel = CancellationToken::new();
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn({
        let (gateway, cancel) = (house.gateway.clone(), cancel.clone());
        async move { gateway.serve(listener, cancel).await }
    });
    let answer = house
        .client
        .post(url)
        .bearer_auth(stolen.expose())
        .json(&prompt("@@say x"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    drop(answer);
    cancel.cancel();
    tokio::time::timeout(PATIENCE, serving.join_next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
