//! The event stream for scripts.

use codecourier_domain::member::MemberRole;
use codecourier_testkit::people::TestPerson;
use reqwest::Response;
use serde_json::Value;

use super::Shop;

/// A stream that is read event by event.
struct Events {
    response: Response,
    rest: String,
}

#[derive(Debug, PartialEq)]
struct Event {
    id: Option<u64>,
    name: String,
    data: Value,
}

impl Events {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let event = event.to_owned();
                self.rest = rest.to_owned();
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
                let Some(name) = field("event") else { continue };
                return Some(Event {
                    id: field("id").map(|id| id.parse().unwrap()),
                    name: name.to_owned(),
                    data: serde_json::from_str(field("data").unwrap()).unwrap(),
                });
            }
            let chunk = self.response.chunk().await.ok()??;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

impl Shop {
    async fn get(&self, person: &TestPerson, path: &str, last: Option<&str>) -> Response {
        let mut request = reqwest::Client::new()
            .get(format!("http://{}/api/v1{path}", self.server.address))
            .bearer_auth(person.token.expose());
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.send().await.unwrap()
    }

    async fn events(&self, person: &TestPerson, last: Option<&str>) -> Events {
        let response = self.get(person, "/projects/shop/live", last).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events {
            response,
            rest: String::new(),
        }
    }
}

#[tokio::test]
async fn a_stream_begins_with_what_is_there_and_goes_on_after_the_last_event() {
    let mut shop = Shop::open().await;
    let mut events = shop.events(&shop.owner, None).await;
    let snapshot = events.next().await.unwrap();
    assert_eq!(snapshot.name, "snapshot");
    assert_eq!(snapshot.data["runs"], serde_json::json!([]));
    let number = shop.change().await;
    let delta = events.next().await.unwrap();
    assert_eq!((delta.id, delta.name.as_str()), (Some(number), "delta"));
    assert_eq!(delta.data["change"]["kind"], "run");
    shop = shop.restart(true).await;
    assert_eq!(events.next().await.unwrap().name, "restart");
    assert_eq!(events.next().await, None);

    let missed = shop.change().await;
    let mut events = shop.events(&shop.owner, Some(&number.to_string())).await;
    assert_eq!(events.next().await.unwrap().id, Some(missed));
    shop.server.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_the_membership() {
    let shop = Shop::open().await;
    let member = shop.server.people.sign_up("member").await;
    shop.server
        .people
        .join(shop.project, member.user, MemberRole::Member)
        .await;
    let mut events = shop.events(&member, None).await;
    assert_eq!(events.next().await.unwrap().name, "snapshot");
    shop.server.people.remove(shop.project, member.user).await;
    shop.change().await;
    let end = events.next().await.unwrap();
    assert_eq!(
        (end.name.as_str(), &end.data["code"]),
        ("ended", &Value::from("NOT_FOUND"))
    );
    assert_eq!(events.next().await, None);
    shop.server.stop().await;
}

#[tokio::test]
async fn a_stream_is_refused_like_any_request() {
    let shop = Shop::open().await;
    let stranger = shop.server.people.sign_up("stranger").await;
    for (person, path, last, status) in [
        (&stranger, "/projects/shop/live", None, 404),
        (&shop.owner, "/projects/nowhere/live", None, 404),
        (&shop.owner, "/projects/shop/live", Some("x"), 400),
        (&shop.owner, "/projects/shop/live", Some("-1"), 400),
        (&shop.owner, "/projects/shop/runs/run_x/live", None, 404),
        (
            &shop.owner,
            "/projects/shop/runs/run_00000000000000000000000000000000/live",
            None,
            404,
        ),
    ] {
        let response = shop.get(person, path, last).await;
        assert_eq!(response.status(), status, "{path} {last:?}");
        let body: Value = response.json().await.unwrap();
        assert!(body["error"]["code"].is_string(), "{body}");
    }
    shop.server.stop().await;
}
