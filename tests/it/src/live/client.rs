//! A client of the live socket that says what it is told to and hears what it hears.

use std::net::SocketAddr;

use codecourier_wire::live::{LiveDelta, ServerMessage};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, http};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// A connection.
pub struct Client {
    socket: WebSocketStream<TcpStream>,
}

/// What a client hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A message.
    Message(Box<ServerMessage>),
    /// The end, with its code and its word.
    Closed(u16, String),
    /// The end, without a word.
    Gone,
}

/// A refusal, or a connection that did not come to be.
#[derive(Debug)]
pub enum NoConnection {
    /// The server answered something else.
    Refused(http::StatusCode),
    /// There was no answer.
    Failed,
}

impl Client {
    /// Connects with a token in the header, and hears the first message.
    pub async fn connect(address: SocketAddr, token: &str) -> Result<Self, NoConnection> {
        let mut client = Self::connect_with(address, &[("authorization", &format!("Bearer {token}"))]).await?;
        match client.hear().await {
            Heard::Message(message)
                if matches!(
                    *message,
                    ServerMessage::Hello {
                        authenticated: true,
                        ..
                    }
                ) =>
            {
                Ok(client)
            }
            _ => Err(NoConnection::Failed),
        }
    }

    /// Connects with headers, and hears nothing yet.
    pub async fn connect_with(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, NoConnection> {
        let mut request = format!("ws://{address}/api/v1/live")
            .into_client_request()
            .map_err(|_| NoConnection::Failed)?;
        for (name, value) in headers {
            let value = http::HeaderValue::from_str(value).map_err(|_| NoConnection::Failed)?;
            request.headers_mut().insert(*name, value);
        }
        let stream = TcpStream::connect(address).await.map_err(|_| NoConnection::Failed)?;
        let _ = stream.set_nodelay(true);
        let config = WebSocketConfig::default()
            .read_buffer_size(8 * 1024)
            .write_buffer_size(1024);
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(tungstenite::Error::Http(response)) => Err(NoConnection::Refused(response.status())),
            Err(_) => Err(NoConnection::Failed),
        }
    }

    /// Says something.
    pub async fn say(&mut self, message: Value) {
        // Whoever is not there any more is noticed when listening.
        let _ = self.socket.send(Message::text(message.to_string())).await;
    }

    /// Sends a message of the protocol.
    pub async fn send(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    /// Follows a project.
    pub async fn follow(&mut self, id: &str, project: &str, after: Option<u64>) {
        let mut message =
            json!({"type": "subscribe", "id": id, "query": "project.changes", "args": {"project": project}});
        if let Some(after) = after {
            message["after"] = after.into();
        }
        self.say(message).await;
    }

    /// The text that comes next, not looked into; `None` at the end.
    pub async fn raw(&mut self) -> Option<tungstenite::Utf8Bytes> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return Some(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                _ => return None,
            }
        }
    }

    /// What comes next.
    ///
    /// # Panics
    /// When it is none of the documented messages.
    pub async fn hear(&mut self) -> Heard {
        loop {
            return match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let message = serde_json::from_str(&text);
                    Heard::Message(Box::new(message.unwrap_or_else(|error| panic!("{error} in {text}"))))
                }
                Some(Ok(Message::Close(Some(frame)))) => Heard::Closed(frame.code.into(), frame.reason.to_string()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                _ => Heard::Gone,
            };
        }
    }

    /// The message that comes next.
    ///
    /// # Panics
    /// When it is the end.
    pub async fn message(&mut self) -> ServerMessage {
        match self.hear().await {
            Heard::Message(message) => *message,
            end => panic!("{end:?}"),
        }
    }

    /// The number of the snapshot that comes next.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn snapshot(&mut self) -> u64 {
        match self.message().await {
            ServerMessage::Snapshot { seq, .. } => seq,
            other => panic!("{other:?}"),
        }
    }

    /// The delta that comes next.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn delta(&mut self) -> LiveDelta {
        match self.message().await {
            ServerMessage::Delta { delta, .. } => delta,
            other => panic!("{other:?}"),
        }
    }

    /// The code of the error that comes next.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn error(&mut self) -> String {
        match self.message().await {
            ServerMessage::Error { code, .. } => code,
            other => panic!("{other:?}"),
        }
    }

    /// The stream below, for bytes that are no protocol.
    #[must_use]
    pub fn into_stream(self) -> TcpStream {
        self.socket.into_inner()
    }
}
