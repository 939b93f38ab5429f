//! The demo's page: what the terminal shows, in a browser, while the demo runs.
//!
//! Invariants: it is read-only and served on the loopback interface alone, under a path that cannot be guessed; it loads
//! nothing from elsewhere, and what agents wrote reaches it as text and never as markup.

mod feed;

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::Stream;
use rand::Rng as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use feed::Feed;

/// How long a browser has to take the last lines.
const FAREWELL: Duration = Duration::from_secs(1);
/// Nothing but the page's own script, style and stream.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The page, while it is served.
pub(crate) struct Page {
    url: String,
    feed: Feed,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Page {
    /// Serves the page on a free port.
    pub(crate) async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mut secret = [0_u8; 16];
        rand::rng().fill_bytes(&mut secret);
        let path = format!("/{}/", hex::encode(secret));
        let url = format!("http://{}{path}", listener.local_addr()?);
        let (feed, stop, tasks) = (Feed::default(), CancellationToken::new(), TaskTracker::new());
        let routes = Router::new()
            .route(
                &path,
                get(|| async { asset("text/html; charset=utf-8", include_str!("page.html")) }),
            )
            .route(
                &format!("{path}page.css"),
                get(|| async { asset("text/css; charset=utf-8", include_str!("page.css")) }),
            )
            .route(
                &format!("{path}page.js"),
                get(|| async { asset("text/javascript; charset=utf-8", include_str!("page.js")) }),
            )
            .route(&format!("{path}live"), get(live))
            .with_state(feed.clone());
        let until = stop.clone();
        tasks.spawn(async move {
            let served = axum::serve(listener, routes).with_graceful_shutdown(until.cancelled_owned());
            if let Err(error) = served.await {
                tracing::warn!("the page: {error}");
            }
        });
        Ok(Self { url, feed, stop, tasks })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where to put what it shows.
    pub(crate) fn feed(&self) -> Feed {
        self.feed.clone()
    }

    /// Ends it, once the browsers have what there is.
    pub(crate) async fn stop(self) {
        self.feed.end();
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(FAREWELL, self.tasks.wait()).await.is_err() {
            tracing::debug!("a browser did not take the end of the page in time");
        }
    }
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, text).into_response()
}

/// Every line so far, then each as it comes. A browser that lost the connection says which it had.
async fn live(State(feed): State<Feed>, headers: HeaderMap) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let had = headers
        .get("last-event-id")
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let start = had.map_or(0, |had| had.saturating_add(1));
    let stream = futures::stream::unfold((feed.follow(start), false), |(mut follower, has_ended)| async move {
        if has_ended {
            return None;
        }
        let (event, has_ended) = match follower.next().await {
            feed::Next::Line { number, text } => (
                Event::default().event("line").id(number.to_string()).data(&*text),
                false,
            ),
            feed::Next::Status(text) => (Event::default().event("status").data(&*text), false),
            feed::Next::End => (Event::default().event("end").data("end"), true),
        };
        Some((Ok(event), (follower, has_ended)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;
    use crate::terminal::Tone;

    async fn ask(page: &Page, path: &str) -> String {
        let address = page
            .url()
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap()
            .to_owned();
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn path(page: &Page) -> String {
        let rest = page.url().trim_start_matches("http://");
        rest[rest.find('/').unwrap()..].to_owned()
    }

    #[tokio::test]
    async fn only_who_knows_the_path_sees_the_page() {
        let page = Page::start().await.unwrap();
        assert!(page.url().starts_with("http://127.0.0.1:"));
        assert!(ask(&page, "/").await.starts_with("HTTP/1.1 404"));
        assert!(ask(&page, "/live").await.starts_with("HTTP/1.1 404"));
        let answer = ask(&page, &path(&page)).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains("content-security-policy: default-src 'none'"),
            "{answer}"
        );
        assert!(
            !answer.contains("https://") && !answer.contains("style="),
            "nothing from elsewhere, nothing inline"
        );
        page.stop().await;
    }

    #[tokio::test]
    async fn a_late_browser_gets_every_line_as_text() {
        let page = Page::start().await.unwrap();
        let feed = page.feed();
        feed.line(&Tone::Bad.line("<script>alert(1)</script>\u{1b}[31m"));
        feed.line(&Tone::Plain.line("second"));
        feed.end();
        let answer = ask(&page, &format!("{}live", path(&page))).await;
        let first = answer
            .find(r#""<script>alert(1)</script>""#)
            .expect("as a JSON string, set as text by the page");
        assert!(
            answer[first..].contains("second") && answer.contains("event: end"),
            "{answer}"
        );
        assert!(!answer.contains('\u{1b}'));
        page.stop().await;
    }
}
