//! A client that is refused while it still sends reads why, and not that its connection broke.

use codecourier_domain::money::MicroUsd;
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{House, PATIENCE, Wishes, prompt};

/// A conversation with pictures: far more than the buffers of a connection hold.
const MUCH: usize = 12 * 1024 * 1024;

/// How a body is framed.
#[derive(Debug, Clone, Copy)]
enum Framing {
    Length,
    Chunks,
}

/// Sends everything before it reads anything, as the simplest clients do, and gives the answer.
async fn send_then_read(house: &House, start: &str, token: &str, framing: Framing) -> String {
    let address = house.url.trim_start_matches("http://").split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = match framing {
        Framing::Length => format!("content-length: {MUCH}"),
        Framing::Chunks => "transfer-encoding: chunked".to_owned(),
    };
    let head = format!("{start} HTTP/1.1\r\nhost: x\r\nx-api-key: {token}\r\n{length}\r\n\r\n");
    let piece = vec![b'x'; MUCH / 16];
    let exchange = async {
        stream.write_all(head.as_bytes()).await?;
        for _ in 0..16 {
            match framing {
                Framing::Length => stream.write_all(&piece).await?,
                Framing::Chunks => {
                    stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
                    stream.write_all(&piece).await?;
                    stream.write_all(b"\r\n").await?;
                }
            }
        }
        if let Framing::Chunks = framing {
            stream.write_all(b"0\r\n\r\n").await?;
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = tokio::time::timeout(PATIENCE, exchange)
        .await
        .expect("the connection stays open");
    let answer = answer.unwrap_or_else(|error| panic!("{start} {framing:?}: the connection broke: {error}"));
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn who_may_not_send_or_sends_too_much_reads_so_after_sending() {
    let house = House::with(Wishes {
        configure: |config| config.limits.request_body_bytes = MUCH / 2,
        ..Wishes::default()
    })
    .await;
    let messages = "POST /gateway/anthropic/v1/messages";
    let packed = format!("{messages} HTTP/1.1\r\ncontent-encoding: gzip\r\nx-rest: ");
    let token = house.token.expose();
    let cases = [
        (messages, "cc_step_wrong", "401", "step token"),
        (messages, "", "401", "step token"),
        (messages, token, "413", "bigger than 6 MB"),
        (&packed, token, "400", "no compressed requests"),
        (
            "POST /gateway/anthropic/v1/files",
            token,
            "404",
            "does not serve this path",
        ),
        (
            "DELETE /gateway/anthropic/v1/messages",
            token,
            "405",
            "does not take this method",
        ),
    ];
    for (start, token, status, words) in cases {
        for framing in [Framing::Length, Framing::Chunks] {
            let answer = send_then_read(&house, start, token, framing).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{start} {framing:?}: {answer}"
            );
            assert!(answer.contains(words), "{start} {framing:?}: {answer}");
        }
    }
    assert!(house.model.requests().is_empty());
}

#[tokio::test]
async fn a_client_of_an_agent_reads_why_its_big_conversation_is_refused() {
    let house = House::with(Wishes {
        cap: MicroUsd(0),
        ..Wishes::default()
    })
    .await;
    let conversation = prompt(&"x".repeat(MUCH));
    for _ in 0..4 {
        let unknown = house.post("/v1/messages", "cc_step_wrong", &conversation).await;
        assert_eq!(unknown.status(), StatusCode::UNAUTHORIZED);
        assert!(unknown.text().await.unwrap().contains("not known"));
        let poor = house.ask(&conversation).await;
        assert!(poor.text().await.unwrap().contains("budget"));
    }
}

#[tokio::test]
async fn who_waits_for_a_word_before_it_sends_is_refused_at_once() {
    let house = House::new().await;
    let address = house.url.trim_start_matches("http://").split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /gateway/anthropic/v1/messages HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {MUCH}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("the connection stays open")
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}
