//! The client of a server's API: what every verb that talks to a server uses.
//!
//! Invariants: every request that changes something carries an idempotency key, so that sending it again is harmless; a
//! credential goes to the server it belongs to and nowhere else, since no redirect is followed; whatever a server or
//! something in its place answers becomes a [`Problem`] that says what to do.

pub(crate) mod credentials;
mod failure;
pub(crate) mod place;
mod renewal;
pub(crate) mod sse;

use std::time::Duration;

use codecourier_wire::envelope::{Data, List};
use codecourier_wire::error::ErrorBody;
use reqwest::{Method, RequestBuilder, Response, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::value::{Secret, Value as _, WebUrl};
use crate::problem::Problem;

/// How long reaching a server may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWERING: Duration = Duration::from_secs(60);
/// The most bytes of an answer that is read whole.
const LONGEST_ANSWER: usize = 128 << 20;
/// Pages that are read at most for one list: a bound for a server that never ends one.
const MOST_PAGES: usize = 10_000;

/// A server, and who asks it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    credential: Option<Secret>,
    /// Where the credential came from, if it is to be looked at again.
    kept: Option<renewal::Kept>,
}

impl Client {
    /// A client of the server at a URL.
    pub(crate) fn new(url: &str, credential: Option<Secret>) -> Result<Self, Problem> {
        let url = WebUrl::parse(url.trim())
            .ok_or_else(|| Problem::usage(format!("`{url}` is no address of a server. It is {}.", WebUrl::FORM)))?;
        let url = url.as_str().trim_end_matches("/api/v1").to_owned();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("codecourier/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECTING)
            .read_timeout(ANSWERING)
            .redirect(reqwest::redirect::Policy::none());
        if is_on_this_machine(&url) {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| Problem::internal("Setting up the client", &error))?;
        Ok(Self {
            http,
            url,
            credential,
            kept: None,
        })
    }

    /// The same, with the credential that is kept for the server, as it is then.
    fn with_kept(self, kept: Option<renewal::Kept>) -> Self {
        Self { kept, ..self }
    }

    /// The server's address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Reads one thing. The path begins after `/api/v1`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        let response = self.send(self.request(Method::GET, path)).await?;
        Ok(self.read::<Data<T>>(response).await?.data)
    }

    /// Reads an answer that has a shape of its own around it.
    pub(crate) async fn whole<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T, Problem> {
        let response = self.send(self.request(Method::GET, path).query(query)).await?;
        self.read(response).await
    }

    /// Reads a list, page by page, up to that many rows.
    pub(crate) async fn list<T: DeserializeOwned>(&self, path: &str, most: usize) -> Result<Vec<T>, Problem> {
        self.list_of(path, &[], most).await
    }

    /// Reads what a filter leaves of a list, page by page, up to that many rows.
    pub(crate) async fn list_of<T: DeserializeOwned>(
        &self,
        path: &str,
        filter: &[(&str, String)],
        most: usize,
    ) -> Result<Vec<T>, Problem> {
        let mut all: Vec<T> = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let limit = most.saturating_sub(all.len()).clamp(1, 100);
            let mut query = filter.to_vec();
            query.push(("limit", limit.to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let page: List<T> = self.whole(path, &query).await?;
            all.extend(page.data);
            cursor = page.next_cursor;
            if cursor.is_none() || all.len() >= most {
                break;
            }
        }
        all.truncate(most);
        Ok(all)
    }

    /// Reads something that is not JSON.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Vec<u8>, Problem> {
        self.bytes_of(path, &[]).await
    }

    /// Reads something that is not JSON, as a query asks for it.
    pub(crate) async fn bytes_of(&self, path: &str, query: &[(&str, String)]) -> Result<Vec<u8>, Problem> {
        let request = self.request(Method::GET, path).header(header::ACCEPT, "*/*");
        let response = self.send(request.query(query)).await?;
        self.body(response).await
    }

    /// Reads an editable document, with the revision to change it from.
    pub(crate) async fn get_revised<T: DeserializeOwned>(&self, path: &str) -> Result<(T, String), Problem> {
        let response = self.send(self.request(Method::GET, path)).await?;
        let revision = response.headers().get(header::ETAG);
        let revision = revision
            .and_then(|tag| tag.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        Ok((self.read::<Data<T>>(response).await?.data, revision))
    }

    /// Changes an editable document, unless it has another revision by now.
    pub(crate) async fn patch_revised<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        revision: &str,
    ) -> Result<T, Problem> {
        let request = self.request(Method::PATCH, path).header(header::IF_MATCH, revision);
        let response = self.send(request.json(body)).await?;
        Ok(self.read::<Data<T>>(response).await?.data)
    }

