//! A small client: one connection per call, frames one by one.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use codecourier_e2b::process::{ProcessEnd, ProcessEvent, ProcessOutput, ProcessResponse};
use codecourier_e2b::{Decoder, EndStream, Flags, encode, parse};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::task::JoinSet;

use crate::daemon::Daemon;

/// Longer than anything here takes; a test that hangs fails instead.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub(crate) struct Client {
    socket: PathBuf,
    headers: Vec<(String, String)>,
}

/// An answer whose body is still coming.
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    _connection: JoinSet<()>,
}

impl Client {
    pub(crate) fn new(daemon: &Daemon) -> Self {
        Self {
            socket: daemon.socket(),
            headers: Vec::new(),
        }
    }

    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut this = self.clone();
        this.headers.push((name.to_owned(), value.to_owned()));
        this
    }

    pub(crate) async fn send<Body>(&self, method: Method, path: &str, body: Body) -> Answer
    where
        Body: http_body::Body<Data = Bytes> + Send + 'static,
        Body::Error: std::error::Error + Send + Sync,
    {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let _ = connection.await;
        });
        let mut request = Request::builder().method(method).uri(path).header("host", "sandbox");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let sent = sender.send_request(request.body(body).unwrap());
        let response = tokio::time::timeout(PATIENCE, sent)
            .await
            .expect("no answer in time")
            .unwrap();
        Answer {
            response,
            _connection: tasks,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, HeaderMap, Bytes) {
        self.send(Method::GET, path, Full::new(Bytes::new()))
            .await
            .whole()
            .await
    }

    pub(crate) async fn post(&self, path: &str, content_type: &str, body: impl Into<Bytes>) -> (StatusCode, Bytes) {
        let client = self.with("content-type", content_type);
        let (status, _, body) = client
            .send(Method::POST, path, Full::new(body.into()))
            .await
            .whole()
            .await;
        (status, body)
    }

    /// A unary call: the message, or status and error.
    pub(crate) async fn call(&self, method: &str, message: Value) -> Result<Value, (u16, Value)> {
        let (status, body) = self
            .post(&format!("/{method}"), "application/json", message.to_string())
            .await;
        let value: Value = serde_json::from_slice(&body).unwrap();
        if status == StatusCode::OK {
            Ok(value)
        } else {
            Err((status.as_u16(), value))
        }
    }

    /// The code of a unary call that fails.
    pub(crate) async fn refusal(&self, method: &str, message: Value) -> String {
        let (_, error) = self.call(method, message).await.unwrap_err();
        error["code"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn stream(&self, method: &str, message: Value) -> Events {
        let client = self.with("content-type", "application/connect+json");
        let frame = encode(Flags::MESSAGE, message.to_string().as_bytes());
        let answer = client
            .send(Method::POST, &format!("/process.Process/{method}"), Full::new(frame))
            .await;
        assert_eq!(answer.response.status(), StatusCode::OK);
        assert_eq!(answer.response.headers()["content-type"], "application/connect+json");
        Events {
            answer,
            decoder: Decoder::new(1 << 20),
        }
    }

    pub(crate) async fn start(&self, message: Value) -> Events {
        self.stream("Start", message).await
    }

    /// `sh -c script`, with the other fields of the request.
    pub(crate) async fn shell(&self, script: &str, fields: Value) -> Events {
        let mut message = json!({"process": {"cmd": "/bin/sh", "args": ["-c", script]}, "stdin": false});
        for (name, value) in fields.as_object().unwrap() {
            message[name] = value.clone();
        }
        self.start(message).await
    }

    /// Starts a journaled process, once, and forgets its stream.
    pub(crate) async fn journaled(&self, tag: &str, script: &str) -> u32 {
        let fields = json!({"tag": tag, "codecourier": {"once": true, "journal": true}});
        self.shell(script, fields).await.started().await
    }

    pub(crate) async fn exit(&self, tag: &str) -> Value {
        let (status, _, body) = self.get(&format!("/processes/exit?tag={tag}")).await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_slice(&body).unwrap()
    }

    /// A journal from an offset to its end.
    pub(crate) async fn journal(&self, tag: &str, stream: &str, offset: usize) -> Bytes {
        let (status, _, body) = self
            .get(&format!("/journal?tag={tag}&stream={stream}&offset={offset}"))
            .await;
        assert_eq!(status, StatusCode::OK);
        body
    }
}

impl Answer {
    pub(crate) async fn whole(self) -> (StatusCode, HeaderMap, Bytes) {
        let Self { response, _connection } = self;
        let (head, body) = response.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect())
            .await
            .expect("the body did not end")
            .unwrap();
        (head.status, head.headers, body.to_bytes())
    }

    /// The next bytes; `None` at the end of the body.
    pub(crate) async fn chunk(&mut self) -> Option<Bytes> {
        let frame = tokio::time::timeout(PATIENCE, self.response.body_mut().frame())
            .await
            .expect("no bytes in time");
        frame.map(|frame| frame.unwrap().into_data().unwrap())
    }
}

/// A stream of process events.
pub(crate) struct Events {
    answer: Answer,
    decoder: Decoder,
}

/// What a process did until its stream ended.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) pid: u32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) pty: Vec<u8>,
    pub(crate) end: Option<ProcessEnd>,
    pub(crate) error: Option<String>,
    pub(crate) keepalives: usize,
}

impl Events {
    /// The next event, or the end of the stream with its error code.
    pub(crate) async fn next(&mut self) -> Result<ProcessEvent, Option<String>> {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                if frame.flags.is_end_stream() {
                    let end: EndStream = parse(&frame.payload).unwrap();
                    return Err(end.error.map(|error| error.code.to_string()));
                }
                return Ok(parse::<ProcessResponse>(&frame.payload).unwrap().event);
            }
            let chunk = self.answer.chunk().await.expect("the stream broke off");
            self.decoder.push(&chunk);
        }
    }

    /// The pid, from the first event.
    pub(crate) async fn started(&mut self) -> u32 {
        match self.next().await {
            Ok(ProcessEvent::Start { pid }) => pid,
            other => panic!("the first event is {other:?}"),
        }
    }

    /// Everything until the end.
    pub(crate) async fn outcome(mut self) -> Outcome {
        let mut outcome = Outcome::default();
        loop {
            match self.next().await {
                Ok(ProcessEvent::Start { pid }) => outcome.pid = pid,
                Ok(ProcessEvent::Data(ProcessOutput::Stdout(bytes))) => outcome.stdout.extend_from_slice(&bytes),
                Ok(ProcessEvent::Data(ProcessOutput::Stderr(bytes))) => outcome.stderr.extend_from_slice(&bytes),
                Ok(ProcessEvent::Data(ProcessOutput::Pty(bytes))) => outcome.pty.extend_from_slice(&bytes),
                Ok(ProcessEvent::End(end)) => outcome.end = Some(end),
                Ok(ProcessEvent::Keepalive) => outcome.keepalives += 1,
                Ok(ProcessEvent::Unrecognised) => panic!("an event of the future"),
                Err(error) => {
                    outcome.error = error;
                    return outcome;
                }
            }
        }
    }

    /// Waits until the output contains the text.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            let event = self.next().await.expect("the stream ended");
            if let ProcessEvent::Data(
                ProcessOutput::Stdout(bytes) | ProcessOutput::Pty(bytes) | ProcessOutput::Stderr(bytes),
            ) = event
            {
                seen.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        seen
    }
}
