//! Credentials that are not good, to every operation that wants one: the same words for each, and nothing done.

use codecourier_domain::permission::Permission;
use serde_json::json;

use super::scene::{Scene, refusal};

#[tokio::test]
async fn no_operation_takes_a_credential_that_is_not_good() {
    let scene = Scene::new().await;
    let server = &scene.furnished.server;
    let signed_out = server.person("gone").await;
    let request = server
        .request(reqwest::Method::POST, "/auth/sign-out")
        .bearer_auth(&signed_out.token);
    assert!(server.send(request).await.status.is_success());
    let made = json!({ "name": "revoked", "permissions": ["runs:read"] });
    let owner = &scene.furnished.owner;
    let revoked = server.post(&owner.token, "/projects/shop/keys", made).await.data();
    let address = format!("/projects/shop/keys/{}", revoked["key"]["id"].as_str().unwrap());
    let request = server
        .request(reqwest::Method::DELETE, &address)
        .bearer_auth(&owner.token);
    assert!(server.send(request).await.status.is_success());
    let before = scene.state().await;

    let (body, last) = owner.token.split_at(owner.token.len() - 1);
    let forged = format!("{body}{}", if last == "0" { "1" } else { "0" });
    let tokens = [
        signed_out.token.clone(),
        revoked["token"].as_str().unwrap().to_owned(),
        forged,
        owner.token.to_ascii_uppercase(),
        format!("{}x", owner.token),
        owner.token.replace("ccs_", "cc_live_"),
        body.to_owned(),
        "ccs_".to_owned(),
        "cc_live_".to_owned(),
        format!("ccs_{}", "A".repeat(49)),
        // Nobody signed this, and nobody is believed here who did.
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyXzEiLCJleHAiOjk5OTk5OTk5OTl9.".to_owned(),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyXzEifQ.AAAA".to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(4_000),
    ];
    let (mut faults, mut words) = (Vec::new(), std::collections::BTreeSet::new());
    for operation in scene.operations() {
        if operation.is_open() {
            continue;
        }
        let address = scene.address(&operation, &[]);
        for token in &tokens {
            let answer = scene.send(scene.request_to(&operation, &address, token)).await;
            let came = refusal(&answer);
            if came != Ok((401, "AUTH_INVALID".to_owned(), None)) {
                faults.push(format!("{} with {token:.40}: {came:?}", operation.name));
            }
            words.insert(answer.json()["error"]["message"].to_string());
            if answer.headers.get("www-authenticate").is_none() {
                faults.push(format!("{}: does not say how to sign in", operation.name));
            }
        }
        let nobody = scene.furnished.server.request(operation.method.clone(), &address);
        let came = refusal(&scene.send(nobody).await);
        if came != Ok((401, "AUTH_MISSING".to_owned(), None)) {
            faults.push(format!("{} with no credential: {came:?}", operation.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(words.len(), 1, "{words:?}");
    scene.is_as(&before).await;
}

#[tokio::test]
async fn a_session_that_is_over_and_a_key_that_has_expired_open_nothing() {
    let scene = Scene::new().await;
    let (server, owner) = (&scene.furnished.server, &scene.furnished.owner);
    let made = json!({ "name": "short", "permissions": ["runs:read"], "expiresInSeconds": 60 });
    let key = server.post(&owner.token, "/projects/shop/keys", made).await.data();
    let key = key["token"].as_str().unwrap().to_owned();
    assert!(server.get(&key, "/projects/shop/runs").await.status.is_success());
    server.world.clock.advance(60_000);
    let came = refusal(&server.get(&key, "/projects/shop/runs").await);
    assert_eq!(came, Ok((401, "AUTH_INVALID".to_owned(), None)));
    assert!(server.get(&owner.token, "/whoami").await.status.is_success());
    // Longer than any session lasts.
    server.world.clock.advance(20 * 366 * 24 * 60 * 60 * 1_000);
    let came = refusal(&server.get(&owner.token, "/whoami").await);
    assert_eq!(came, Ok((401, "AUTH_INVALID".to_owned(), None)));
}

#[tokio::test]
async fn a_key_is_no_person() {
    let scene = Scene::new().await;
    let project = codecourier_testkit::server::TestProject {
        id: {
            let shop = scene
                .furnished
                .server
                .get(&scene.furnished.owner.token, "/projects/shop")
                .await
                .data();
            shop["id"].as_str().unwrap().parse().unwrap()
        },
        slug: "shop".to_owned(),
    };
    let key = scene.furnished.server.key(&project, Permission::all().collect()).await;
    // When it was last used is written to the minute.
    scene.furnished.server.get(&key, "/whoami").await;
    let before = scene.state().await;
    // A key that stands where a session's cookie stands is no session.
    let request = scene.furnished.server.request(reqwest::Method::GET, "/whoami");
    let came = refusal(&scene.send(request.header("cookie", format!("cc_session={key}"))).await);
    assert_eq!(came, Ok((401, "AUTH_INVALID".to_owned(), None)));
    for (method, address) in [
        (reqwest::Method::GET, "/account"),
        (reqwest::Method::GET, "/projects"),
        (reqwest::Method::POST, "/projects/shop/leave"),
        (reqwest::Method::DELETE, "/projects/shop?name=shop"),
    ] {
        let request = scene.furnished.server.request(method, address).bearer_auth(&key);
        let came = refusal(&scene.send(request).await);
        assert_eq!(came, Ok((403, "FORBIDDEN".to_owned(), None)), "{address}");
    }
    scene.is_as(&before).await;
}
