//! What the caller may not see is as what is not there: the same bytes, for every operation.

use codecourier_testkit::server::TestAnswer;
use serde_json::json;

use super::scene::{Operation, Scene};

/// An answer without what differs from request to request.
fn words(answer: &TestAnswer, own: &str) -> (u16, Vec<(String, String)>, String) {
    let id = answer.headers["x-request-id"].to_str().unwrap();
    let changes = ["x-request-id", "date", "ratelimit-remaining", "ratelimit-reset"];
    let headers = answer
        .headers
        .iter()
        .filter(|(name, _)| !changes.contains(&name.as_str()));
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let text = answer.text.replace(id, "…").replace(own, "…");
    (
        answer.status.as_u16(),
        headers.filter(|(name, _)| name != "content-length").collect(),
        text,
    )
}

/// Asks as a stranger, or whoever, with a body that is good.
async fn ask(scene: &Scene, operation: &Operation, replaced: &[(&str, &str)], token: &str) -> TestAnswer {
    let address = scene.address(operation, replaced);
    let request = scene.request_to(operation, &address, token);
    let request = match (scene.body_of(operation), operation.media_type()) {
        (Some(schema), _) => request.json(&scene.sample(schema)),
        (None, Some(kind)) => request.header("content-type", kind).body("a picture"),
        (None, None) => request,
    };
    scene.send(request).await
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_project_from_none() {
    let scene = Scene::new().await;
    let server = &scene.furnished.server;
    let stranger = server.person("stranger").await;
    let invited = server.person("carol").await;
    let other = server.project(&stranger, "elsewhere").await;
    let key = server
        .key(&other, codecourier_domain::permission::Permission::all().collect())
        .await;
    let before = scene.state().await;
    let mut faults = Vec::new();
    for operation in scene.operations() {
        if !operation.parameters("path").contains(&"slug".to_owned()) {
            continue;
        }
        // Somebody who is invited knows of the project from the invitation, and sees no more than that.
        for token in [&stranger.token, &invited.token, &key] {
            let there = words(&ask(&scene, &operation, &[("slug", "shop")], token).await, "shop");
            let never = words(&ask(&scene, &operation, &[("slug", "nope")], token).await, "nope");
            if there != never || !matches!(there.0, 403 | 404) {
                faults.push(format!(
                    "{}: {there:?} where it is, {never:?} where nothing is",
                    operation.name
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    scene.is_as(&before).await;
}

#[tokio::test]
async fn what_is_in_another_project_is_as_what_is_in_none() {
    let scene = Scene::new().await;
    let server = &scene.furnished.server;
    let other_owner = server.person("other").await;
    server.project(&other_owner, "elsewhere").await;
    let before = scene.state().await;
    let (mut faults, mut asked) = (Vec::new(), 0);
    for operation in scene.operations() {
        let things = [
            "run",
            "sandbox",
            "key",
            "variable",
            "invitation",
            "user",
            "name",
            "session",
        ];
        let parameters = operation.parameters("path");
        let Some(thing) = things
            .into_iter()
            .find(|thing| parameters.iter().any(|name| name == thing))
        else {
            continue;
        };
        let there = scene.furnished.there_is[thing][0].clone();
        let never = match there.split_once('_') {
            Some((kind, _)) => format!("{kind}_019300000000700080000000deadbeef"),
            None => "no-such-way".to_owned(),
        };
        asked += 1;
        let mut came = Vec::new();
        for id in [&there, &never] {
            let replaced = [("slug", "elsewhere"), (thing, id.as_str())];
            came.push(words(&ask(&scene, &operation, &replaced, &other_owner.token).await, id));
        }
        // A workflow's name is free in each project: saving one there is no question about this one.
        let is_of_its_own = operation.name == "workflows.save";
        if came[0] != came[1] || (came[0].0 != 404 && !is_of_its_own) {
            faults.push(format!("{}: {came:?}", operation.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(asked > 15, "{asked}");
    scene.is_as(&before).await;
}

#[tokio::test]
async fn whether_an_address_has_an_account_is_not_told() {
    let scene = Scene::new().await;
    let server = &scene.furnished.server;
    for (path, body) in [
        ("/auth/sign-in", json!({ "password": "a good long password" })),
        (
            "/auth/sign-up",
            json!({ "password": "a good long password", "name": "Somebody" }),
        ),
        ("/auth/password-reset", json!({})),
        ("/auth/magic-link", json!({})),
    ] {
        let mut came = Vec::new();
        for email in ["ada@example.com", "nobody@example.com"] {
            let mut body = body.clone();
            body["email"] = json!(email);
            let request = server.request(reqwest::Method::POST, path).json(&body);
            came.push(words(&server.send(request).await, email));
        }
        assert_eq!(came[0], came[1], "{path}");
    }
}
