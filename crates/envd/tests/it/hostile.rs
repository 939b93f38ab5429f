//! Requests that are wrong on purpose. After each the daemon must serve the next.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use bytes::Bytes;
use codecourier_e2b::{Flags, encode};
use http::{Method, StatusCode};
use http_body_util::Full;
use proptest::prelude::*;
use serde_json::json;

use crate::client::Client;
use crate::daemon::Daemon;

const STREAM: &str = "application/connect+json";

#[tokio::test]
async fn broken_envelopes_are_refused_in_the_stream() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let two = [encode(Flags::MESSAGE, b"{}"), encode(Flags::MESSAGE, b"{}")].concat();
    let bodies: [Vec<u8>; 9] = [
        vec![],
        vec![0],
        vec![0, 0, 0, 0, 9, b'{'],
        vec![0, 0xff, 0xff, 0xff, 0xff],
        vec![1, 0, 0, 0, 2, b'{', b'}'],
        encode(Flags::MESSAGE, b"not json").to_vec(),
        encode(Flags::MESSAGE, b"[]").to_vec(),
        encode(Flags::END_STREAM, b"{}").to_vec(),
        two,
    ];
    for body in bodies {
        let (status, answer) = client.post("/process.Process/Start", STREAM, body.clone()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answer[0], 2, "{body:?}");
        let text = String::from_utf8(answer[5..].to_vec()).unwrap();
        assert!(text.contains("invalid_argument"), "{text}");
    }
    let deep = encode(Flags::MESSAGE, "[".repeat(100_000).as_bytes());
    assert_eq!(
        client.post("/process.Process/Start", STREAM, deep).await.0,
        StatusCode::OK
    );
    assert_eq!(client.get("/health").await.0, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn wrong_headers_are_refused() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    let (status, _) = client.post("/process.Process/List", "application/proto", "").await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = client
        .send(Method::POST, "/process.Process/List", Full::new(Bytes::new()))
        .await;
    assert_eq!(answer.response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, _) = client
        .with("content-encoding", "gzip")
        .post("/process.Process/List", "application/json", "")
        .await;
    assert_eq!(status, StatusCode::NOT_IMPLEMENTED);
    let (status, body) = client
        .post("/process.Process/List", "application/json; charset=utf-8", " \n")
        .await;
    assert_eq!((status, body), (StatusCode::OK, Bytes::from(r#"{"processes":[]}"#)));
    let timeout = client
        .with("connect-timeout-ms", "soon")
        .shell("true", json!({}))
        .await
        .outcome()
        .await;
    assert_eq!(timeout.error.as_deref(), Some("invalid_argument"));
    let forever = client
        .with("connect-timeout-ms", "99999999999999999")
        .shell("true", json!({}))
        .await
        .outcome()
        .await;
    assert_eq!(forever.end.unwrap().exit_code, 0);
    assert_eq!(
        client
            .post("/process.Process/Nothing", "application/json", "{}")
            .await
            .0,
        StatusCode::NOT_IMPLEMENTED
    );
}

#[tokio::test]
async fn an_endless_message_is_cut_off() {
    let daemon = Daemon::start();
    let mut stream = UnixStream::connect(daemon.socket()).unwrap();
    let head = "POST /process.Process/List HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9999999999999\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = vec![b' '; 1 << 20];
    let mut sent = 0;
    // Ends when the daemon answers and closes.
    while sent < (200 << 20) && stream.write_all(&chunk).is_ok() {
        sent += chunk.len();
    }
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(sent < (100 << 20), "{sent} bytes were taken");
    assert!(daemon.memory("VmHWM") < 160 * 1024);
    assert_eq!(Client::new(&daemon).get("/health").await.0, StatusCode::NO_CONTENT);
}

#[test]
fn garbage_on_the_socket_never_stops_the_daemon() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    proptest!(ProptestConfig { cases: 64, ..ProptestConfig::default() }, |(
        garbage in proptest::collection::vec(any::<u8>(), 0..500),
        start in prop_oneof![
            Just(&b""[..]),
            Just(&b"POST /files?path=~/x HTTP/1.1\r\nhost: x\r\n"[..]),
            Just(&b"POST /process.Process/Start HTTP/1.1\r\nhost: x\r\ncontent-type: application/connect+json\r\ncontent-length: 100\r\n\r\n"[..]),
            Just(&b"GET /journal?"[..]),
        ],
    )| {
        let mut stream = UnixStream::connect(daemon.socket()).unwrap();
        let _ = stream.write_all(&[start, &garbage].concat());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
        let status = runtime.block_on(client.get("/health")).0;
        prop_assert_eq!(status, StatusCode::NO_CONTENT);
    });
}

#[tokio::test]
async fn a_client_that_vanishes_in_the_middle_leaves_nothing_behind() {
    let daemon = Daemon::start();
    let client = Client::new(&daemon);
    for _ in 0..50 {
        let mut events = client.shell("exec yes", json!({})).await;
        let pid = events.started().await;
        drop(events);
        client
            .call(
                "process.Process/SendSignal",
                json!({"process": {"pid": pid}, "signal": 9}),
            )
            .await
            .unwrap();
        // Its end is told even though its first listener is gone.
        let outcome = client
            .stream("Connect", json!({"process": {"pid": pid}}))
            .await
            .outcome()
            .await;
        assert_eq!(outcome.end.unwrap().exit_code, -1);
    }
    assert!(daemon.children().is_empty());
    let descriptors = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    assert!(descriptors < 30, "{descriptors} descriptors are open");
}
