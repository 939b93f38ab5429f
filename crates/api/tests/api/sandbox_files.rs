//! The files in a sandbox, looked at while its agent works.

use std::sync::Arc;

use codecourier_api::ApiConfig;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Gate, script};
use codecourier_testkit::server::{TestAnswer, TestPerson, TestServer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const SECRET: &str = "canary-of-the-files";

/// A sandbox whose agent left something in the repository and works on.
struct House {
    server: TestServer,
    ada: TestPerson,
    sandbox: String,
}

impl House {
    async fn new(left: Vec<Act>) -> Self {
        let gate = Gate::default();
        let waits = gate.clone();
        let agents = script(move |_| {
            let mut acts = left.clone();
            acts.push(Act::Pass(waits.clone()));
            acts.push(Act::EndTurn("Done.".to_owned()));
            acts
        });
        let server = TestServer::start_in(Arc::new(World::new(agents)), ApiConfig::default()).await;
        let ada = server.person("ada").await;
        server.project(&ada, "shop").await;
        let secret = json!({ "name": "TOKEN", "value": SECRET, "secret": true });
        let variable = server.post(&ada.token, "/projects/shop/variables", secret).await;
        assert_eq!(variable.status, StatusCode::CREATED, "{}", variable.text);
        let run = json!({ "prompt": "Wait", "workflow": "single" });
        let run = server.post(&ada.token, "/projects/shop/runs", run).await;
        assert_eq!(run.status, StatusCode::ACCEPTED, "{}", run.text);
        gate.reached(1).await;
        let sandboxes = server.get(&ada.token, "/projects/shop/sandboxes").await.json();
        let sandbox = sandboxes["data"][0]["id"].as_str().unwrap().to_owned();
        Self { server, ada, sandbox }
    }

    async fn ask(&self, what: &str, query: &[(&str, &str)]) -> TestAnswer {
        let address = format!("/projects/shop/sandboxes/{}/{what}", self.sandbox);
        let request = self.server.request(Method::GET, &address);
        self.server
            .send(request.bearer_auth(&self.ada.token).query(query))
            .await
    }

    async fn list(&self, query: &[(&str, &str)]) -> Value {
        let answer = self.ask("files", query).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    }

    async fn read(&self, path: &str) -> TestAnswer {
        self.ask("files/content", &[("path", path)]).await
    }
}

fn write(path: &str, content: &str) -> Act {
    Act::Write {
        path: path.to_owned(),
        content: content.to_owned(),
    }
}

fn names(page: &Value) -> Vec<&str> {
    let entries = page["data"].as_array().unwrap();
    entries.iter().map(|entry| entry["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_an_agent_left_is_listed_and_read_while_it_works() {
    let house = House::new(vec![
        write("made/one.txt", "first\n"),
        write("made/two.txt", "second\n"),
        write("made/deep/three.txt", "third\n"),
    ])
    .await;
    assert!(names(&house.list(&[("limit", "100")]).await).contains(&"made"));
    let made = house.list(&[("path", "made")]).await;
    assert_eq!(names(&made), ["deep", "one.txt", "two.txt"]);
    let (deep, one) = (&made["data"][0], &made["data"][1]);
    assert_eq!((&deep["type"], &deep["link"]), (&json!("directory"), &Value::Null));
    assert_eq!((&one["type"], &one["size"]), (&json!("file"), &json!(6)));
    assert!(one["modifiedAt"].as_str().unwrap().ends_with('Z'));

    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("path", "made"), ("limit", "1")];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = house.list(&query).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => break,
        }
    }
    assert_eq!(seen, ["deep", "one.txt", "two.txt"]);

    let file = house.read("made/deep/three.txt").await;
    assert_eq!((file.status, file.text.as_str()), (StatusCode::OK, "third\n"));
    let header = |name: &str| file.headers[name].to_str().unwrap();
    assert_eq!(header("codecourier-file-size"), "6");
    assert_eq!(header("codecourier-file-extent"), "whole");
    assert!(header("codecourier-file-modified").ends_with('Z'));
    let beginning = house
        .ask("files/content", &[("path", "made/two.txt"), ("limit", "3")])
        .await;
    assert_eq!(beginning.text, "sec");
    assert_eq!(beginning.headers["codecourier-file-extent"], "beginning");
    assert_eq!(beginning.headers["codecourier-file-size"], "7");
}

