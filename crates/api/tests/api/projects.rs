//! Projects, members, invitations and the audit log, as a client meets them.

use codecourier_testkit::people::TestPerson;
use serde_json::{Value, json};

use crate::client::{Answered, Client, Sent};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and a picture";

async fn create(client: &Client, person: &TestPerson, name: &str) -> Value {
    let created = client.json(person, "POST", "/projects", json!({ "name": name })).await;
    assert_eq!(created.status, 201, "{}", created.text());
    created.data()
}

/// Brings a person into a project, through the front door.
async fn bring(client: &Client, owner: &TestPerson, slug: &str, person: &TestPerson, email: &str, role: &str) {
    let invite = json!({ "email": email, "role": role });
    let path = format!("/projects/{slug}/invitations");
    let id = client.json(owner, "POST", &path, invite).await.data()["id"].clone();
    let accept = format!("/invitations/{}/accept", id.as_str().unwrap());
    assert_eq!(client.bare(person, "POST", &accept).await.data()["slug"], slug);
}

fn told(answered: &Answered) -> (u16, String, Option<String>) {
    answered.error()
}

fn refusal(status: u16, code: &str, field: Option<&str>) -> (u16, String, Option<String>) {
    (status, code.to_owned(), field.map(str::to_owned))
}

#[tokio::test]
async fn a_project_from_its_beginning_to_its_end_and_back() {
    let client = Client::new().await;
    let ada = client.sign_up("ada").await;
    let made = create(&client, &ada, "Größe & Söhne").await;
    assert_eq!(
        (&made["slug"], &made["role"], &made["lastActive"]),
        (&json!("gr-e-s-hne"), &json!("owner"), &json!(true))
    );
    assert!(made["logo"].is_null() && made["deletion"].is_null());
    create(&client, &ada, "Other").await;
    let edit = json!({ "slug": "sizes", "description": "two\nlines" });
    let edited = client.edit(&ada, "/projects/gr-e-s-hne", edit).await.data();
    assert_eq!((&edited["slug"], &edited["name"]), (&json!("sizes"), &made["name"]));
    let by_former = client.get(&ada, "/projects/gr-e-s-hne").await.data();
    assert_eq!(
        (&by_former["slug"], &by_former["description"]),
        (&json!("sizes"), &json!("two\nlines"))
    );

    let first = client.get(&ada, "/projects?limit=1").await.body();
    assert_eq!(
        (&first["data"][0]["slug"], &first["hasMore"]),
        (&json!("other"), &json!(true))
    );
    let cursor = first["nextCursor"].as_str().unwrap();
    let second = client
        .get(&ada, &format!("/projects?limit=1&cursor={cursor}"))
        .await
        .body();
    assert_eq!(second["data"][0]["slug"], "sizes");
    assert_eq!(second["data"][0]["lastActive"], true, "it was read last");
    assert_eq!(
        (&second["hasMore"], &second["nextCursor"]),
        (&json!(false), &Value::Null)
    );
    let foreign = client
        .get(&ada, &format!("/projects?deleted=true&cursor={cursor}"))
        .await;
    assert_eq!(told(&foreign).2.as_deref(), Some("cursor"));

    let unconfirmed = client.bare(&ada, "DELETE", "/projects/sizes?name=wrong").await;
    assert_eq!(told(&unconfirmed).1, "VALIDATION");
    let confirmed = "/projects/sizes?name=Gr%C3%B6%C3%9Fe%20%26%20S%C3%B6hne";
    assert_eq!(client.bare(&ada, "DELETE", confirmed).await.status, 204);
    assert_eq!(client.get(&ada, "/projects/sizes").await.status, 404);
    let deleted = client.get(&ada, "/projects?deleted=true").await.data();
    assert_eq!(deleted[0]["slug"], "sizes");
    assert!(deleted[0]["deletion"]["purgeAt"].is_string());
    let restored = client.bare(&ada, "POST", "/projects/sizes/restore").await.data();
    assert!(restored["deletion"].is_null());
    assert_eq!(client.get(&ada, "/projects/gr-e-s-hne").await.status, 200);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said_with_its_field() {
    let client = Client::new().await;
    let ada = client.sign_up("ada").await;
    create(&client, &ada, "Shop").await;
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "name": 7 }), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a\u{202E}b" }), "name"),
        (json!({ "name": "a\u{1}b" }), "name"),
        (json!({ "name": "x".repeat(81) }), "name"),
        (json!({ "name": "x", "slug": "Ünï" }), "slug"),
        (json!({ "name": "x", "slug": "../../etc" }), "slug"),
        (json!({ "name": "x", "slug": "a".repeat(10_000) }), "slug"),
        (json!({ "name": "x", "slug": "settings" }), "slug"),
        (json!({ "name": "x", "description": "x".repeat(2001) }), "description"),
        (json!({ "name": "x", "other": 1 }), "other"),
    ] {
        let refused = client.json(&ada, "POST", "/projects", body.clone()).await;
        let (_, code, at) = told(&refused);
        assert_eq!((code.as_str(), at.as_deref()), ("VALIDATION", Some(field)), "{body}");
    }
    let taken = client
        .json(&ada, "POST", "/projects", json!({ "name": "x", "slug": "shop" }))
        .await;
    assert_eq!(told(&taken), refusal(409, "CONFLICT", Some("slug")));
    assert_eq!(client.get(&ada, "/projects").await.data().as_array().unwrap().len(), 1);
    let nobody = client.send(None, "GET", "/projects", Sent::Nothing).await;
    assert_eq!(told(&nobody).1, "AUTH_MISSING");
}

