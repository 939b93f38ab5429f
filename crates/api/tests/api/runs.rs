//! Runs over the network, from the start to the patch.

use std::sync::Arc;

use codecourier_api::ApiConfig;
use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::id::RunId;
use codecourier_domain::member::MemberRole;
use codecourier_engine::runs::sample::{Sample, Samples};
use codecourier_engine::{Engine, Error};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Gate, designer_and_checker, script};
use codecourier_testkit::server::{TestPerson, TestProject, TestServer};
use reqwest::StatusCode;
use serde_json::{Value, json};

async fn shop() -> (TestServer, TestPerson, TestProject) {
    let server = TestServer::start().await;
    let ada = server.person("ada").await;
    let shop = server.project(&ada, "shop").await;
    (server, ada, shop)
}

async fn started(server: &TestServer, ada: &TestPerson, prompt: &str) -> String {
    let answer = server
        .post(
            &ada.token,
            "/projects/shop/runs",
            json!({"prompt": prompt, "workflow": "designer-checker"}),
        )
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    answer.data()["id"].as_str().expect("an identifier").to_owned()
}

async fn ended(server: &TestServer, shop: &TestProject, run: &str) {
    let run: RunId = run.parse().expect("an identifier");
    server.engine.wait((shop.id, run)).await;
}

#[tokio::test]
async fn a_run_is_started_followed_and_its_change_downloaded() {
    let (server, ada, shop) = shop().await;
    let run = started(&server, &ada, "Write the answer").await;
    ended(&server, &shop, &run).await;
    let detail = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}"))
        .await
        .data();
    assert_eq!(detail["status"], "completed", "{detail}");
    assert_eq!(detail["steps"][0]["role"], "designer");
    assert_eq!(detail["steps"][1]["verdict"]["verdict"], "fail");
    assert_eq!(detail["steps"][3]["verdict"]["verdict"], "pass");
    let diff = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}/diff"))
        .await
        .data();
    assert!(diff["unified"].as_str().unwrap().starts_with("diff --git"), "{diff}");
    let patch = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}/patch"))
        .await;
    assert!(
        patch.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    assert!(patch.text.contains("diff --git"), "{}", patch.text);
}

#[tokio::test]
async fn the_change_of_a_step_and_of_a_file_can_be_asked_for_alone() {
    let (server, ada, shop) = shop().await;
    let run = started(&server, &ada, "Write the answer").await;
    ended(&server, &shop, &run).await;
    let address = format!("/projects/shop/runs/{run}");
    let detail = server.get(&ada.token, &address).await.data();
    let read = async |query: &str| server.get(&ada.token, &format!("{address}/{query}")).await;
    let all = read("diff").await.data();
    let steps: Vec<&str> = (0..4).map(|at| detail["steps"][at]["id"].as_str().unwrap()).collect();
    let first = read(&format!("diff?step={}", steps[0])).await.data();
    let second = read(&format!("diff?step={}", steps[2])).await.data();
    assert_ne!(first["unified"], second["unified"]);
    assert_ne!(first["unified"], all["unified"]);
    // A checker changes nothing.
    assert_eq!(
        read(&format!("diff?step={}", steps[1])).await.data()["files"],
        json!([])
    );
    let path = all["files"][0]["path"].as_str().unwrap();
    let file = read(&format!("diff?path={path}")).await.data();
    assert_eq!(file["files"].as_array().unwrap().len(), 1, "{file}");
    assert!(file["unified"].as_str().unwrap().contains(path), "{file}");
    assert_eq!(read("diff?path=missing").await.data()["files"], json!([]));
    let patch = read(&format!("patch?step={}", steps[2])).await;
    assert_eq!(patch.text.matches("\nSubject: ").count(), 1, "{}", patch.text);
    let foreign = read("diff?step=stp_019300000000700080000000deadbeef").await;
    assert_eq!(foreign.code(), "NOT_FOUND");
}

#[tokio::test]
async fn a_step_tells_its_phases_its_checks_and_what_it_used() {
    let (server, ada, shop) = shop().await;
    let run = started(&server, &ada, "Write the answer").await;
    ended(&server, &shop, &run).await;
    let detail = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}"))
        .await
        .data();
    let phases = detail["steps"][0]["phases"].as_array().unwrap();
    let names: Vec<&str> = phases.iter().map(|phase| phase["name"].as_str().unwrap()).collect();
    assert!(names.starts_with(&["sandbox-create", "clone"]), "{names:?}");
    assert!(names.contains(&"agent-cli"), "{names:?}");
    assert!(phases.iter().all(|phase| phase["finishedAt"].is_string()), "{phases:?}");
    assert!(detail["steps"][0]["costMicroUsd"].is_number());
}

