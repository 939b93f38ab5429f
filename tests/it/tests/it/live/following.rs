//! Everything once and in order, over sockets.

use codecourier_it::live::client::Heard;
use codecourier_wire::live::{LiveOp, ServerMessage};
use serde_json::json;

use super::Shop;

#[tokio::test]
async fn a_client_is_told_what_is_there_and_then_what_happens() {
    let shop = Shop::open().await;
    let (mut client, seq) = shop.following(&shop.owner).await;
    let number = shop.change().await;
    assert_eq!(number, seq + 1);
    let delta = client.delta().await;
    let change = delta.change.unwrap();
    assert_eq!(
        (delta.seq, change.kind.as_str(), change.op, &change.body),
        (number, "run", LiveOp::Put, &json!({"x": 1}))
    );
    client.say(json!({"type": "ping"})).await;
    assert_eq!(client.message().await, ServerMessage::Pong {});
    client.say(json!({"type": "unsubscribe", "id": "a"})).await;
    client.say(json!({"type": "unsubscribe", "id": "a"})).await;
    assert_eq!(client.error().await, "NOT_FOUND");
    shop.change().await;
    client.say(json!({"type": "ping"})).await;
    assert_eq!(
        client.message().await,
        ServerMessage::Pong {},
        "nothing is told any more"
    );
    shop.server.stop().await;
}

#[tokio::test]
async fn a_restart_is_announced_and_nothing_is_lost_over_it() {
    let mut shop = Shop::open().await;
    let (mut client, seq) = shop.following(&shop.owner).await;
    shop.change().await;
    assert_eq!(client.delta().await.seq, seq + 1);
    for in_order in [true, false] {
        shop = shop.restart(in_order).await;
        let heard = client.hear().await;
        match in_order {
            true => assert_eq!(heard, Heard::Closed(1012, "restart".to_owned())),
            false => assert_eq!(heard, Heard::Gone),
        }
        let missed = shop.change().await;
        client = shop.connect(&shop.owner).await;
        client.follow("a", "shop", Some(missed - 1)).await;
        assert_eq!(client.delta().await.seq, missed);
        let next = shop.change().await;
        assert_eq!(client.delta().await.seq, next);
    }
    shop.server.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_listen_for_a_while_misses_nothing() {
    let shop = Shop::open().await;
    let (mut client, seq) = shop.following(&shop.owner).await;
    // Far more than all buffers on the way hold.
    let body = "x".repeat(4_000);
    let scope = codecourier_store::changes::Scope::Project(shop.project);
    for _ in 0..30 {
        // Many in a commit: a client may keep the server waiting for some seconds only.
        let written = (0..100).map(|_| shop.server.people.change(scope, "run", "run_x", &body));
        futures::future::join_all(written).await;
    }
    for number in seq + 1..=seq + 3_000 {
        assert_eq!(client.delta().await.seq, number);
    }
    shop.server.stop().await;
}

#[tokio::test]
async fn a_cursor_that_is_too_old_begins_anew() {
    let shop = Shop::open().await;
    for _ in 0..20 {
        shop.change().await;
    }
    let engine = shop.server.engine();
    let removed =
        engine.ask(|engine| async move { engine.live().remove_old(std::time::Duration::from_secs(3_600), 5).await });
    assert!(removed.await.unwrap().changes > 0);
    let mut client = shop.connect(&shop.owner).await;
    client.follow("a", "shop", Some(2)).await;
    assert_eq!(client.message().await, ServerMessage::Reset { id: "a".to_owned() });
    let seq = client.snapshot().await;
    let number = shop.change().await;
    assert_eq!((number, client.delta().await.seq), (seq + 1, number));
    shop.server.stop().await;
}