/// Every route about a project, with a body that would be taken from somebody who may.
fn routes(slug: &str, user: &str, invitation: &str) -> Vec<(&'static str, String, Sent)> {
    let at = |rest: &str| format!("/projects/{slug}{rest}");
    vec![
        ("GET", at(""), Sent::Nothing),
        ("PATCH", at(""), Sent::Json(json!({ "name": "Mine" }))),
        ("DELETE", at("?name=Shop"), Sent::Nothing),
        ("GET", at("/logo"), Sent::Nothing),
        ("PUT", at("/logo"), Sent::Bytes("image/png", PNG.to_vec())),
        ("DELETE", at("/logo"), Sent::Nothing),
        ("GET", at("/members"), Sent::Nothing),
        (
            "PATCH",
            at(&format!("/members/{user}")),
            Sent::Json(json!({ "role": "admin" })),
        ),
        ("DELETE", at(&format!("/members/{user}")), Sent::Nothing),
        ("POST", at("/leave"), Sent::Nothing),
        ("POST", at("/transfer"), Sent::Json(json!({ "user": user }))),
        ("GET", at("/invitations"), Sent::Nothing),
        (
            "POST",
            at("/invitations"),
            Sent::Json(json!({ "email": "eve@example.com" })),
        ),
        ("DELETE", at(&format!("/invitations/{invitation}")), Sent::Nothing),
        ("GET", at("/audit"), Sent::Nothing),
        ("GET", at("/audit/export"), Sent::Nothing),
        ("POST", at("/restore"), Sent::Nothing),
    ]
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_project_from_none() {
    let client = Client::new().await;
    let (ada, bob, eve) = (
        client.sign_up("ada").await,
        client.sign_up("bob").await,
        client.sign_up("eve").await,
    );
    create(&client, &ada, "Shop").await;
    bring(&client, &ada, "shop", &bob, "bob@example.com", "member").await;
    let invited = json!({ "email": "cyd@example.com" });
    let invitation = client
        .json(&ada, "POST", "/projects/shop/invitations", invited)
        .await
        .data()["id"]
        .clone();
    let (user, invitation) = (bob.user.to_string(), invitation.as_str().unwrap().to_owned());
    // Somebody who was a member until now is a stranger too.
    let removed = format!("/projects/shop/members/{user}");
    let routes_of = |slug: &str| routes(slug, &ada.user.to_string(), &invitation);
    assert_eq!(client.bare(&ada, "DELETE", &removed).await.status, 204);
    for person in [&eve, &bob] {
        let token = Some(person.token.expose());
        for ((method, path, body), (_, other, _)) in routes_of("shop").into_iter().zip(routes_of("never-was")) {
            let there = client.send(token, method, &path, body.clone()).await;
            let nowhere = client.send(token, method, &other, body).await;
            assert_eq!(told(&there), refusal(404, "NOT_FOUND", None), "{method} {path}");
            let message = |answered: &Answered| answered.body()["error"]["message"].clone();
            assert_eq!(message(&there), message(&nowhere), "{method} {path}");
        }
        for answer in ["accept", "decline"] {
            let foreign = client
                .bare(person, "POST", &format!("/invitations/{invitation}/{answer}"))
                .await;
            assert_eq!(told(&foreign).0, 404);
        }
        assert!(
            client
                .get(person, "/projects")
                .await
                .data()
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
    let left = client.get(&ada, "/projects/shop").await.data();
    assert_eq!(left["name"], "Shop");
}

#[tokio::test]
async fn a_member_is_told_what_the_role_forbids() {
    let client = Client::new().await;
    let (ada, bob) = (client.sign_up("ada").await, client.sign_up("bob").await);
    create(&client, &ada, "Shop").await;
    bring(&client, &ada, "shop", &bob, "bob@example.com", "member").await;
    let token = Some(bob.token.expose());
    let invitation = "inv_019300000000700080000000deadbeef";
    for (method, path, body) in routes("shop", &ada.user.to_string(), invitation) {
        let expected = match (method, path.as_str()) {
            ("GET", "/projects/shop" | "/projects/shop/members") => 200,
            // There is none; restoring what is there is a conflict for who may know of it.
            ("GET", "/projects/shop/logo") => 404,
            ("POST", "/projects/shop/restore") => 409,
            ("POST", "/projects/shop/leave") => continue,
            _ => 403,
        };
        let answered = client.send(token, method, &path, body).await;
        assert_eq!(
            answered.status.as_u16(),
            expected,
            "{method} {path}: {}",
            answered.text()
        );
    }
}

#[tokio::test]
async fn a_project_is_changed_over_what_was_seen_only() {
    let client = Client::new().await;
    let ada = client.sign_up("ada").await;
    let made = client.json(&ada, "POST", "/projects", json!({ "name": "Shop" })).await;
    assert_eq!(
        (made.status.as_u16(), &made.headers["etag"]),
        (201, &"\"1\"".parse().unwrap())
    );
    let change = async |headers: &[(&str, &str)], description: &str| {
        let body = Sent::Json(json!({ "description": description }));
        let token = Some(ada.token.expose());
        client.send_with(token, "PATCH", "/projects/shop", headers, body).await
    };
    assert_eq!(
        told(&change(&[], "one").await),
        refusal(428, "PRECONDITION_REQUIRED", None)
    );
    let foreign = change(&[("if-match", "\"7\"")], "one").await;
    assert_eq!(told(&foreign), refusal(412, "PRECONDITION_FAILED", None));
    assert_eq!(change(&[("if-match", "\"1\"")], "one").await.headers["etag"], "\"2\"");
    let late = change(&[("if-match", "\"1\"")], "two").await;
    assert_eq!(told(&late), refusal(412, "PRECONDITION_FAILED", None));
    let read = client.get(&ada, "/projects/shop").await;
    assert_eq!(
        (&read.headers["etag"], &read.data()["description"]),
        (&"\"2\"".parse().unwrap(), &json!("one"))
    );
    // What is read also says who reads it, which the tag does not.
    let known = [("if-none-match", "\"2\"")];
    let again = client
        .send_with(Some(ada.token.expose()), "GET", "/projects/shop", &known, Sent::Nothing)
        .await;
    assert_eq!(
        (again.status.as_u16(), &again.headers["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );
}

#[tokio::test]
async fn a_picture_is_served_as_what_it_is() {
    let client = Client::new().await;
    let ada = client.sign_up("ada").await;
    create(&client, &ada, "Shop").await;
    let put = |kind: &'static str, bytes: Vec<u8>| {
        let client = &client;
        let token = ada.token.expose();
        async move {
            client
                .send(Some(token), "PUT", "/projects/shop/logo", Sent::Bytes(kind, bytes))
                .await
        }
    };
    // What the client says it is does not matter.
    assert_eq!(put("text/html", PNG.to_vec()).await.status, 204);
    let svg = put("image/png", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()).await;
    assert_eq!(told(&svg).1, "VALIDATION");
    let mut large = PNG.to_vec();
    large.resize(512 * 1024 + 1, 0);
    assert_eq!(told(&put("image/png", large).await), refusal(413, "TOO_LARGE", None));

    let served = client.get(&ada, "/projects/shop/logo").await;
    assert_eq!((served.status.as_u16(), &served.bytes[..]), (200, PNG));
    assert_eq!(served.headers["content-type"], "image/png");
    assert_eq!(served.headers["x-content-type-options"], "nosniff");
    assert!(
        served.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("default-src 'none'")
    );
    let shown = client.get(&ada, "/projects/shop").await.data();
    assert_eq!(shown["logo"]["mediaType"], "image/png");
    let version = shown["logo"]["version"].as_str().unwrap();
    assert_eq!(served.headers["etag"], format!("\"{version}\"").as_str());
    assert_eq!(client.bare(&ada, "DELETE", "/projects/shop/logo").await.status, 204);
    assert_eq!(client.get(&ada, "/projects/shop/logo").await.status, 404);
}

#[tokio::test]
async fn people_are_invited_promoted_and_handed_the_project() {
    let client = Client::new().await;
    let (ada, bob) = (client.sign_up("ada").await, client.sign_up("bob").await);
    create(&client, &ada, "Shop").await;
    for (body, expected) in [
        (json!({ "email": "nobody" }), refusal(400, "VALIDATION", Some("email"))),
        (
            json!({ "email": "bob@example.com", "role": "owner" }),
            refusal(400, "VALIDATION", Some("role")),
        ),
    ] {
        let refused = client.json(&ada, "POST", "/projects/shop/invitations", body).await;
        assert_eq!((told(&refused).1, told(&refused).2), (expected.1, expected.2));
    }
    let invite = json!({ "email": "bob@example.com" });
    let made = client
        .json(&ada, "POST", "/projects/shop/invitations", invite.clone())
        .await;
    assert_eq!(made.status, 201);
    assert_eq!(
        (&made.data()["status"], &made.data()["inviterName"]),
        (&json!("pending"), &json!("ada"))
    );
    let again = client.json(&ada, "POST", "/projects/shop/invitations", invite).await;
    assert_eq!(told(&again), refusal(409, "CONFLICT", Some("email")));
    let mine = client.get(&bob, "/account/invitations").await.data();
    assert_eq!(
        (&mine[0]["projectName"], &mine[0]["id"]),
        (&json!("Shop"), &made.data()["id"])
    );
    let accept = format!("/invitations/{}/accept", mine[0]["id"].as_str().unwrap());
    assert_eq!(client.bare(&bob, "POST", &accept).await.data()["slug"], "shop");
    let listed = client.get(&ada, "/projects/shop/invitations").await.data();
    assert_eq!(listed[0]["status"], "accepted");

    let bob_in = format!("/projects/shop/members/{}", bob.user);
    let promoted = client
        .json(&ada, "PATCH", &bob_in, json!({ "role": "admin" }))
        .await
        .data();
    assert_eq!(
        (&promoted["role"], &promoted["email"]),
        (&json!("admin"), &json!("bob@example.com"))
    );
    let ada_in = format!("/projects/shop/members/{}", ada.user);
    let last = client.json(&ada, "PATCH", &ada_in, json!({ "role": "member" })).await;
    assert_eq!(told(&last), refusal(409, "CONFLICT", None));
    let handed = client
        .json(&ada, "POST", "/projects/shop/transfer", json!({ "user": bob.user }))
        .await;
    assert_eq!(handed.status, 204);
    let roles = client.get(&bob, "/projects/shop/members").await.data();
    let roles: Vec<_> = roles
        .as_array()
        .unwrap()
        .iter()
        .map(|member| (&member["name"], &member["role"]))
        .collect();
    assert_eq!(
        roles,
        [(&json!("bob"), &json!("owner")), (&json!("ada"), &json!("admin"))]
    );
    assert_eq!(client.bare(&ada, "POST", "/projects/shop/leave").await.status, 204);
    assert_eq!(client.get(&ada, "/projects/shop").await.status, 404);
    for nonsense in ["usr_x", "..%2F..", "%00", "usr_019300000000700080000000deadbeef"] {
        let missing = client
            .bare(&bob, "DELETE", &format!("/projects/shop/members/{nonsense}"))
            .await;
        assert_eq!(missing.status, 404, "{nonsense}");
    }
}

#[tokio::test]
async fn the_audit_log_is_read_filtered_and_saved() {
    let client = Client::new().await;
    let (ada, bob) = (client.sign_up("ada").await, client.sign_up("bob").await);
    create(&client, &ada, "Shop").await;
    bring(&client, &ada, "shop", &bob, "bob@example.com", "member").await;
    let all = client.get(&ada, "/projects/shop/audit").await.data();
    let actions: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].clone())
        .collect();
    assert_eq!(
        actions,
        [
            "member.join",
            "invitation.accept",
            "invitation.create",
            "project.create"
        ]
    );
    assert_eq!(all[3]["actor"], ada.user.to_string());
    assert_eq!(
        (&all[3]["actorName"], &all[3]["targetKind"]),
        (&json!("ada"), &json!("project"))
    );
    assert_eq!(all[3]["detail"], json!({ "name": "Shop", "slug": "shop" }));
    // From where each was asked for: by a person alone, by one in a project, and by one who answers.
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["address"] == "127.0.0.1"),
        "{all:?}"
    );
    let filtered = format!("/projects/shop/audit?actor={}&action=member.join", bob.user);
    assert_eq!(client.get(&ada, &filtered).await.data().as_array().unwrap().len(), 1);
    let none = client
        .get(&ada, "/projects/shop/audit?from=2099-01-01T00:00:00Z")
        .await
        .data();
    assert!(none.as_array().unwrap().is_empty());
    for (query, field) in [
        ("actor=root", "actor"),
        ("from=yesterday", "from"),
        ("until=1", "until"),
        ("x=1", "x"),
    ] {
        let refused = client.get(&ada, &format!("/projects/shop/audit?{query}")).await;
        let (_, code, at) = told(&refused);
        assert_eq!((code.as_str(), at.as_deref()), ("VALIDATION", Some(field)), "{query}");
    }
    let csv = client.get(&ada, "/projects/shop/audit/export").await;
    assert_eq!(
        csv.headers["content-disposition"],
        "attachment; filename=\"audit-shop.csv\""
    );
    assert_eq!(csv.text().lines().count(), 5);
    let json_lines = client
        .get(&ada, "/projects/shop/audit/export?format=jsonl&action=member.join")
        .await;
    assert_eq!(json_lines.headers["content-type"], "application/jsonl");
    let line: Value = serde_json::from_str(json_lines.text().trim()).unwrap();
    assert_eq!(
        (&line["actorName"], &line["address"]),
        (&json!("bob"), &json!("127.0.0.1"))
    );
}