    /// Changes something.
    pub(crate) async fn patch<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Problem> {
        let response = self.send(self.request(Method::PATCH, path).json(body)).await?;
        Ok(self.read::<Data<T>>(response).await?.data)
    }

    /// Puts something in its place.
    pub(crate) async fn put<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Problem> {
        let response = self.send(self.request(Method::PUT, path).json(body)).await?;
        Ok(self.read::<Data<T>>(response).await?.data)
    }

    /// Asks for something to be done, and reads what came of it.
    pub(crate) async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, Problem> {
        let response = self.send(self.posting(path)?.json(body)).await?;
        Ok(self.read::<Data<T>>(response).await?.data)
    }

    /// Sends bytes that are no JSON, and reads what they are called.
    pub(crate) async fn post_bytes<T: DeserializeOwned>(&self, path: &str, bytes: Vec<u8>) -> Result<T, Problem> {
        let request = self
            .posting(path)?
            .header(header::CONTENT_TYPE, "application/octet-stream");
        let response = self.send(request.body(bytes)).await?;
        Ok(self.read::<Data<T>>(response).await?.data)
    }

    /// Asks for something to be done whose answer has nothing to read.
    pub(crate) async fn post_plain<B: Serialize + Sync>(&self, path: &str, body: &B) -> Result<(), Problem> {
        self.send(self.posting(path)?.json(body)).await.map(drop)
    }

    /// Deletes something.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Problem> {
        self.delete_of(path, &[]).await
    }

    /// Deletes something, as a query confirms it.
    pub(crate) async fn delete_of(&self, path: &str, query: &[(&str, String)]) -> Result<(), Problem> {
        self.send(self.request(Method::DELETE, path).query(query))
            .await
            .map(drop)
    }

    /// Opens a stream of events: those after a number, or what there is now and then what follows.
    pub(crate) async fn stream(&self, path: &str, after: Option<u64>) -> Result<sse::Events, Problem> {
        let mut request = self
            .request(Method::GET, path)
            .header(header::ACCEPT, "text/event-stream");
        if let Some(after) = after {
            request = request.header("Last-Event-ID", after);
        }
        Ok(sse::Events::of(self.send(request).await?, self.clone()))
    }

    fn posting(&self, path: &str) -> Result<RequestBuilder, Problem> {
        let key = hex::encode(rand::random::<[u8; 16]>());
        Ok(self.request(Method::POST, path).header("Idempotency-Key", key))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}/api/v1{path}", self.url))
            .header(header::ACCEPT, "application/json");
        let present = self.kept.as_ref().and_then(|kept| kept.token(&self.url));
        match present.as_ref().or(self.credential.as_ref()) {
            Some(credential) => request.bearer_auth(credential.expose()),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, Problem> {
        let response = self.send_once(request).await?;
        if let Some(kept) = &self.kept {
            kept.renew(self).await;
        }
        Ok(response)
    }

    async fn send_once(&self, request: RequestBuilder) -> Result<Response, Problem> {
        let response = request
            .send()
            .await
            .map_err(|error| failure::unreachable(&self.url, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        if status.is_redirection() {
            let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
            return Err(failure::redirected(&self.url, to));
        }
        let body = self.body(response).await?;
        match serde_json::from_slice::<ErrorBody>(&body) {
            Ok(ErrorBody { error }) => Err(failure::refused(&self.url, error, status == StatusCode::UNAUTHORIZED)),
            Err(_) => Err(failure::foreign(&self.url, status)),
        }
    }

    async fn read<T: DeserializeOwned>(&self, response: Response) -> Result<T, Problem> {
        let status = response.status();
        let body = self.body(response).await?;
        match serde_json::from_slice(&body) {
            Ok(read) => Ok(read),
            Err(_) if serde_json::from_slice::<serde_json::Value>(&body).is_err() => {
                Err(failure::foreign(&self.url, status))
            }
            Err(error) => {
                tracing::debug!("the answer cannot be read: {error}");
                Err(failure::another_version(&self.url, self.version().await.as_deref()))
            }
        }
    }

    /// The server's version, if it says one.
    pub(super) async fn version(&self) -> Option<String> {
        let response = self.request(Method::GET, "/server").send().await.ok()?;
        let body = self.body(response).await.ok()?;
        let server: serde_json::Value = serde_json::from_slice(&body).ok()?;
        server.pointer("/data/version")?.as_str().map(str::to_owned)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Problem> {
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| failure::unreachable(&self.url, &error))?
        {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(failure::foreign(&self.url, response.status()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Whether a URL is of this machine: no proxy is on the way there.
fn is_on_this_machine(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.starts_with("127.") || authority.starts_with("localhost") || authority.starts_with("[::1]")
}