#[tokio::test]
async fn no_browser_takes_a_file_for_anything_but_data() {
    let house = House::new(vec![
        write("page.html", "<script>alert(1)</script>"),
        write("<img src=x onerror=alert(1)>\n\".svg", "<svg onload='alert(1)'/>"),
        Act::Shell(r"printf 'GIF89a\0\1' > picture.gif".to_owned()),
    ])
    .await;
    for (path, kind) in [
        ("page.html", "text/plain; charset=utf-8"),
        ("<img src=x onerror=alert(1)>\n\".svg", "text/plain; charset=utf-8"),
        ("picture.gif", "application/octet-stream"),
    ] {
        let file = house.read(path).await;
        assert_eq!(file.status, StatusCode::OK, "{path}: {}", file.text);
        let header = |name: &str| file.headers[name].to_str().unwrap();
        assert_eq!(header("content-type"), kind, "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-disposition").starts_with("attachment; filename*=UTF-8''"));
        let policy = header("content-security-policy");
        assert!(policy.starts_with("sandbox; default-src 'none'"), "{policy}");
        assert_eq!(header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn secrets_are_taken_out_of_names_and_contents_wherever_they_are_cut() {
    let house = House::new(vec![
        write(&format!("{SECRET}.txt"), "x"),
        write("notes/env", &format!("TOKEN={SECRET}\nafter\n")),
    ])
    .await;
    let listed = house.list(&[("limit", "100")]).await;
    assert!(!listed.to_string().contains(SECRET), "{listed}");
    assert_eq!(house.read("notes/env").await.text, "TOKEN=[secret]\nafter\n");
    for limit in 1..32 {
        let part = house
            .ask("files/content", &[("path", "notes/env"), ("limit", &limit.to_string())])
            .await;
        assert!(!part.text.contains("cana"), "{limit}: {}", part.text);
        assert!(
            part.text.len() <= limit && "TOKEN=[secret]\nafter\n".starts_with(&part.text),
            "{}",
            part.text
        );
    }
}

#[tokio::test]
async fn nothing_but_the_repository_is_looked_at() {
    let house = House::new(vec![
        write("inside/file", "within"),
        Act::Shell("echo outside > ../aside; ln -s ../aside out; ln -s inside/file in; ln -s /etc etc".to_owned()),
    ])
    .await;
    assert_eq!(house.read("in").await.text, "within");
    let listed = house.list(&[("limit", "100")]).await;
    let entry = |name: &str| {
        let entries = listed["data"].as_array().unwrap();
        entries.iter().find(|entry| entry["name"] == name).unwrap()["link"].clone()
    };
    assert_eq!(entry("in"), json!({ "target": "inside/file", "leadsTo": "file" }));
    assert_eq!(entry("etc"), json!({ "target": "/etc", "leadsTo": null }));
    for path in [
        "out",
        "etc/passwd",
        "../aside",
        "/etc/passwd",
        "inside/../../aside",
        "inside",
        ".",
    ] {
        let refused = house.read(path).await;
        assert_eq!(
            (
                refused.status,
                refused.code().as_str(),
                &refused.json()["error"]["field"]
            ),
            (StatusCode::BAD_REQUEST, "VALIDATION", &json!("path")),
            "{path}: {}",
            refused.text
        );
    }
    for path in ["etc", "..", "/", "inside/file"] {
        let refused = house.ask("files", &[("path", path)]).await;
        assert_eq!(refused.code(), "VALIDATION", "{path}: {}", refused.text);
    }
    for what in ["files", "files/content"] {
        let missing = house.ask(what, &[("path", "nowhere")]).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{}", missing.text);
        assert!(missing.text.contains("There is no `nowhere`"), "{}", missing.text);
    }
}

#[tokio::test]
async fn a_sandbox_that_cannot_answer_says_so() {
    let house = House::new(vec![write("file", "x")]).await;
    let address = format!("/projects/shop/sandboxes/{}", house.sandbox);
    let change = async |verb: &str| {
        let done = house
            .server
            .post(&house.ada.token, &format!("{address}/{verb}"), json!({}))
            .await;
        assert!(done.status.is_success(), "{}", done.text);
    };
    change("pause").await;
    for (what, query) in [("files", &[][..]), ("files/content", &[("path", "file")][..])] {
        let paused = house.ask(what, query).await;
        assert_eq!(
            (paused.status, paused.code().as_str()),
            (StatusCode::CONFLICT, "CONFLICT")
        );
        assert!(paused.text.contains("paused"), "{}", paused.text);
    }
    change("resume").await;
    assert_eq!(house.read("file").await.text, "x");
}
