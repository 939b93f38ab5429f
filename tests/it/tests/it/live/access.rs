//! Who may connect and follow, and until when.

use codecourier_domain::member::MemberRole;
use codecourier_it::live::client::{Client, Heard, NoConnection};
use codecourier_wire::live::ServerMessage;
use serde_json::json;

use super::Shop;

#[tokio::test]
async fn a_removed_member_hears_nothing_after_the_end() {
    let shop = Shop::open().await;
    let member = shop.server.people.sign_up("member").await;
    shop.server
        .people
        .join(shop.project, member.user, MemberRole::Member)
        .await;
    let (mut client, _) = shop.following(&member).await;
    let before = shop.change().await;
    assert_eq!(client.delta().await.seq, before);
    shop.server.people.remove(shop.project, member.user).await;
    shop.change().await;
    match client.message().await {
        ServerMessage::Ended { id, code, .. } => assert_eq!((id.as_str(), code.as_str()), ("a", "NOT_FOUND")),
        other => panic!("{other:?}"),
    }
    client.say(json!({"type": "ping"})).await;
    assert_eq!(client.message().await, ServerMessage::Pong {}, "nothing in between");
    client.follow("b", "shop", Some(0)).await;
    assert_eq!(client.error().await, "NOT_FOUND");
    shop.server.stop().await;
}

#[tokio::test]
async fn a_sign_out_ends_the_sockets_of_that_session() {
    let shop = Shop::open().await;
    let elsewhere = shop.server.people.sign_in(shop.owner.user).await;
    let (mut here, _) = shop.following(&shop.owner).await;
    let (mut there, _) = shop.following(&elsewhere).await;
    shop.server.people.sign_out(&shop.owner).await;
    let number = shop.change().await;
    assert_eq!(here.hear().await, Heard::Closed(4401, "AUTH_INVALID".to_owned()));
    assert_eq!(there.delta().await.seq, number);
    let again = Client::connect(shop.server.address, shop.owner.token.expose()).await;
    assert!(matches!(again, Err(NoConnection::Refused(status)) if status == 401));
    shop.server.stop().await;
}

#[tokio::test]
async fn the_first_message_may_say_who_it_is() {
    let shop = Shop::open().await;
    let mut client = Client::connect_with(shop.server.address, &[]).await.unwrap();
    match client.message().await {
        ServerMessage::Hello { authenticated, .. } => assert!(!authenticated),
        other => panic!("{other:?}"),
    }
    client
        .say(json!({"type": "authenticate", "token": shop.owner.token.expose()}))
        .await;
    client.follow("a", "shop", None).await;
    client.snapshot().await;
    // Nobody becomes somebody else on the way.
    let other = shop.server.people.sign_up("other").await;
    client
        .say(json!({"type": "authenticate", "token": other.token.expose()}))
        .await;
    assert_eq!(client.error().await, "CONFLICT");
    let again = shop.server.people.sign_in(shop.owner.user).await;
    client
        .say(json!({"type": "authenticate", "token": again.token.expose()}))
        .await;
    shop.server.people.sign_out(&shop.owner).await;
    let number = shop.change().await;
    assert_eq!(client.delta().await.seq, number, "the newer credential is good");

    for first in [
        json!({"type": "authenticate", "token": "ccs_nonsense"}),
        json!({"type": "subscribe", "id": "a", "query": "user.changes"}),
    ] {
        let mut client = Client::connect_with(shop.server.address, &[]).await.unwrap();
        client.message().await;
        client.say(first).await;
        let code = client.error().await;
        assert_eq!(client.hear().await, Heard::Closed(4401, code));
    }
    shop.server.stop().await;
}

#[tokio::test]
async fn a_cookie_is_taken_from_our_own_pages_only() {
    let shop = Shop::open().await;
    let address = shop.server.address;
    let cookie = format!("cc_session={}", shop.owner.token.expose());
    let own = format!("http://{address}");
    let mut client = Client::connect_with(address, &[("cookie", &cookie), ("origin", &own)])
        .await
        .unwrap();
    match client.message().await {
        ServerMessage::Hello { authenticated, .. } => assert!(authenticated),
        other => panic!("{other:?}"),
    }
    for foreign in ["http://evil.example.com", "null"] {
        let refused = Client::connect_with(address, &[("cookie", &cookie), ("origin", foreign)]).await;
        assert!(
            matches!(refused, Err(NoConnection::Refused(status)) if status == 403),
            "{foreign}"
        );
    }
    let refused = Client::connect_with(address, &[("cookie", &cookie)]).await;
    assert!(matches!(refused, Err(NoConnection::Refused(status)) if status == 403));
    shop.server.stop().await;
}

#[tokio::test]
async fn strangers_learn_nothing_and_ordinary_people_do_not_follow_the_installation() {
    let shop = Shop::open().await;
    let stranger = shop.server.people.sign_up("stranger").await;
    let mut client = shop.connect(&stranger).await;
    let mut answers = Vec::new();
    for project in ["shop", "nowhere", "../shop", ""] {
        client.follow("a", project, None).await;
        answers.push(client.message().await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    client
        .say(json!({"type": "subscribe", "id": "a", "query": "installation.changes"}))
        .await;
    assert_eq!(client.error().await, "FORBIDDEN");
    client
        .say(json!({"type": "subscribe", "id": "a", "query": "user.changes"}))
        .await;
    client.snapshot().await;
    shop.server.stop().await;
}

#[tokio::test]
async fn a_revoked_key_hears_nothing_more() {
    let shop = Shop::open().await;
    let key = shop
        .server
        .people
        .create_key(shop.project, &["project:read", "runs:read"])
        .await;
    let mut client = Client::connect(shop.server.address, key.token.expose()).await.unwrap();
    client.follow("a", "shop", None).await;
    client.snapshot().await;
    let number = shop.change().await;
    assert_eq!(client.delta().await.seq, number);
    shop.server.people.revoke_key(shop.project, key.id).await;
    shop.change().await;
    assert_eq!(client.hear().await, Heard::Closed(4401, "AUTH_INVALID".to_owned()));
    shop.server.stop().await;
}

#[tokio::test]
async fn there_is_room_for_so_many_who_have_not_said_who_they_are() {
    let shop = Shop::open().await;
    let mut waiting = Vec::new();
    for _ in 0..256 {
        waiting.push(Client::connect_with(shop.server.address, &[]).await.unwrap());
    }
    let refused = Client::connect_with(shop.server.address, &[]).await;
    assert!(matches!(refused, Err(NoConnection::Refused(status)) if status == 429));
    let (mut client, seq) = shop.following(&shop.owner).await;
    shop.change().await;
    assert_eq!(client.delta().await.seq, seq + 1, "whoever says it at once comes in");
    shop.server.stop().await;
}
