//! The event streams of `Start` and `Connect`: start, output, keepalives while silent, end.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use codecourier_e2b::process::{ProcessEvent, ProcessResponse};
use codecourier_e2b::{Code, ConnectError, encode_end, encode_message};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::super::server::{Body, BodySender};
use super::super::tasks;
use super::Process;
use super::supervise::wait_until;

/// Whose stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The caller of the `Start` that made the process: if its time runs out, that is what the stream says.
    Starter,
    /// Somebody who attached; only the stream ends when its own time is over.
    Listener {
        /// That time.
        timeout: Option<Duration>,
    },
}

/// Attaches to a process from now on.
pub(crate) fn attach(process: Rc<Process>, role: Role, keepalive: Duration) -> Body {
    let (sender, body) = Body::channel();
    // Listening begins here, before anything else can run: the starter misses nothing.
    let output = process.output.listen();
    tasks::spawn(async move {
        let deadline = match role {
            Role::Starter => None,
            Role::Listener { timeout } => timeout.map(|timeout| Instant::now() + timeout),
        };
        let mut end = std::pin::pin!(wait_until(deadline));
        tokio::select! {
            // Sent in order, or not at all once the client is gone.
            _ = narrate(&process, role, keepalive, output, &sender) => {}
            () = &mut end => {
                let late = ConnectError::new(Code::DeadlineExceeded, "the time given for this call is over");
                let _ = sender.send(encode_end(Some(late))).await;
            }
        }
    });
    body
}

/// The client left.
struct Gone;

async fn narrate(
    process: &Process,
    role: Role,
    keepalive: Duration,
    mut output: mpsc::Receiver<codecourier_e2b::process::ProcessOutput>,
    client: &BodySender,
) -> Result<(), Gone> {
    say(client, ProcessEvent::Start { pid: process.pid }).await?;
    let mut end = process.end.subscribe();
    let mut listening = true;
    loop {
        let event = tokio::select! {
            biased;
            () = client.closed() => return Err(Gone),
            chunk = output.recv(), if listening => match chunk {
                Some(chunk) => ProcessEvent::Data(chunk),
                None => {
                    listening = false;
                    continue;
                }
            },
            // Only when all output was told: whoever ends a process closes its output first.
            ended = end.wait_for(Option::is_some), if !listening => {
                let Some(ended) = ended.ok().and_then(|ended| ended.clone()) else { return Ok(()) };
                let last = if role == Role::Starter && ended.timed_out {
                    let late = ConnectError::new(Code::DeadlineExceeded, "the time given for this process is over");
                    encode_end(Some(late))
                } else {
                    say(client, ProcessEvent::End(ended.event())).await?;
                    encode_end(None)
                };
                return client.send(last).await.map_err(|_| Gone);
            }
            () = tokio::time::sleep(keepalive) => ProcessEvent::Keepalive,
        };
        say(client, event).await?;
    }
}

async fn say(client: &BodySender, event: ProcessEvent) -> Result<(), Gone> {
    let frame: Bytes = encode_message(&ProcessResponse { event });
    client.send(frame).await.map_err(|_| Gone)
}
