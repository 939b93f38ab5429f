//! The verbs that talk to a server, with a real one and with what may be in its place.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use crate::serve::{Server, certificate};
use crate::spawn::{Ended, codecourier_with};

const FORGED: &str = "cc_live_canaryAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Runs the program as somebody with this home.
fn at_home(home: &Path, arguments: &[&str], more: &[(&str, &str)], input: &str) -> Ended {
    let mut environment = vec![("HOME", home.to_str().unwrap())];
    environment.extend_from_slice(more);
    codecourier_with(&home.join("data"), arguments, &environment, input)
}

#[test]
fn a_credential_that_is_refused_is_not_kept() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::start(&place.path().join("server"), &[]);
    let url = format!("http://{}", server.address);
    let home = tempfile::tempdir().unwrap();
    let login = |input: &str| at_home(home.path(), &["login", &url, "--token-stdin"], &[], input);
    let ended = login(FORGED);
    ended.refused(2, &["AUTH_INVALID", "codecourier login"]);
    assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    login("two words").refused(2, &["is no token"]);
    login("").refused(2, &["is no token"]);
    at_home(home.path(), &["login", &url], &[], "").refused(2, &["no terminal", "--token-stdin"]);
    assert!(!home.path().join(".config").exists(), "nothing was kept");

    at_home(home.path(), &["whoami"], &[], "").refused(2, &["No server is configured", "codecourier login URL"]);
    at_home(home.path(), &["whoami", "--server", &url], &[], "").refused(2, &["Nobody is signed in to"]);
    at_home(home.path(), &["logout"], &[], "").refused(2, &["Nobody is signed in"]);
    let environment = [("CODECOURIER_URL", url.as_str()), ("CODECOURIER_API_KEY", FORGED)];
    at_home(home.path(), &["whoami"], &environment, "").refused(2, &["AUTH_INVALID"]);
    // The environment's key belongs to the environment's server and goes to no other.
    let other = silent_server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    let ended = at_home(home.path(), &["whoami", "--server", &other], &environment, "");
    ended.refused(2, &["Nobody is signed in to", &other]);
}

#[test]
fn what_is_between_a_client_and_its_server_is_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let login = |url: &str, more: &[(&str, &str)]| at_home(home.path(), &["login", url, "--token-stdin"], more, FORGED);
    login("http://127.0.0.1:1", &[]).refused(4, &["cannot be reached", "onnection refused", "UNAVAILABLE"]);
    login("ftp://host", &[]).refused(2, &["is no address of a server"]);
    login("http://user:canary@host", &[]).refused(2, &["without credentials"]);

    let page = silent_server("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>");
    login(&page, &[]).refused(4, &["status 404", "is not CodeCourier's API", "reverse proxy"]);
    let moved =
        silent_server("HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\nContent-Length: 0\r\n\r\n");
    login(&moved, &[]).refused(4, &["redirects to https://elsewhere.example/", "are not sent after it"]);
    let newer = r#"{"data":{"name":"CodeCourier","version":"99.0.0"}}"#;
    let newer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{newer}",
        newer.len()
    );
    login(&silent_server(&newer), &[]).refused(4, &["is version 99.0.0, this program is", "Install the version"]);

    let place = tempfile::tempdir().unwrap();
    certificate(place.path());
    let option = |name: &str, file: &str| format!("server.{name}={}", place.path().join(file).display());
    let (tls_certificate, tls_key) = (option("tls_certificate", "tls.crt"), option("tls_key", "tls.key"));
    let arguments = [
        "--set",
        &tls_certificate,
        "--set",
        &tls_key,
        "--public-url",
        "https://localhost",
    ];
    let server = Server::start(&place.path().join("data"), &arguments);
    let port = server.address.rsplit_once(':').unwrap().1;
    let url = format!("https://localhost:{port}");
    login(&url, &[]).refused(4, &["is not trusted", "SSL_CERT_FILE"]);
    let authority = place.path().join("tls.crt");
    login(&url, &[("SSL_CERT_FILE", authority.to_str().unwrap())]).refused(2, &["AUTH_INVALID"]);
}

/// Something that gives every client the same answer. Gives its address.
fn silent_server(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4_096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

/// A data directory with somebody in it who has a project, and an API key of that project. Gives both tokens.
fn somebody(data: &Path) -> (String, String) {
    use codecourier_store::{Store, StoreConfig};
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(data).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let path = data.join("codecourier.db");
        let store = Store::open(StoreConfig::Sqlite { path }).await.unwrap();
        let people = codecourier_testkit::people::People::new(store.clone());
        let ada = people.sign_up("ada").await;
        let project = people.create_project("shop", ada.user).await;
        let key = people.create_key(project, &["runs:read"]).await;
        store.close().await;
        (ada.token.expose().to_owned(), key.token.expose().to_owned())
    })
}

