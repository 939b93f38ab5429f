//! Addresses, queries, cursors and headers that nobody means: as bytes on a connection, since clients would mend them.

use codecourier_testkit::server::TestServer;
use reqwest::Method;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::scene::{Scene, refusal};

/// What comes back on a connection for what is written to it: the status and the body.
async fn raw(server: &TestServer, request: &[u8]) -> (u16, String) {
    let place = server.origin.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(place).await.unwrap();
    connection.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    assert!(!head.to_ascii_lowercase().contains("x-injected"), "{head}");
    (status.unwrap_or(0), body.to_owned())
}

fn code(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    body["error"]["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_address_that_is_tampered_with_leads_nowhere() {
    let scene = Scene::new().await;
    let before = scene.state().await;
    let server = &scene.furnished.server;
    let token = &scene.furnished.owner.token;
    let long = "a".repeat(5_000);
    let mut faults = Vec::new();
    for operation in scene.operations() {
        for name in operation.parameters("path") {
            for value in [
                "..",
                ".",
                "%2e%2e",
                "%2E%2E%2f..",
                "shop%2Fruns",
                "..%2f..%2fwhoami",
                "shop/..",
                "%00",
                "shop%00",
                "%ff",
                "%zz",
                "%",
                "%20",
                "%0d%0aX-Injected:%20yes",
                "%C3%A4",
                "%E2%80%AEpohs",
                "%F0%9F%98%80",
                "shop;a=b",
                "*",
                "null",
                "-1",
                "run_",
                "SHOP",
                long.as_str(),
            ] {
                let address = scene.address(&operation, &[(name.as_str(), value)]);
                let request = format!(
                    "{} /api/v1{address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nIf-Match: \"1\"\r\n\
                     Content-Type: application/json\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                    operation.method
                );
                let (status, body) = raw(server, request.as_bytes()).await;
                // Nowhere; or what begins there does not have the method; or what it is called cannot be; or, for what
                // anybody may be called, an outside provider that there is not.
                let is_refused = matches!(
                    (status, code(&body).as_str()),
                    (404, "NOT_FOUND") | (405, "METHOD_NOT_ALLOWED") | (400, "VALIDATION")
                );
                let is_back_at_sign_in = operation.path.starts_with("/auth/providers/") && status == 303;
                if !is_refused && !is_back_at_sign_in {
                    faults.push(format!("{} {address:.100}: {status} {body}", operation.method));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    scene.is_as(&before).await;
}

#[tokio::test]
async fn a_query_has_what_is_known_once_and_in_its_range() {
    let scene = Scene::new().await;
    let mut faults = Vec::new();
    let lists: Vec<_> = {
        let operations = scene.operations().into_iter();
        operations
            .filter(|operation| operation.parameters("query").contains(&"limit".to_owned()))
            .collect()
    };
    assert!(lists.len() >= 8, "{}", lists.len());
    for operation in &lists {
        let address = scene.address(operation, &[]);
        for (query, field) in [
            ("surprise=1", Some("surprise")),
            ("limit=1&limit=2", Some("limit")),
            ("limit=0", Some("limit")),
            ("limit=-1", Some("limit")),
            ("limit=1e1", Some("limit")),
            ("limit=99999999999999999999", Some("limit")),
            ("limit=", Some("limit")),
            ("limit=NaN", Some("limit")),
            ("%ff=1", None),
            ("limit=%00", None),
            ("limit=%", None),
        ] {
            let request = scene.request_to(operation, &format!("{address}?{query}"), &scene.furnished.owner.token);
            let came = refusal(&scene.send(request).await);
            if came != Ok((400, "VALIDATION".to_owned(), field.map(str::to_owned))) {
                faults.push(format!("{} ?{query}: {came:?}", operation.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_query_and_no_forged_one_is() {
    let scene = Scene::new().await;
    let (server, token) = (&scene.furnished.server, &scene.furnished.owner.token);
    server.project(&scene.furnished.owner, "other").await;
    for name in ["bee", "ant"] {
        let body = serde_json::json!({ "name": name, "permissions": ["runs:read"] });
        server.post(token, "/projects/shop/keys", body).await;
    }
    let mut cursors = vec![
        String::new(),
        "a".to_owned(),
        "AAAAAAAAAAA".to_owned(),
        "....".to_owned(),
        "%2e%2e".to_owned(),
        "MTpydW5fMDE5".to_owned(),
        "a".repeat(1_000),
    ];
    let lists: Vec<_> = {
        let operations = scene.operations().into_iter();
        operations
            .filter(|operation| operation.parameters("query").contains(&"cursor".to_owned()))
            .collect()
    };
    let mut own = Vec::new();
    for operation in &lists {
        let address = scene.address(operation, &[]);
        let page = server.get(token, &format!("{address}?limit=1")).await.json();
        if let Some(next) = page["nextCursor"].as_str() {
            own.push((operation.name.clone(), next.to_owned()));
            // The end of it is the place, the beginning what binds it to its query.
            let mut forged = next.to_owned();
            forged.replace_range(0..1, if next.starts_with('A') { "B" } else { "A" });
            cursors.extend([forged, next.to_owned()]);
        }
    }
    assert!(own.len() >= 4, "{own:?}");
    let mut faults = Vec::new();
    for operation in &lists {
        let address = scene.address(operation, &[]);
        for cursor in &cursors {
            if own.contains(&(operation.name.clone(), cursor.clone())) {
                let page = server.get(token, &format!("{address}?limit=1&cursor={cursor}")).await;
                assert!(page.status.is_success(), "{} {}", operation.name, page.text);
                continue;
            }
            let answer = server.get(token, &format!("{address}?cursor={cursor}")).await;
            let came = refusal(&answer);
            if came != Ok((400, "VALIDATION".to_owned(), Some("cursor".to_owned()))) {
                faults.push(format!("{} with {cursor:?}: {came:?}", operation.name));
            }
        }
        // The same list of another project is another query.
        if let Some((_, cursor)) = own.iter().find(|(name, _)| *name == operation.name)
            && operation.is_in_project()
        {
            let address = scene.address(operation, &[("slug", "other")]);
            let came = refusal(&server.get(token, &format!("{address}?cursor={cursor}")).await);
            if came != Ok((400, "VALIDATION".to_owned(), Some("cursor".to_owned()))) {
                faults.push(format!("{} of another project: {came:?}", operation.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn requests_that_two_readers_would_read_in_two_ways_are_refused() {
    let scene = Scene::new().await;
    let before = scene.state().await;
    let server = &scene.furnished.server;
    let token = &scene.furnished.owner.token;
    let body = r#"{"name":"Smuggled"}"#;
    let head = format!(
        "POST /api/v1/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nConnection: close\r\n"
    );
    for (trick, rest) in [
        (
            "two lengths",
            format!("Content-Length: 5\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        ),
        (
            "a length that is none",
            format!("Content-Length: +{}\r\n\r\n{body}", body.len()),
        ),
        (
            "a folded header",
            format!("X-A: b\r\n c\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        ),
        (
            "a space before the colon",
            format!("X-A : b\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        ),
        (
            "a zero in a header",
            format!("X-A: b\0c\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        ),
        (
            "no name",
            format!(": b\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
        ),
        (
            "a header without an end",
            format!("X-A: {}\r\n\r\n{body}", "b".repeat(1_000_000)),
        ),
    ] {
        let place = server.origin.strip_prefix("http://").unwrap();
        let mut connection = TcpStream::connect(place).await.unwrap();
        // The server may hang up while it is still being written to.
        drop(connection.write_all(format!("{head}{rest}").as_bytes()).await);
        let mut answer = Vec::new();
        drop(connection.read_to_end(&mut answer).await);
        let text = String::from_utf8_lossy(&answer);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{trick}: {text}");
    }
    scene.is_as(&before).await;
}

#[tokio::test]
async fn a_request_id_of_a_client_is_kept_only_if_it_is_harmless() {
    let scene = Scene::new().await;
    for (given, is_kept) in [
        ("order-66", true),
        ("a b", false),
        ("\"><script>", false),
        ("%0d%0a", false),
    ] {
        let request = scene
            .furnished
            .server
            .request(Method::GET, "/nowhere")
            .header("x-request-id", given);
        let answer = scene.send(request).await;
        assert_eq!(refusal(&answer).map(|refused| refused.0), Ok(404), "{given}");
        assert_eq!(answer.headers["x-request-id"] == given, is_kept, "{given}");
    }
    // Neither does a header say who the caller is, nor where they are.
    for (name, value) in [
        ("x-forwarded-user", "ada"),
        ("x-original-url", "/api/v1/server"),
        ("x-rewrite-url", "/api/v1/server"),
        ("x-http-method-override", "DELETE"),
    ] {
        let request = scene
            .furnished
            .server
            .request(Method::GET, "/whoami")
            .header(name, value);
        assert_eq!(
            refusal(&scene.send(request).await).map(|refused| refused.0),
            Ok(401),
            "{name}"
        );
    }
}
