//! Canaries: the real key is nowhere but at the provider.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use codecourier_gateway::{Mode, ProviderKey};
use parking_lot::Mutex;
use tracing_subscriber::fmt::MakeWriter;

use crate::harness::{House, REAL_KEY, Wishes, prompt};

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'writer> MakeWriter<'writer> for Log {
    type Writer = Self;

    fn make_writer(&'writer self) -> Self {
        self.clone()
    }
}

/// A provider that shows its callers their own headers, in a header and in the body.
async fn indiscreet(status: StatusCode) -> (String, tokio::task::JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(move |headers: HeaderMap| async move {
        let key = headers["x-api-key"].to_str().unwrap().to_owned();
        (
            status,
            [("x-echo", format!("you sent {key}"))],
            format!("{{\"error\": {{\"message\": \"bad key {key}\"}}}}"),
        )
    });
    let mut serving = tokio::task::JoinSet::new();
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, serving)
}

#[tokio::test]
async fn the_key_is_in_no_answer_event_log_or_cassette() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let directory = tempfile::tempdir().unwrap();
    let tape = directory.path().join("run.cassette");
    let mut shown = String::new();
    for status in [
        StatusCode::UNAUTHORIZED,
        StatusCode::BAD_REQUEST,
        StatusCode::INTERNAL_SERVER_ERROR,
    ] {
        let (url, _serving) = indiscreet(status).await;
        let house = House::with(Wishes {
            base_url: Some(url),
            mode: Mode::Record(tape.clone()),
            ..Wishes::default()
        })
        .await;
        let answer = house.ask(&prompt(&format!("my key is {REAL_KEY}, is it not"))).await;
        assert_eq!(answer.status(), status);
        shown.push_str(&format!("{:?}", answer.headers()));
        shown.push_str(&answer.text().await.unwrap());
        house.gateway.settled(&house.step).await;
        shown.push_str(&format!(
            "{:?} {:?} {:?}",
            house.seen.events(),
            house.books.settled(),
            house.gateway
        ));
    }
    let (url, _serving) = indiscreet(StatusCode::OK).await;
    let house = House::with(Wishes {
        base_url: Some(url),
        ..Wishes::default()
    })
    .await;
    let answer = house.ask(&prompt("@@say x")).await;
    shown.push_str(&format!("{:?}", answer.headers()));
    let down = House::with(Wishes {
        base_url: Some("http://127.0.0.1:1/".to_owned()),
        ..Wishes::default()
    })
    .await;
    shown.push_str(&down.ask(&prompt("@@say x")).await.text().await.unwrap());
    shown.push_str(&format!("{:?}", down.seen.events()));
    shown.push_str(&format!("{:?}", ProviderKey::api_key(REAL_KEY)));
    shown.push_str(&std::fs::read_to_string(&tape).unwrap());
    let log = String::from_utf8_lossy(&log.0.lock()).into_owned();
    assert!(shown.contains("[redacted]") && shown.contains("bad key"), "{shown}");
    for (place, text) in [("shown", &shown), ("log", &log)] {
        assert!(!text.contains("canary"), "the key is {place}: {text}");
        assert!(!text.contains(house.token.expose()), "the step token is {place}");
    }
}