#[tokio::test]
async fn runs_are_counted_by_status_and_branches_are_found_by_a_part_of_their_name() {
    let (server, ada, shop) = shop().await;
    let empty = server.get(&ada.token, "/projects/shop/branches").await.data();
    assert_eq!(empty, json!({"names": [], "more": false, "defaultBranch": null}));
    for prompt in ["One", "Two"] {
        let run = started(&server, &ada, prompt).await;
        ended(&server, &shop, &run).await;
    }
    let counts = server.get(&ada.token, "/projects/shop/run-counts").await.data();
    assert_eq!(
        (&counts["completed"], &counts["running"], &counts["failed"]),
        (&json!(2), &json!(0), &json!(0))
    );
    let all = server.get(&ada.token, "/projects/shop/branches").await.data();
    assert_eq!(all["names"].as_array().unwrap().len(), 3, "{all}");
    assert_eq!(all["names"][0], all["defaultBranch"], "the default one comes first");
    let some = server.get(&ada.token, "/projects/shop/branches?text=TWO").await.data();
    assert_eq!(some["names"].as_array().unwrap().len(), 1, "{some}");
    assert!(some["names"][0].as_str().unwrap().ends_with("-two"), "{some}");
}

#[tokio::test]
async fn events_are_paged_both_ways_without_a_gap() {
    let (server, ada, shop) = shop().await;
    let run = started(&server, &ada, "Write the answer").await;
    ended(&server, &shop, &run).await;
    let address = format!("/projects/shop/runs/{run}/events");
    let numbers = |page: &Value| -> Vec<u64> {
        let events = page["data"].as_array().unwrap();
        events.iter().map(|event| event["seq"].as_u64().unwrap()).collect()
    };
    let (mut forward, mut after) = (Vec::new(), 0);
    loop {
        let page = server
            .get(&ada.token, &format!("{address}?after={after}&limit=3"))
            .await
            .json();
        forward.extend(numbers(&page));
        after = *forward.last().unwrap();
        if page["hasMore"] == false {
            break;
        }
    }
    let expected: Vec<u64> = (1..=after).collect();
    assert_eq!(forward, expected);
    let (mut backward, mut address_of_page) = (Vec::new(), format!("{address}?limit=3"));
    loop {
        let page = server.get(&ada.token, &address_of_page).await.json();
        backward.extend(numbers(&page));
        address_of_page = format!("{address}?before={}&limit=3", backward.last().unwrap());
        if page["hasMore"] == false {
            break;
        }
    }
    backward.reverse();
    assert_eq!(backward, expected);
    let both = server.get(&ada.token, &format!("{address}?before=2&after=1")).await;
    assert_eq!(
        (both.code().as_str(), &both.json()["error"]["field"]),
        ("VALIDATION", &json!("before"))
    );
}

