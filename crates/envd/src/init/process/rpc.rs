//! The methods of `process.Process`.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use codecourier_e2b::process::{
    Empty, ListResponse, ProcessInput, SelectRequest, SendInputRequest, SendSignalRequest, StartRequest, UpdateRequest,
};
use codecourier_e2b::{Code, ConnectError, parse};
use rustix::io::Errno;
use serde::Serialize;

use super::super::Server;
use super::super::server::Body;
use super::start::{Started, start};
use super::stdin::InputRefused;
use super::stream::{Role, attach};
use super::{Process, kill};

/// What the headers of a call say.
#[derive(Debug, Clone)]
pub(crate) struct CallOptions {
    /// From `Authorization`.
    pub(crate) user: Option<String>,
    /// From `Connect-Timeout-Ms`.
    pub(crate) timeout: Option<Duration>,
    /// From `Keepalive-Ping-Interval`.
    pub(crate) keepalive: Duration,
}

/// A call that is answered with a stream.
pub(crate) fn call_stream(
    server: &Rc<Server>,
    method: &str,
    message: &[u8],
    options: &CallOptions,
) -> Result<Body, ConnectError> {
    let listener = Role::Listener {
        timeout: options.timeout,
    };
    match method {
        "Start" => {
            let request: StartRequest = parse(message)?;
            let (process, role) = match start(server, request, options.user.as_deref(), options.timeout)? {
                Started::New(process) => (process, Role::Starter),
                Started::Before(process) => (process, listener),
            };
            Ok(attach(process, role, options.keepalive))
        }
        "Connect" => {
            let request: SelectRequest = parse(message)?;
            let process = server.processes.find(&request.process)?;
            Ok(attach(process, listener, options.keepalive))
        }
        _ => Err(ConnectError::new(
            Code::Unimplemented,
            format!("no streaming method {method}"),
        )),
    }
}

/// A call that is answered with one message.
pub(crate) async fn call_unary(server: &Rc<Server>, method: &str, message: &[u8]) -> Result<Bytes, ConnectError> {
    match method {
        "List" => json(&ListResponse {
            processes: server.processes.list(),
        }),
        "SendInput" => {
            send_input(server, parse(message)?).await?;
            json(&Empty {})
        }
        "SendSignal" => {
            let request: SendSignalRequest = parse(message)?;
            let process = server.processes.find_living(&request.process)?;
            send_signal(&process, request.signal.number())?;
            json(&Empty {})
        }
        "CloseStdin" => {
            let request: SelectRequest = parse(message)?;
            let process = server.processes.find_living(&request.process)?;
            if process.terminal.is_some() {
                return Err(ConnectError::new(
                    Code::FailedPrecondition,
                    "a terminal's input cannot be closed",
                ));
            }
            process.input.close();
            json(&Empty {})
        }
        "Update" => {
            let request: UpdateRequest = parse(message)?;
            let process = server.processes.find_living(&request.process)?;
            if let Some(size) = request.pty.and_then(|pty| pty.size) {
                let terminal = process.terminal.as_ref().ok_or_else(no_terminal)?;
                terminal
                    .resize(size)
                    .map_err(|error| ConnectError::new(Code::Internal, error.to_string()))?;
            }
            json(&Empty {})
        }
        _ => Err(ConnectError::new(
            Code::Unimplemented,
            format!("no unary method {method}"),
        )),
    }
}

fn json<Message: Serialize>(message: &Message) -> Result<Bytes, ConnectError> {
    let text = serde_json::to_vec(message).map_err(|error| ConnectError::new(Code::Internal, error.to_string()))?;
    Ok(text.into())
}

fn send_signal(process: &Process, number: i32) -> Result<(), ConnectError> {
    match kill::send_signal(process, number) {
        Ok(()) => Ok(()),
        Err(Errno::INVAL) => Err(ConnectError::new(
            Code::InvalidArgument,
            format!("invalid signal {number}"),
        )),
        // Its exit is being told just now; a kill has what it wanted.
        Err(Errno::SRCH) if number == libc::SIGKILL => Ok(()),
        Err(Errno::SRCH) => Err(ConnectError::new(
            Code::NotFound,
            format!("process with pid {} not found", process.pid),
        )),
        Err(error) => Err(ConnectError::new(Code::Internal, error.to_string())),
    }
}

async fn send_input(server: &Server, request: SendInputRequest) -> Result<(), ConnectError> {
    let process = server.processes.find_living(&request.process)?;
    let bytes = match (request.input, &process.terminal) {
        (ProcessInput::Stdin(bytes), None) | (ProcessInput::Pty(bytes), Some(_)) => bytes,
        (ProcessInput::Stdin(_), Some(_)) => {
            return Err(ConnectError::new(
                Code::FailedPrecondition,
                "this process has a terminal, not a standard input",
            ));
        }
        (ProcessInput::Pty(_), None) => return Err(no_terminal()),
    };
    let id = request
        .codecourier
        .map(|extension| extension.input_id)
        .filter(|id| !id.is_empty());
    let waiter = match id {
        Some(id) => process.input.send_once(&id, bytes),
        None => process.input.send(bytes).map(Some),
    };
    let waiter = waiter.map_err(|refused| match refused {
        InputRefused::Closed => stdin_closed(),
        InputRefused::TooMuchPending => ConnectError::new(
            Code::ResourceExhausted,
            "the process does not read its input and too much is waiting",
        ),
    })?;
    match waiter {
        Some(waiter) => waiter.await.map_err(|_| stdin_closed()),
        // Seen before: written, or first in line to be.
        None => Ok(()),
    }
}

fn no_terminal() -> ConnectError {
    ConnectError::new(Code::FailedPrecondition, "this process has no terminal")
}

fn stdin_closed() -> ConnectError {
    ConnectError::new(Code::Internal, "error writing to stdin: it is closed")
}
