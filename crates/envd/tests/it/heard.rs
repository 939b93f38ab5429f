//! A client that is refused while it still sends reads why, and not that its connection broke.

use std::io::{Read as _, Result, Write as _};
use std::os::unix::net::UnixStream;

use http::{Method, StatusCode};
use http_body_util::Full;

use crate::client::{Client, PATIENCE};
use crate::daemon::Daemon;

/// Far more than the buffers of a socket hold.
const MUCH: usize = 12 * 1024 * 1024;
/// More than the longest message of a call.
const TOO_MUCH: usize = 52 * 1024 * 1024;

/// Sends everything before it reads anything, as the simplest clients do, and gives the answer.
fn send_then_read(daemon: &Daemon, start: &str, length: usize) -> Result<String> {
    let mut stream = UnixStream::connect(daemon.socket())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!("{start}\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let piece = vec![b'x'; length / 16];
    for _ in 0..16 {
        stream.write_all(&piece)?;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[test]
fn who_may_not_send_or_sends_what_cannot_be_taken_reads_so_after_sending() {
    let daemon = Daemon::start_with(&["--token", "secret"]);
    let directory = daemon.scratch();
    let upload = |token: &str, kind: &str| {
        format!(
            "POST /files?path={} HTTP/1.1\r\nx-access-token: {token}\r\ncontent-type: {kind}",
            directory.display()
        )
    };
    let call = "POST /process.Process/List HTTP/1.1\r\nx-access-token: secret\r\ncontent-type: application/json";
    let cases = [
        (upload("wrong", "application/octet-stream"), MUCH, 401, "does not match"),
        (
            upload("secret", "application/octet-stream"),
            MUCH,
            400,
            "is a directory",
        ),
        (upload("secret", "text/plain"), MUCH, 400, "is neither"),
        (
            "POST /nowhere HTTP/1.1\r\nx-access-token: secret".to_owned(),
            MUCH,
            404,
            "no route",
        ),
        (
            call.replace("secret", "wrong"),
            MUCH,
            401,
            "please provide a valid access token",
        ),
        (call.to_owned(), TOO_MUCH, 429, "a message is at most"),
    ];
    for (start, length, status, words) in cases {
        let answer = send_then_read(&daemon, &start, length)
            .unwrap_or_else(|error| panic!("{start}: the connection broke: {error}"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{start}: {answer}");
        assert!(answer.contains(words), "{start}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_reads_while_it_sends_hears_it_too() {
    let daemon = Daemon::start_with(&["--token", "secret"]);
    let stranger = Client::new(&daemon).with("content-type", "application/octet-stream");
    for _ in 0..4 {
        let answer = stranger
            .send(Method::POST, "/files?path=/x", Full::new(vec![b'x'; MUCH].into()))
            .await;
        let (status, _, body) = answer.whole().await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(!body.is_empty());
    }
}