#[test]
fn somebody_signs_in_and_works_in_a_project_until_they_sign_out() {
    let place = tempfile::tempdir().unwrap();
    let (session, key) = somebody(&place.path().join("server"));
    let server = Server::start(&place.path().join("server"), &[]);
    let url = format!("http://{}", server.address);
    let home = tempfile::tempdir().unwrap();
    let does = |arguments: &[&str]| {
        // Without the data directory in the environment, as people have it: the server is what is configured.
        let ended = at_home(home.path(), arguments, &[], "");
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        ended
    };
    let signed_in = at_home(home.path(), &["login", &url, "--token-stdin"], &[], &session);
    assert_eq!(signed_in.code, 0, "{}", signed_in.stderr);
    assert!(
        signed_in.stderr.contains("work in the project shop"),
        "{}",
        signed_in.stderr
    );
    let kept = std::fs::read_to_string(home.path().join(".config/codecourier/credentials.toml")).unwrap();
    assert!(kept.contains(&session) && kept.contains("project = \"shop\""));
    assert!(does(&["whoami"]).stdout.contains(&url));

    // When the token is old, as it is here whose age nobody knows, the next use replaces it, once.
    let path = home.path().join(".config/codecourier/credentials.toml");
    let old: Vec<&str> = kept.lines().filter(|line| !line.starts_with("renewed_at")).collect();
    std::fs::write(&path, old.join("\n")).unwrap();
    assert!(does(&["whoami"]).stdout.contains(&url));
    let renewed = std::fs::read_to_string(&path).unwrap();
    assert!(
        !renewed.contains(&session) && renewed.contains("token = \"ccs_") && renewed.contains("project = \"shop\"")
    );
    assert!(does(&["whoami"]).stdout.contains(&url));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), renewed);

    let listed = does(&["projects"]).stdout;
    assert!(listed.starts_with("* shop") && listed.contains("owner"), "{listed}");
    let made = does(&["projects", "create", "Second Shop", "--json"]).stdout;
    assert!(made.contains(r#""slug":"second-shop""#), "{made}");
    does(&["projects", "use", "second-shop"]);
    assert!(does(&["projects"]).stdout.contains("* second-shop"));
    at_home(home.path(), &["projects", "use", "nowhere"], &[], "").refused(2, &["NOT_FOUND"]);
    at_home(home.path(), &["projects", "use", "../x"], &[], "").refused(2, &["is no project's slug"]);

    // An API key: made, used from a pipe, listed, rotated, ended.
    let made = does(&["keys", "create", "pipeline", "--may", "runs:read", "--json"]).stdout;
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let (id, token) = (made["key"]["id"].as_str().unwrap(), made["token"].as_str().unwrap());
    let listed = does(&["keys", "list"]).stdout;
    assert!(
        listed.contains(id) && listed.contains("runs:read") && !listed.contains(token),
        "{listed}"
    );
    let with_key = [("CODECOURIER_URL", url.as_str()), ("CODECOURIER_API_KEY", token)];
    let who = at_home(home.path(), &["whoami"], &with_key, "");
    assert!(who.stdout.contains(id), "{}{}", who.stdout, who.stderr);
    let rotated = does(&["keys", "rotate", id, "--overlap", "0s"]);
    assert!(rotated.stdout.trim().starts_with("cc_live_") && rotated.stderr.contains("this once"));
    at_home(home.path(), &["whoami"], &with_key, "").refused(2, &["AUTH_INVALID"]);
    let listed = does(&["keys", "list"]).stdout;
    let successor = listed.lines().find(|line| line.contains("active")).unwrap();
    let successor = successor.split_whitespace().next().unwrap();
    does(&["keys", "revoke", successor]);
    assert!(!does(&["keys", "list"]).stdout.contains("active"));
    at_home(home.path(), &["keys", "create", "x", "--may", "everything"], &[], "").refused(2, &["is no permission"]);

    let signed_out = does(&["logout"]);
    assert!(signed_out.stderr.contains("Signed out of"), "{}", signed_out.stderr);
    at_home(home.path(), &["whoami"], &[], "").refused(2, &["No server is configured"]);

    // A key from the environment, as in a pipeline: nothing is kept.
    let environment = [("CODECOURIER_URL", url.as_str()), ("CODECOURIER_API_KEY", key.as_str())];
    let who = at_home(home.path(), &["whoami"], &environment, "");
    assert!(
        who.stdout.contains("API key") && who.stdout.contains("runs:read"),
        "{}{}",
        who.stdout,
        who.stderr
    );
    assert!(!who.stdout.contains(&key));
}
