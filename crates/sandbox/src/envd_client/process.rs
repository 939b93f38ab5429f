//! Processes: start once, feed, signal, wait, follow the journal, kill all.

use bytes::Bytes;
use codecourier_domain::time::Timestamp;
use codecourier_e2b::extension::{
    ExitReason, ExitRecord, InputExtension, KillAllResponse, ROUTE_EXIT, ROUTE_JOURNAL, ROUTE_KILL_ALL, StartExtension,
};
use codecourier_e2b::process::{
    ProcessConfig, ProcessEvent, ProcessInput, ProcessResponse, ProcessSelector, SERVICE, SelectRequest,
    SendInputRequest, SendSignalRequest, Signal as WireSignal, StartRequest,
};
use codecourier_e2b::{CONTENT_TYPE_STREAM, Code, ConnectError, Decoder, EndStream, encode_message};
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;

use super::transport::{EnvdClient, Failed, Users, in_time, percent_encoded, read_json, stream, whole};
use crate::{Exit, ExitStatus, JournalStream, ProcessSpec, Signal, Stdin};

/// The largest frame before the one that says that the process runs.
const LARGEST_FRAME: usize = 64 << 10;

impl EnvdClient {
    /// Starts a process, once by tag, journaled. Returns when it runs (or ran).
    pub(crate) async fn start(&self, process: ProcessSpec) -> Result<(), Failed> {
        let request = start_request(process, self.users);
        in_time(async {
            let body = whole(encode_message(&request));
            let response = self
                .send("POST", &method("Start"), Some(CONTENT_TYPE_STREAM), body)
                .await?;
            let mut chunks = stream(response.into_body());
            let mut decoder = Decoder::new(LARGEST_FRAME);
            while let Some(chunk) = chunks.next().await {
                decoder.push(&chunk?);
                while let Some(frame) = decoder
                    .next_frame()
                    .map_err(|error| Failed::Protocol(error.to_string()))?
                {
                    if frame.flags.is_end_stream() {
                        let end: EndStream = codecourier_e2b::parse(&frame.payload).map_err(refused)?;
                        return Err(end
                            .error
                            .map_or_else(|| Failed::Protocol("no start event".to_owned()), refused));
                    }
                    let message: ProcessResponse = codecourier_e2b::parse(&frame.payload).map_err(refused)?;
                    if let ProcessEvent::Start { .. } = message.event {
                        // What it writes is in its journal; nobody has to hold this stream.
                        return Ok(());
                    }
                }
            }
            Err(Failed::Protocol("the stream ended before the start event".to_owned()))
        })
        .await
    }

    /// Writes to standard input, once by id.
    pub(crate) async fn send_input(&self, tag: &str, input_id: &str, bytes: Bytes) -> Result<(), Failed> {
        let request = SendInputRequest {
            process: ProcessSelector::Tag(tag.to_owned()),
            input: ProcessInput::Stdin(bytes),
            codecourier: Some(InputExtension {
                input_id: input_id.to_owned(),
            }),
        };
        self.unary::<Value>(&method("SendInput"), &request).await.map(drop)
    }

    /// Closes standard input.
    pub(crate) async fn close_stdin(&self, tag: &str) -> Result<(), Failed> {
        let request = SelectRequest {
            process: ProcessSelector::Tag(tag.to_owned()),
        };
        self.unary::<Value>(&method("CloseStdin"), &request).await.map(drop)
    }

    /// Sends a signal.
    pub(crate) async fn signal(&self, tag: &str, signal: Signal) -> Result<(), Failed> {
        let signal = match signal {
            Signal::Terminate => WireSignal::Terminate,
            Signal::Kill => WireSignal::Kill,
        };
        let request = SendSignalRequest {
            process: ProcessSelector::Tag(tag.to_owned()),
            signal,
        };
        self.unary::<Value>(&method("SendSignal"), &request).await.map(drop)
    }

    /// The journal from `offset` on, to the end of the process.
    pub(crate) async fn journal(
        &self,
        tag: &str,
        which: JournalStream,
        offset: u64,
    ) -> Result<BoxStream<'static, Result<Bytes, Failed>>, Failed> {
        let (tag, which) = (percent_encoded(tag), which.as_str());
        let path = format!("{ROUTE_JOURNAL}?tag={tag}&stream={which}&offset={offset}");
        let response = in_time(self.send("GET", &path, None, whole(Bytes::new()))).await?;
        Ok(stream(response.into_body()))
    }

    /// Waits for the end of a process, however long that is.
    pub(crate) async fn wait(&self, tag: &str) -> Result<Exit, Failed> {
        let path = format!("{ROUTE_EXIT}?tag={}", percent_encoded(tag));
        let response = self.send("GET", &path, None, whole(Bytes::new())).await?;
        let record: ExitRecord = read_json(response).await?;
        let status = match (record.reason, record.signal) {
            (ExitReason::Oom, _) => ExitStatus::OutOfMemory,
            (ExitReason::JournalLimit, _) => ExitStatus::JournalLimit,
            (ExitReason::JournalError, _) => ExitStatus::JournalError,
            // We give no time with a start; the sandbox's own time is kept by its shim.
            (ExitReason::Timeout, _) => ExitStatus::Signalled(9),
            (ExitReason::Signal, Some(signal)) => ExitStatus::Signalled(signal),
            (ExitReason::Signal, None) | (ExitReason::Exited, _) => ExitStatus::Exited(record.exit_code),
        };
        Ok(Exit {
            status,
            started_at: Some(Timestamp(record.started_at_ms)),
            ended_at: Some(Timestamp(record.ended_at_ms)),
        })
    }

    /// Kills everything but pid 1.
    pub(crate) async fn kill_all(&self) -> Result<KillAllResponse, Failed> {
        in_time(async {
            let response = self.send("POST", ROUTE_KILL_ALL, None, whole(Bytes::new())).await?;
            read_json(response).await
        })
        .await
    }
}

fn start_request(process: ProcessSpec, users: Users) -> StartRequest {
    let (stdin, input) = match process.stdin {
        Stdin::Null => (false, Bytes::new()),
        Stdin::Open { initial } => (true, initial),
    };
    StartRequest {
        process: ProcessConfig {
            cmd: process.command,
            args: process.args,
            envs: process.env.into_iter().collect(),
            cwd: process.cwd,
        },
        pty: None,
        tag: Some(process.tag),
        stdin: Some(stdin),
        codecourier: Some(StartExtension {
            once: true,
            journal: true,
            input,
            user: users.name(process.user).map(str::to_owned),
            journal_limit: process.journal_limit,
            // A daemon that the process left behind must not keep it from having ended.
            drain_grace_ms: Some(1_000),
        }),
    }
}

fn method(name: &str) -> String {
    format!("{SERVICE}{name}")
}

fn refused(error: ConnectError) -> Failed {
    Failed::Refused {
        status: if error.code == Code::Unknown {
            500
        } else {
            error.code.http_status()
        },
        error,
    }
}
