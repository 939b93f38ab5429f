//! Clients that send what is no message, too much of it, or nothing.

use codecourier_it::live::client::{Client, Heard};
use codecourier_wire::live::ServerMessage;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::Message;

use super::Shop;

async fn works(shop: &Shop) {
    let (mut client, seq) = shop.following(&shop.owner).await;
    shop.change().await;
    assert_eq!(client.delta().await.seq, seq + 1);
}

#[tokio::test]
async fn what_is_no_message_is_answered_so_often_and_then_no_more() {
    let shop = Shop::open().await;
    let mut client = shop.connect(&shop.owner).await;
    let deep = format!("{}{}", "[".repeat(8_000), "]".repeat(8_000));
    let texts = [
        "",
        "hello",
        "null",
        "{}",
        r#"{"type":"shout"}"#,
        r#"{"type":"ping","more":true}"#,
        r#"{"type":"subscribe","id":"a","query":"everything"}"#,
        deep.as_str(),
    ];
    for text in texts {
        client.send(Message::text(text)).await;
        assert_eq!(client.error().await, "VALIDATION", "{text:.60}");
    }
    // Whoever finds the language again is forgiven.
    client.say(json!({"type": "ping"})).await;
    assert_eq!(client.message().await, ServerMessage::Pong {});
    for _ in 0..10 {
        client.send(Message::text("nonsense")).await;
        assert_eq!(client.error().await, "VALIDATION");
    }
    client.send(Message::text("nonsense")).await;
    assert_eq!(client.hear().await, Heard::Closed(1008, "not understood".to_owned()));
    works(&shop).await;
    shop.server.stop().await;
}

#[tokio::test]
async fn messages_that_name_nothing_are_refused_one_by_one() {
    let shop = Shop::open().await;
    let mut client = shop.connect(&shop.owner).await;
    let long = "a".repeat(65);
    for (message, code) in [
        (
            json!({"type": "subscribe", "id": "", "query": "user.changes"}),
            "VALIDATION",
        ),
        (
            json!({"type": "subscribe", "id": long, "query": "user.changes"}),
            "VALIDATION",
        ),
        (
            json!({"type": "subscribe", "id": "a", "query": "project.changes"}),
            "VALIDATION",
        ),
        (
            json!({"type": "subscribe", "id": "a", "query": "user.changes", "args": {"run": "x"}}),
            "VALIDATION",
        ),
        (
            json!({"type": "subscribe", "id": "a", "query": "run.events", "args": {"project": "shop", "run": "run_x"}}),
            "NOT_FOUND",
        ),
        (json!({"type": "unsubscribe", "id": "\u{0}\u{202e}"}), "NOT_FOUND"),
    ] {
        client.say(message.clone()).await;
        assert_eq!(client.error().await, code, "{message}");
    }
    client.follow("a", "shop", None).await;
    client.snapshot().await;
    client.follow("a", "shop", None).await;
    assert_eq!(client.error().await, "CONFLICT");
    shop.server.stop().await;
}

#[tokio::test]
async fn bytes_and_long_messages_end_the_connection_with_a_reason() {
    let shop = Shop::open().await;
    let mut client = shop.connect(&shop.owner).await;
    client.send(Message::binary(vec![0_u8; 10])).await;
    assert_eq!(client.hear().await, Heard::Closed(1003, "text only".to_owned()));

    let mut client = shop.connect(&shop.owner).await;
    client.send(Message::text("x".repeat(17 * 1024))).await;
    assert_eq!(client.hear().await, Heard::Closed(1009, "message too long".to_owned()));
    works(&shop).await;
    shop.server.stop().await;
}

#[tokio::test]
async fn invalid_text_and_broken_frames_end_the_connection_and_nothing_else() {
    let shop = Shop::open().await;
    let frames: [&[u8]; 5] = [
        // A text of two bytes that are no UTF-8, masked with zeros.
        &[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28],
        // No mask.
        &[0x81, 0x02, b'{', b'}'],
        // Reserved bits, a reserved kind.
        &[0xf3, 0x80, 0, 0, 0, 0],
        // A length that no memory holds.
        &[0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        // A ping that is cut off.
        &[0x89, 0x85, 0, 0],
    ];
    for frame in frames {
        let client = shop.connect(&shop.owner).await;
        let mut stream = client.into_stream();
        stream.write_all(frame).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        // It ends: with a close frame, or at once.
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
        assert!(rest.len() < 200, "{rest:?}");
    }
    works(&shop).await;
    shop.server.stop().await;
}

#[tokio::test]
async fn a_flood_ends_the_connection() {
    let shop = Shop::open().await;
    let mut client = shop.connect(&shop.owner).await;
    for _ in 0..300 {
        client.say(json!({"type": "ping"})).await;
    }
    let mut pongs = 0;
    let end = loop {
        match client.hear().await {
            Heard::Message(_) => pongs += 1,
            end => break end,
        }
    };
    assert!((200..300).contains(&pongs), "{pongs}");
    assert_eq!(end, Heard::Closed(4429, "too many messages".to_owned()));
    works(&shop).await;
    shop.server.stop().await;
}

#[tokio::test]
async fn plain_requests_are_told_what_the_address_is_for() {
    let shop = Shop::open().await;
    let url = format!("http://{}/api/v1/live", shop.server.address);
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("WebSocket"));
    let connected = Client::connect_with(shop.server.address, &[("authorization", "Bearer ccs_bad")]).await;
    assert!(connected.is_err());
    shop.server.stop().await;
}
