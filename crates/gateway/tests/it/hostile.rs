//! What a hostile client in a sandbox can try on its connection.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{House, PATIENCE, Wishes, prompt};

/// Sends bytes and reads until the other side closes.
async fn exchange(house: &House, bytes: &[u8]) -> String {
    let address = house.url.trim_start_matches("http://").split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The other side may close before all is written; what it said counts.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("the connection stays open");
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(house: &House, rest: &str) -> String {
    format!(
        "POST /gateway/anthropic/v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\n{rest}",
        house.token.expose()
    )
}

async fn impatient() -> House {
    House::with(Wishes {
        configure: |config| {
            config.timeouts.request_head = Duration::from_millis(150);
            config.timeouts.request_body = Duration::from_millis(150);
            config.timeouts.hear_out = Duration::from_millis(150);
            config.timeouts.client_stall = Duration::from_millis(150);
        },
        ..Wishes::default()
    })
    .await
}

#[tokio::test]
async fn a_head_that_trickles_is_cut_off() {
    let house = impatient().await;
    let answer = exchange(&house, b"POST /gateway/anthropic/v1/messages HTTP/1.1\r\nx-slow: ").await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_off() {
    let house = impatient().await;
    let answer = exchange(
        &house,
        head(&house, "content-length: 1000\r\n\r\n{\"model\":").as_bytes(),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(house.model.requests().is_empty());
}

#[tokio::test]
async fn a_head_without_end_and_headers_without_number_are_refused() {
    let house = House::new().await;
    let huge = head(&house, &format!("x-huge: {}\r\n\r\n", "x".repeat(512 * 1024)));
    assert!(exchange(&house, huge.as_bytes()).await.starts_with("HTTP/1.1 431"));
    let many = head(&house, &("x-many: 1\r\n".repeat(500) + "\r\n"));
    assert!(exchange(&house, many.as_bytes()).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_body_that_lies_about_its_length_is_refused() {
    let house = House::new().await;
    let lie = head(&house, "content-length: 99999999999\r\n\r\n{}");
    assert!(exchange(&house, lie.as_bytes()).await.starts_with("HTTP/1.1 413"));
    let smuggled = head(
        &house,
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\nGET /v1/files HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    let answer = exchange(&house, smuggled.as_bytes()).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    assert!(house.model.requests().is_empty());
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused_here() {
    let house = House::new().await;
    for body in ["", "[", "\"x\"", "{\"model\": 7}", "\u{0}\u{0}"] {
        let request = house.client.post(format!("{}/v1/messages", house.url));
        let answer = request
            .header("x-api-key", house.token.expose())
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{body:?}");
        let error: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(error["error"]["type"], "invalid_request_error");
    }
    let request = house
        .client
        .post(format!("{}/v1/messages", house.url))
        .header("content-encoding", "gzip");
    let packed = request
        .header("x-api-key", house.token.expose())
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(packed.status(), 400);
    assert!(house.model.requests().is_empty() && house.books.estimates().is_empty());
}

#[tokio::test]
async fn a_stranger_cannot_make_the_gateway_hold_a_body() {
    let house = House::new().await;
    let head = "POST /gateway/anthropic/v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: wrong\r\ncontent-length: 30000000\r\n\r\n";
    let address = house.url.trim_start_matches("http://").split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut start = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut start))
        .await
        .expect("waits for the body")
        .unwrap();
    assert_eq!(&start, b"HTTP/1.1 401");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_settled() {
    let house = impatient().await;
    let body = prompt("@@bigline 30000000").to_string();
    let request = head(&house, &format!("content-length: {}\r\n\r\n{body}", body.len()));
    let address = house.url.trim_start_matches("http://").split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    house.settlement().await;
    assert_eq!(house.books.open(), 0);
    drop(stream);
}

#[tokio::test]
async fn connections_beyond_the_cap_wait_and_are_then_served() {
    let house = House::with(Wishes {
        scenario: "hang-stream",
        configure: |config| config.limits.listener_connections = 2,
        ..Wishes::default()
    })
    .await;
    let mut first = house
        .ask(&prompt("@@say The stream stops after its first words."))
        .await;
    first.chunk().await.unwrap();
    let mut second = house
        .ask(&prompt("@@say The stream stops after its first words."))
        .await;
    second.chunk().await.unwrap();
    let hello = house.client.get(format!("{}/api/hello", house.url)).send();
    let mut hello = Box::pin(hello);
    let waiting = tokio::time::timeout(Duration::from_millis(200), hello.as_mut()).await;
    assert!(waiting.is_err(), "a third connection was served");
    drop(first);
    let answer = tokio::time::timeout(PATIENCE, hello)
        .await
        .expect("the place was not given on")
        .unwrap();
    assert_eq!(answer.status(), 200);
}
