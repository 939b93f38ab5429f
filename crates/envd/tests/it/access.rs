//! Tokens, signatures, and the small routes.

use bytes::Bytes;
use codecourier_e2b::{FileOperation, sign};
use http::{Method, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use crate::client::Client;
use crate::daemon::Daemon;

const TOKEN: &str = "secret";

#[tokio::test]
async fn without_the_token_only_the_pulse_can_be_felt() {
    let daemon = Daemon::start_with(&["--token", TOKEN]);
    let stranger = Client::new(&daemon);
    assert_eq!(stranger.get("/health").await.0, StatusCode::NO_CONTENT);
    for client in [stranger.clone(), stranger.with("x-access-token", "wrong")] {
        for path in [
            "/metrics",
            "/envs",
            "/journal?tag=t",
            "/processes/exit?tag=t",
            "/nowhere",
        ] {
            let (status, _, body) = client.get(path).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
            let error: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(error["code"], 401);
        }
        let kill = client.send(Method::POST, "/kill-all", Full::new(Bytes::new())).await;
        assert_eq!(kill.response.status(), StatusCode::UNAUTHORIZED);
        let (status, _) = client.post("/process.Process/List", "application/json", "{}").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
    let owner = stranger.with("x-access-token", TOKEN);
    assert_eq!(
        owner.call("process.Process/List", json!({})).await.unwrap(),
        json!({"processes": []})
    );
}

#[tokio::test]
async fn a_signed_address_opens_one_file_for_one_purpose() {
    let daemon = Daemon::start_with(&["--token", TOKEN]);
    let client = Client::new(&daemon);
    let file = daemon.scratch().join("file");
    std::fs::write(&file, "contents").unwrap();
    let path = file.to_str().unwrap();
    let get = async |query: String| {
        let (status, _, body) = client.get(&format!("/files?{query}")).await;
        (status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
    };
    let encode = |signature: String| signature.replace('+', "%2B").replace('/', "%2F");
    let signed = |operation, user: &str, expiry| encode(sign(path, operation, user, TOKEN, expiry));
    let read = signed(FileOperation::Read, "", None);
    assert_eq!(
        get(format!("path={path}&signature={read}")).await,
        (200, "contents".into())
    );
    let as_root = signed(FileOperation::Read, "root", Some(4_000_000_000));
    let query = format!("path={path}&username=root&signature={as_root}&signature_expiration=4000000000");
    assert_eq!(get(query).await.0, 200);

    let message = async |query: String| {
        let (status, body) = get(query).await;
        assert_eq!(status, 401);
        let error: Value = serde_json::from_str(&body).unwrap();
        error["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        message(format!("path={path}")).await,
        "missing signature query parameter"
    );
    assert_eq!(
        message(format!("path=/etc/passwd&signature={read}")).await,
        "invalid signature"
    );
    let write = signed(FileOperation::Write, "", None);
    assert_eq!(
        message(format!("path={path}&signature={write}")).await,
        "invalid signature"
    );
    let old = signed(FileOperation::Read, "", Some(1000));
    let query = format!("path={path}&signature={old}&signature_expiration=1000");
    assert_eq!(message(query).await, "signature is already expired");
    let query = format!("path={path}&signature={read}&signature_expiration=soon");
    assert_eq!(message(query).await, "invalid signature");
    let wrong = client
        .with("x-access-token", "wrong")
        .get(&format!("/files?path={path}&signature={read}"))
        .await;
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);

    let upload = |signature: &str| format!("/files?path={path}&signature={signature}");
    let (status, _) = client.post(&upload(&read), "application/octet-stream", "new").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _) = client.post(&upload(&write), "application/octet-stream", "new").await;
    assert_eq!(
        (status, std::fs::read_to_string(&file).unwrap().as_str()),
        (StatusCode::OK, "new")
    );
}

#[tokio::test]
async fn the_sandbox_tells_its_variables_and_its_use() {
    let daemon = Daemon::start_with(&["--env", "A=1", "--env", "B=2"]);
    let client = Client::new(&daemon);
    let (_, _, body) = client.get("/envs").await;
    assert_eq!(
        serde_json::from_slice::<Value>(&body).unwrap(),
        json!({"A": "1", "B": "2"})
    );
    let (_, _, body) = client.get("/metrics").await;
    let metrics: Value = serde_json::from_slice(&body).unwrap();
    assert!(metrics["ts"].as_i64().unwrap() > 1_700_000_000);
    assert!(metrics["cpu_count"].as_u64().unwrap() >= 1);
    for field in ["mem_total", "mem_used", "disk_total", "disk_used"] {
        assert!(metrics[field].as_u64().unwrap() > 0, "{field}");
    }
    assert!(metrics["mem_used"].as_u64() <= metrics["mem_total"].as_u64());
}

#[tokio::test]
async fn unknown_routes_and_methods_are_refused_in_json() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    for (method, path, status) in [
        (Method::GET, "/nowhere", 404),
        (Method::GET, "/init", 404),
        (Method::POST, "/health", 405),
        (Method::GET, "/kill-all", 405),
        (Method::DELETE, "/files?path=/tmp/x", 405),
        (Method::GET, "/process.Process/List", 405),
    ] {
        let (got, _, body) = client.send(method, path, Full::new(Bytes::new())).await.whole().await;
        assert_eq!(got.as_u16(), status, "{path}");
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["code"], status);
    }
}
