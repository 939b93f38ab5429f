//! Workflows over the network: saved, read, listed, looked over and deleted, and what the audit log says of it.

use codecourier_domain::id::RunId;
use codecourier_testkit::server::{TestAnswer, TestPerson, TestProject, TestServer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn shop() -> (TestServer, TestPerson, TestProject) {
    let server = TestServer::start().await;
    let ada = server.person("ada").await;
    let shop = server.project(&ada, "shop").await;
    (server, ada, shop)
}

fn one_step() -> Value {
    json!({ "description": "Ours", "pipeline": [{ "type": "step", "role": "designer" }] })
}

async fn put(server: &TestServer, ada: &TestPerson, name: &str, tag: Option<&str>, body: &Value) -> TestAnswer {
    let address = format!("/projects/shop/workflows/{name}");
    let request = server.request(Method::PUT, &address).bearer_auth(&ada.token).json(body);
    server.send(with_tag(request, tag)).await
}

async fn delete(server: &TestServer, ada: &TestPerson, name: &str, tag: Option<&str>) -> TestAnswer {
    let address = format!("/projects/shop/workflows/{name}");
    let request = server.request(Method::DELETE, &address).bearer_auth(&ada.token);
    server.send(with_tag(request, tag)).await
}

fn with_tag(request: reqwest::RequestBuilder, tag: Option<&str>) -> reqwest::RequestBuilder {
    match tag {
        Some(tag) => request.header("if-match", tag),
        None => request,
    }
}

async fn audit(server: &TestServer, ada: &TestPerson) -> Vec<Value> {
    let log = server.get(&ada.token, "/projects/shop/audit").await.json();
    let entries = log["data"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| json!([entry["action"], entry["target"], entry["detail"], entry["actorName"]]))
        .collect()
}

#[tokio::test]
async fn workflows_are_saved_over_what_was_seen_only() {
    let (server, ada, shop) = shop().await;
    let address = "/projects/shop/workflows/two-step";
    let pipeline = json!([{"type": "step", "role": "designer"}, {"type": "step", "role": "reviewer"}]);
    let save = async |if_match: Option<&str>, description: &str| {
        let body = json!({"description": description, "pipeline": pipeline});
        let request = server.request(Method::PUT, address).bearer_auth(&ada.token).json(&body);
        let request = match if_match {
            Some(tag) => request.header("if-match", tag),
            None => request,
        };
        server.send(request).await
    };
    let first = save(None, "one").await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    assert_eq!(first.headers["etag"], "\"1\"");
    assert_eq!(save(None, "two").await.code(), "PRECONDITION_REQUIRED");
    assert_eq!(save(Some("\"1\""), "two").await.headers["etag"], "\"2\"");
    assert_eq!(save(Some("\"1\""), "three").await.code(), "PRECONDITION_FAILED");
    let known = server
        .request(Method::GET, address)
        .bearer_auth(&ada.token)
        .header("if-none-match", "\"2\"");
    assert_eq!(server.send(known).await.status, StatusCode::NOT_MODIFIED);
    let names: Vec<Value> = server.get(&ada.token, "/projects/shop/workflows").await.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|workflow| workflow["name"].clone())
        .collect();
    assert_eq!(names, ["single", "designer-checker", "two-step"]);
    let run = server
        .post(
            &ada.token,
            "/projects/shop/runs",
            json!({"prompt": "x", "workflow": "two-step"}),
        )
        .await;
    assert_eq!(run.data()["workflow"], "two-step", "{}", run.text);
    let run: RunId = run.data()["id"].as_str().unwrap().parse().unwrap();
    server.engine.wait((shop.id, run)).await;
    let faulty = json!({"pipeline": [{"type": "loop", "nodes": [{"type": "step", "role": "wizard"}]}]});
    let report = server
        .post(&ada.token, "/projects/shop/workflows/validate", faulty.clone())
        .await
        .data();
    assert_eq!(report["faults"][0]["path"], "pipeline.0.nodes.0.role", "{report}");
    let request = server
        .request(Method::PUT, "/projects/shop/workflows/faulty")
        .bearer_auth(&ada.token);
    assert_eq!(
        server.send(request.json(&faulty)).await.json()["error"]["field"],
        "pipeline.0.nodes.0.role"
    );
    let delete = server
        .request(Method::DELETE, address)
        .bearer_auth(&ada.token)
        .header("if-match", "\"2\"");
    assert_eq!(server.send(delete).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.get(&ada.token, address).await.code(), "NOT_FOUND");
}