#[tokio::test]
async fn runs_are_listed_by_status_workflow_and_text_in_both_orders() {
    let (server, ada, shop) = shop().await;
    let mut runs = Vec::new();
    for prompt in ["Paint the door", "Mend 100% of the WINDOW", "paint_the roof"] {
        runs.push(started(&server, &ada, prompt).await);
    }
    for run in &runs {
        ended(&server, &shop, run).await;
    }
    let list = async |query: &str| -> Vec<String> {
        let answer = server.get(&ada.token, &format!("/projects/shop/runs?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let found = answer.json();
        let found = found["data"].as_array().unwrap();
        found.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    };
    let of = |indexes: &[usize]| -> Vec<String> { indexes.iter().map(|index| runs[*index].clone()).collect() };
    assert_eq!(list("").await, of(&[2, 1, 0]));
    assert_eq!(list("sort=oldest").await, of(&[0, 1, 2]));
    assert_eq!(list("text=PAINT").await, of(&[2, 0]));
    assert_eq!(list("text=100%25").await, of(&[1]));
    assert_eq!(list("text=t_t").await, of(&[2]));
    assert_eq!(
        list("status=completed&workflow=designer-checker&sort=oldest").await,
        of(&[0, 1, 2])
    );
    assert_eq!(list("status=failed").await, of(&[]));
    assert_eq!(list("workflow=single").await, of(&[]));
    let first = server
        .get(&ada.token, "/projects/shop/runs?sort=oldest&limit=2")
        .await
        .json();
    let cursor = first["nextCursor"].as_str().unwrap();
    assert_eq!(list(&format!("sort=oldest&limit=2&cursor={cursor}")).await, of(&[2]));
    let foreign = server
        .get(&ada.token, &format!("/projects/shop/runs?cursor={cursor}"))
        .await;
    assert_eq!(foreign.json()["error"]["field"], "cursor");
}

#[tokio::test]
async fn a_run_is_repeated_with_changes_and_a_failed_one_is_not_retried_when_it_was_judged() {
    let (server, ada, shop) = shop().await;
    let run = started(&server, &ada, "Write the answer").await;
    ended(&server, &shop, &run).await;
    let address = format!("/projects/shop/runs/{run}");
    let again = server
        .post(&ada.token, &format!("{address}/rerun"), json!({"prompt": "Another"}))
        .await;
    assert_eq!(again.data()["prompt"], "Another", "{}", again.text);
    assert_ne!(again.data()["id"], run.as_str());
    let retried = server.post(&ada.token, &format!("{address}/retry"), json!({})).await;
    assert_eq!(retried.code(), "CONFLICT");
    let cancelled = server.post(&ada.token, &format!("{address}/cancel"), json!({})).await;
    assert_eq!(cancelled.code(), "CONFLICT", "it has ended");
    ended(&server, &shop, again.data()["id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn a_run_is_repeated_with_another_agent_and_other_pictures() {
    let (server, ada, shop) = shop().await;
    let request = server.request(reqwest::Method::POST, "/projects/shop/images");
    let request = request.bearer_auth(&ada.token).header("content-type", "image/png");
    let made = server.send(request.body(PNG)).await;
    let run = started(&server, &ada, "Write the answer").await;
    ended(&server, &shop, &run).await;
    let address = format!("/projects/shop/runs/{run}/rerun");
    let rerun = async |changes: Value| server.post(&ada.token, &address, changes).await;

    let again = rerun(json!({"agent": "codex", "images": [made.data()["image"]]})).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.text);
    assert_eq!(again.data()["agent"], "codex");
    // The model of the first agent is none of the other one's.
    let model = again.data()["model"].as_str().unwrap().to_owned();
    assert!(model.starts_with("gpt"), "{model}");
    assert_eq!(again.data()["images"], json!([made.data()]));
    assert_eq!(again.data()["prompt"], "Write the answer");
    // Nothing here speaks like that agent.
    let other = again.data()["id"].as_str().unwrap().to_owned();
    server
        .post(&ada.token, &format!("/projects/shop/runs/{other}/cancel"), json!({}))
        .await;
    ended(&server, &shop, &other).await;

    for (changes, field) in [
        (json!({"agent": "nobody"}), "agent"),
        (json!({"agent": "codex", "model": "claude-opus-5-5"}), "model"),
        (json!({"images": ["0".repeat(64)]}), "images.0"),
        (json!({"agent": "acp"}), "agent"),
    ] {
        let refused = rerun(changes).await;
        assert_eq!(
            (refused.code().as_str(), &refused.json()["error"]["field"]),
            ("VALIDATION", &json!(field))
        );
    }
}

#[tokio::test]
async fn a_server_without_a_sample_says_so() {
    let (server, ada, _shop) = shop().await;
    let tried = server.post(&ada.token, "/projects/shop/runs/sample", json!({})).await;
    assert_eq!(tried.code(), "CONFLICT", "{}", tried.text);
    assert!(tried.text.contains("no sample"), "{}", tried.text);
}

#[tokio::test]
async fn whoever_has_no_key_tries_a_run_on_a_sample_of_the_server() {
    let (server, ada, shop) = shop().await;
    let offer = |engine: Engine| async move { engine.offer_samples(Arc::new(TestSamples)) };
    server.engine.ask(offer).await;
    let tried = server.post(&ada.token, "/projects/shop/runs/sample", json!({})).await;
    assert_eq!(tried.status, StatusCode::ACCEPTED, "{}", tried.text);
    assert_eq!(tried.data()["prompt"], "Mend the sample");
    assert_eq!(tried.data()["workflow"], "designer-checker");
    let listed = server.get(&ada.token, "/projects/shop/runs").await;
    assert_eq!(listed.data()[0]["id"], tried.data()["id"]);
    ended(&server, &shop, tried.data()["id"].as_str().unwrap()).await;
}

/// A sample with nothing in it: the run on it ends soon, and how is not this test's question.
struct TestSamples;

impl Samples for TestSamples {
    fn make(&self) -> Result<Sample, Error> {
        Ok(Sample {
            repository: "/nonexistent/repository".into(),
            cassette: "/nonexistent/cassette.json".into(),
            task: "Mend the sample".to_owned(),
            check: CheckSpec {
                name: "tests".to_owned(),
                command: "true".to_owned(),
                requirement: Requirement::Required,
                timeout_seconds: CheckSpec::default_timeout_seconds(),
            },
        })
    }
}

#[tokio::test]
async fn a_run_under_way_is_cancelled_and_says_how_far_its_events_are() {
    let gate = Gate::default();
    let (held, demo) = (gate.clone(), designer_and_checker());
    let world = World::new(script(move |call| {
        let mut acts = demo(call);
        acts.insert(2, Act::Pass(held.clone()));
        acts
    }));
    let server = TestServer::start_in(Arc::new(world), ApiConfig::default()).await;
    let ada = server.person("ada").await;
    let shop = server.project(&ada, "shop").await;
    let run = started(&server, &ada, "Write the answer").await;
    gate.reached(1).await;
    let cancel = format!("/projects/shop/runs/{run}/cancel");
    let cancelled = server.post(&ada.token, &cancel, json!({})).await;
    assert_eq!(cancelled.status, StatusCode::OK, "{}", cancelled.text);
    assert!(
        cancelled.data()["lastEvent"].as_u64().unwrap() > 0,
        "{}",
        cancelled.text
    );
    ended(&server, &shop, &run).await;
    let detail = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}"))
        .await
        .data();
    assert_eq!(detail["status"], "cancelled", "{detail}");
    let again = server.post(&ada.token, &cancel, json!({})).await;
    assert_eq!(again.code(), "CONFLICT", "it has ended");
}

#[tokio::test]
async fn a_run_of_another_project_is_not_there_and_no_local_path_is_taken() {
    let (server, ada, shop) = shop().await;
    let bob = server.person("bob").await;
    server.member(&shop, &bob, MemberRole::Member).await;
    server.project(&ada, "other").await;
    let run = started(&server, &bob, "Write the answer").await;
    for part in ["", "/events", "/diff", "/patch"] {
        let answer = server
            .get(&ada.token, &format!("/projects/other/runs/{run}{part}"))
            .await;
        assert_eq!(answer.code(), "NOT_FOUND", "{part}: {}", answer.text);
    }
    for (repository, field) in [
        ("/etc", "repository"),
        ("file:///etc", "repository"),
        ("https://user:secret@example.com/x.git", "repository"),
        ("--upload-pack=x", "repository"),
    ] {
        let body = json!({"prompt": "x", "repository": repository});
        let answer = server.post(&ada.token, "/projects/shop/runs", body).await;
        assert_eq!(answer.json()["error"]["field"], field, "{repository}: {}", answer.text);
        assert!(!answer.text.contains("secret"), "{}", answer.text);
    }
    let unknown = server
        .post(
            &ada.token,
            "/projects/shop/runs",
            json!({"prompt": "x", "workflow": "none"}),
        )
        .await;
    assert_eq!(unknown.json()["error"]["field"], "workflow");
    ended(&server, &shop, &run).await;
}

/// A picture of one pixel.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\0IEND\xaeB`\x82";

#[tokio::test]
async fn a_picture_is_uploaded_once_and_shown_to_every_agent_of_the_run() {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sees = Arc::clone(&seen);
    let agents = script(move |call| {
        let file = call.project.parent().map(|home| home.join("reference-images/1.png"));
        let bytes = file.and_then(|file| std::fs::read(file).ok());
        sees.lock().unwrap().push((call.prompt.clone(), bytes));
        vec![Act::EndTurn("Looked.".to_owned())]
    });
    let server = TestServer::start_in(Arc::new(World::new(agents)), ApiConfig::default()).await;
    let ada = server.person("ada").await;
    let shop = server.project(&ada, "shop").await;
    let other = server.project(&ada, "other").await;
    let upload = async |project: &TestProject, bytes: Vec<u8>| {
        let path = format!("/projects/{}/images", project.slug);
        let request = server.request(reqwest::Method::POST, &path).bearer_auth(&ada.token);
        server
            .send(request.header("content-type", "image/png").body(bytes))
            .await
    };
    let made = upload(&shop, PNG.to_vec()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let image = made.data()["image"].as_str().unwrap().to_owned();
    assert_eq!(
        (&made.data()["mediaType"], &made.data()["size"]),
        (&json!("image/png"), &json!(PNG.len()))
    );
    assert_eq!(upload(&shop, PNG.to_vec()).await.data()["image"], image.as_str());
    for hostile in [&b"<svg onload='alert(1)'/>"[..], b"GIF8", b"", b"\x89PNG\r\n\x1a\n"] {
        assert_eq!(
            upload(&shop, hostile.to_vec()).await.code(),
            "VALIDATION",
            "{hostile:?}"
        );
    }
    let mut large = PNG.to_vec();
    large.resize(5 * 1024 * 1024 + 1, 0);
    assert_eq!(upload(&shop, large).await.code(), "TOO_LARGE");

    let read = server.get(&ada.token, &format!("/projects/shop/images/{image}")).await;
    assert_eq!(read.headers["content-type"], "image/png");
    assert_eq!(read.headers["x-content-type-options"], "nosniff");
    // A name that is known elsewhere is none here.
    let elsewhere = server
        .get(&ada.token, &format!("/projects/{}/images/{image}", other.slug))
        .await;
    assert_eq!(elsewhere.code(), "NOT_FOUND");
    let start = async |project: &TestProject, images: Value| {
        let body = json!({"prompt": "Look", "workflow": "single", "images": images});
        server
            .post(&ada.token, &format!("/projects/{}/runs", project.slug), body)
            .await
    };
    for (project, images, field) in [
        (&other, json!([image]), "images.0"),
        (&shop, json!([image, "0".repeat(64)]), "images.1"),
        (&shop, json!(vec![&image; 9]), "images"),
    ] {
        let refused = start(project, images).await;
        assert_eq!(
            (refused.code().as_str(), &refused.json()["error"]["field"]),
            ("VALIDATION", &json!(field))
        );
    }
    let answer = start(&shop, json!([image])).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    let run = answer.data()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.data()["images"], json!([made.data()]));
    ended(&server, &shop, &run).await;
    let seen = seen.lock().unwrap();
    let (prompt, file) = seen.first().unwrap();
    assert!(prompt.contains("- /home/user/reference-images/1.png"), "{prompt}");
    assert!(prompt.contains("[image/png, iVBORw0KGgo"), "{prompt}");
    assert_eq!(file.as_deref(), Some(PNG));
}

#[tokio::test]
async fn a_picture_that_a_tool_gave_is_served_to_who_may_read_the_run() {
    let look = Act::Look {
        name: "Read".to_owned(),
        picture: PNG.to_vec(),
    };
    let agents = script(move |_| vec![look.clone(), Act::EndTurn("Looked.".to_owned())]);
    let server = TestServer::start_in(Arc::new(World::new(agents)), ApiConfig::default()).await;
    let (ada, bob) = (server.person("ada").await, server.person("bob").await);
    let shop = server.project(&ada, "shop").await;
    let other = server.project(&ada, "other").await;
    let body = json!({"prompt": "Look", "workflow": "single"});
    let started = server.post(&ada.token, "/projects/shop/runs", body).await;
    let run = started.data()["id"].as_str().unwrap().to_owned();
    ended(&server, &shop, &run).await;

    let page = server
        .get(&ada.token, &format!("/projects/shop/runs/{run}/events?limit=100"))
        .await;
    let events = page.data().as_array().unwrap().clone();
    let result = events.iter().find(|event| event["event"]["kind"] == "tool_result");
    let images = result.unwrap()["event"]["images"].clone();
    let named = json!([{"image": images[0]["image"], "mediaType": "image/png", "size": PNG.len()}]);
    assert_eq!(images, named, "{}", page.text);
    assert!(!page.text.contains("iVBORw0KGgo"), "no bytes in events");

    let image = images[0]["image"].as_str().unwrap();
    let read = server.get(&ada.token, &format!("/projects/shop/images/{image}")).await;
    assert_eq!(read.status, StatusCode::OK, "{}", read.text);
    for (name, value) in [
        ("content-type", "image/png"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("content-disposition", "inline; filename=\"image\""),
    ] {
        assert_eq!(read.headers[name], value);
    }
    for (token, project) in [(&bob.token, "shop"), (&ada.token, other.slug.as_str())] {
        let refused = server.get(token, &format!("/projects/{project}/images/{image}")).await;
        assert_eq!(refused.code(), "NOT_FOUND");
    }
}