#[tokio::test]
async fn every_save_and_deletion_is_in_the_audit_log_and_no_refused_one() {
    let (server, ada, _shop) = shop().await;
    assert_eq!(
        put(&server, &ada, "ours", None, &one_step()).await.status,
        StatusCode::OK
    );
    assert_eq!(
        put(&server, &ada, "ours", Some("\"1\""), &one_step()).await.status,
        StatusCode::OK
    );
    assert_eq!(
        put(&server, &ada, "ours", Some("\"1\""), &one_step()).await.code(),
        "PRECONDITION_FAILED"
    );
    let faulty = json!({ "pipeline": [] });
    assert_eq!(put(&server, &ada, "faulty", None, &faulty).await.code(), "VALIDATION");
    assert_eq!(
        delete(&server, &ada, "ours", Some("\"1\"")).await.code(),
        "PRECONDITION_FAILED"
    );
    assert_eq!(
        delete(&server, &ada, "ours", Some("\"2\"")).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        audit(&server, &ada).await,
        [
            json!(["workflow.delete", "ours", { "revision": 2 }, "ada"]),
            json!(["workflow.save", "ours", { "revision": 2 }, "ada"]),
            json!(["workflow.save", "ours", { "revision": 1 }, "ada"]),
        ]
    );
}

#[tokio::test]
async fn what_ships_can_be_read_and_not_changed() {
    let (server, ada, _shop) = shop().await;
    for name in ["single", "designer-checker"] {
        let read = server
            .get(&ada.token, &format!("/projects/shop/workflows/{name}"))
            .await;
        assert_eq!(
            (&read.data()["shipped"], &read.headers["etag"]),
            (&json!(true), &"\"0\"".parse().unwrap())
        );
        for tag in [None, Some("\"0\"")] {
            assert_eq!(put(&server, &ada, name, tag, &one_step()).await.code(), "CONFLICT");
        }
        assert_eq!(delete(&server, &ada, name, Some("\"0\"")).await.code(), "CONFLICT");
    }
    assert!(audit(&server, &ada).await.is_empty());
}

#[tokio::test]
async fn a_name_is_part_of_an_address_or_none() {
    let (server, ada, _shop) = shop().await;
    let long = "a".repeat(65);
    for name in [
        "Ours",
        "our--way",
        "-ours",
        "ours-",
        "our_way",
        "%C3%A4",
        "a%20b",
        long.as_str(),
    ] {
        let refused = put(&server, &ada, name, None, &one_step()).await;
        let said = (refused.status, refused.json()["error"]["field"].clone());
        assert_eq!(
            said,
            (StatusCode::BAD_REQUEST, json!("name")),
            "{name}: {}",
            refused.text
        );
        let absent = server
            .get(&ada.token, &format!("/projects/shop/workflows/{name}"))
            .await;
        assert_eq!(absent.code(), "NOT_FOUND", "{name}: {}", absent.text);
    }
    // An address of the API's own, which takes neither.
    let validate = put(&server, &ada, "validate", None, &one_step()).await;
    assert_eq!(
        (validate.code().as_str(), &validate.headers["allow"]),
        ("METHOD_NOT_ALLOWED", &"POST".parse().unwrap())
    );
    assert_eq!(
        put(&server, &ada, &"a".repeat(64), None, &one_step()).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn workflows_are_listed_page_by_page() {
    let (server, ada, _shop) = shop().await;
    for name in ["zebra", "ant", "bee"] {
        assert_eq!(put(&server, &ada, name, None, &one_step()).await.status, StatusCode::OK);
    }
    let (mut names, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = server
            .get(&ada.token, &format!("/projects/shop/workflows{query}"))
            .await
            .json();
        let rows = page["data"].as_array().unwrap();
        names.extend(
            rows.iter()
                .map(|workflow| workflow["name"].as_str().unwrap().to_owned()),
        );
        match page["nextCursor"].as_str() {
            Some(next) => query = format!("?limit=2&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(names, ["single", "designer-checker", "ant", "bee", "zebra"]);
}

#[tokio::test]
async fn a_workflow_of_another_project_is_not_there() {
    let (server, ada, _shop) = shop().await;
    server.project(&ada, "other").await;
    assert_eq!(
        put(&server, &ada, "ours", None, &one_step()).await.status,
        StatusCode::OK
    );
    let elsewhere = server.get(&ada.token, "/projects/other/workflows/ours").await;
    let never = server.get(&ada.token, "/projects/other/workflows/mine").await;
    assert_eq!(
        (elsewhere.code(), never.code()),
        ("NOT_FOUND".to_owned(), "NOT_FOUND".to_owned())
    );
    let body = json!({ "prompt": "x", "workflow": "ours" });
    let run = server.post(&ada.token, "/projects/other/runs", body).await;
    assert_eq!(run.json()["error"]["field"], "workflow", "{}", run.text);
}
