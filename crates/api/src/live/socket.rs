//! One socket, from its beginning to its end.
//!
//! Invariants: nothing is taken from the engine before the client has taken what came before, so a slow client costs
//! its place and no memory; whatever is sent is asked for once more right before (see [`Watch::may_tell`]); the socket
//! ends with a reason: a close code and a word.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use codecourier_engine::access::Credential;
use codecourier_engine::live::{Frame, Live, SUBSCRIPTIONS, Told, Watch};
use codecourier_engine::{Error, ErrorCode};
use codecourier_wire::live::{ClientMessage, ServerMessage};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep_until, timeout};

use super::asked::asked;
use super::limits::{self, Pace};
use super::text::{self, Addressed};

/// How a socket begins.
pub(super) enum Arrival {
    /// The request said who it is.
    Known(Box<Watch>),
    /// The first message will.
    Unknown(OwnedSemaphorePermit),
}

/// How a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client left, or its connection is gone.
    Gone,
    /// The server stops; the client comes back and goes on.
    Restart,
    /// The client is not who it was, or never said who it is.
    Auth(ErrorCode),
    /// The client does not take what it is sent.
    Slow,
    /// The client has said nothing for long.
    Silent,
    /// The client sends too much.
    Flood,
    /// The client sends what is no message.
    Nonsense,
    /// The client sends something else than text.
    Binary,
    /// The client's bytes are no protocol: invalid text, a message that is too long.
    Broken(u16),
}

/// The close codes of ours, in the range that RFC 6455 leaves to applications.
mod close_code {
    pub(super) const UNSUPPORTED: u16 = 1003;
    pub(super) const INVALID: u16 = 1007;
    pub(super) const POLICY: u16 = 1008;
    pub(super) const TOO_LARGE: u16 = 1009;
    pub(super) const RESTART: u16 = 1012;
    pub(super) const AUTH: u16 = 4401;
    pub(super) const SILENT: u16 = 4408;
    pub(super) const SLOW: u16 = 4413;
    pub(super) const FLOOD: u16 = 4429;
}

struct Connection {
    live: Live,
    sink: SplitSink<WebSocket, Message>,
    stream: SplitStream<WebSocket>,
    pace: Pace,
    nonsense: u32,
    heard_at: Instant,
    addressed: HashMap<Arc<str>, Addressed>,
}

/// Serves a socket until it ends.
pub(super) async fn serve(socket: WebSocket, live: Live, arrival: Arrival) {
    let (sink, stream) = socket.split();
    let mut connection = Connection {
        live,
        sink,
        stream,
        pace: Pace::new(),
        nonsense: 0,
        heard_at: Instant::now(),
        addressed: HashMap::new(),
    };
    let end = match connection.converse(arrival).await {
        Ok(never) => match never {},
        Err(end) => end,
    };
    tracing::debug!(?end, "a live socket ended");
    metrics::counter!("codecourier_live_sockets_ended_total", "reason" => end.reason()).increment(1);
    connection.close(end).await;
}

enum Never {}

impl Connection {
    async fn converse(&mut self, arrival: Arrival) -> Result<Never, End> {
        let authenticated = matches!(arrival, Arrival::Known(_));
        self.say(&ServerMessage::Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            authenticated,
            max_subscriptions: SUBSCRIPTIONS,
            max_message_bytes: limits::MESSAGE,
        })
        .await?;
        let mut watch = match arrival {
            Arrival::Known(watch) => watch,
            Arrival::Unknown(place) => {
                let introduced = timeout(limits::INTRODUCTION, Box::pin(self.introduction())).await;
                let watch = introduced.unwrap_or(Err(End::Auth(ErrorCode::AuthMissing)))?;
                drop(place);
                watch
            }
        };
        // Kept from one round to the next: to set it anew for each message costs a lock that all sockets share.
        let ping = sleep_until(Instant::now() + limits::PING);
        tokio::pin!(ping);
        loop {
            tokio::select! {
                message = self.stream.next() => {
                    if let Some(message) = self.hear(message)? {
                        // In a box, since it is large and every idle socket keeps this future.
                        Box::pin(self.obey(&mut watch, message)).await?;
                    }
                }
                told = watch.next() => self.tell(&mut watch, told).await?,
                () = &mut ping => {
                    if self.heard_at.elapsed() > limits::SILENCE {
                        return Err(End::Silent);
                    }
                    if self.heard_at.elapsed() >= limits::PING {
                        self.send(Message::Ping(Default::default())).await?;
                        self.flush().await?;
                    }
                    ping.as_mut().reset(Instant::now() + limits::PING);
                }
            }
        }
    }

    /// Waits for the message that says who the client is.
    async fn introduction(&mut self) -> Result<Box<Watch>, End> {
        let live = self.live.clone();
        loop {
            let message = tokio::select! {
                message = self.stream.next() => message,
                () = live.closing() => return Err(End::Restart),
            };
            match self.hear(message)? {
                None => {}
                Some(Heard::Message(ClientMessage::Authenticate { token })) => {
                    let watch = match Credential::from_bearer(&token) {
                        Ok(credential) => live.watch(credential).await,
                        Err(error) => Err(error),
                    };
                    match watch {
                        Ok(watch) => return Ok(Box::new(watch)),
                        Err(error) => {
                            self.refuse(None, &error).await?;
                            return Err(End::Auth(error.code));
                        }
                    }
                }
                Some(_) => {
                    let error = Error::new(ErrorCode::AuthMissing, "Say who you are first: send `authenticate`.");
                    self.refuse(None, &error).await?;
                    return Err(End::Auth(error.code));
                }
            }
        }
    }

    /// Reads what a client sent. `None` for what needs no answer.
    fn hear(&mut self, message: Option<Result<Message, axum::Error>>) -> Result<Option<Heard>, End> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(broken(error)),
            None => return Err(End::Gone),
        };
        self.heard_at = Instant::now();
        if !self.pace.allows_one() {
            return Err(End::Flood);
        }
        match message {
            Message::Text(text) => Ok(Some(match serde_json::from_str(&text) {
                Ok(message) => {
                    self.nonsense = 0;
                    Heard::Message(message)
                }
                Err(error) => {
                    self.nonsense += 1;
                    if self.nonsense > limits::NONSENSE {
                        return Err(End::Nonsense);
                    }
                    Heard::Nonsense(error.to_string())
                }
            })),
            Message::Binary(_) => Err(End::Binary),
            // The protocol answers pings by itself.
            Message::Ping(_) | Message::Pong(_) => Ok(None),
            Message::Close(_) => Err(End::Gone),
        }
    }

    /// Does what a client asked for.
    async fn obey(&mut self, watch: &mut Watch, heard: Heard) -> Result<(), End> {
        let message = match heard {
            Heard::Message(message) => message,
            Heard::Nonsense(why) => {
                let error = Error::validation(format!("This is no message of the live socket: {why}."));
                return self.refuse(None, &error).await;
            }
        };
        match message {
            ClientMessage::Ping {} => self.say(&ServerMessage::Pong {}).await,
            ClientMessage::Authenticate { token } => {
                let renewed = match Credential::from_bearer(&token) {
                    Ok(credential) => watch.renew(credential).await,
                    Err(error) => Err(error),
                };
                match renewed {
                    Ok(()) => Ok(()),
                    Err(error) => self.refuse(None, &error).await,
                }
            }
            ClientMessage::Unsubscribe { id } => {
                if !watch.unsubscribe(&id) {
                    let error = Error::not_found("There is no subscription of this name.");
                    return self.refuse(Some(id), &error).await;
                }
                self.addressed.remove(id.as_str());
                Ok(())
            }
            ClientMessage::Subscribe { id, query, args, after } => {
                let subscribed = match asked(&id, query, args) {
                    Ok(query) => watch.subscribe(id.as_str().into(), query, after).await,
                    Err(error) => Err(error),
                };
                match subscribed {
                    Ok(()) => {
                        self.addressed.insert(id.as_str().into(), Addressed::to(&id));
                        Ok(())
                    }
                    Err(error) => self.refuse(Some(id), &error).await,
                }
            }
        }
    }

    /// Tells what the engine gave.
    async fn tell(&mut self, watch: &mut Watch, told: Told) -> Result<(), End> {
        match told {
            Told::Frames { name, frames } => self.tell_frames(watch, &name, &frames).await,
            Told::Snapshot { name, snapshot } => {
                let message = ServerMessage::Snapshot {
                    id: name.to_string(),
                    seq: snapshot.seq,
                    data: text::snapshot(&snapshot),
                };
                self.say(&message).await
            }
            Told::Reset { name } => self.say(&ServerMessage::Reset { id: name.to_string() }).await,
            Told::Ended { name, error } => {
                self.addressed.remove(&name);
                let message = ServerMessage::Ended {
                    id: name.to_string(),
                    code: error.code.as_str().to_owned(),
                    message: error.message,
                };
                self.say(&message).await
            }
            Told::SignedOut(error) => Err(End::Auth(error.code)),
            Told::Closing => Err(End::Restart),
        }
    }

    async fn tell_frames(&mut self, watch: &mut Watch, name: &Arc<str>, frames: &[Arc<Frame>]) -> Result<(), End> {
        for frame in frames {
            self.ready().await?;
            if !watch.may_tell(name, frame).await {
                continue;
            }
            let Some(addressed) = self.addressed.get(name) else {
                break;
            };
            let message = Message::Text(addressed.message(frame).into());
            self.sink.start_send_unpin(message).map_err(broken)?;
        }
        self.flush().await
    }

    async fn refuse(&mut self, id: Option<String>, error: &Error) -> Result<(), End> {
        // The store is closed by then: no fault of the client's, and none that stays.
        if self.live.is_closing() {
            return Err(End::Restart);
        }
        if error.code == ErrorCode::Internal {
            tracing::error!("a live message failed: {}", codecourier_engine::error::chain(error));
        }
        self.say(&ServerMessage::Error {
            id,
            code: error.code.as_str().to_owned(),
            message: error.message.clone(),
        })
        .await
    }

    async fn say(&mut self, message: &ServerMessage) -> Result<(), End> {
        self.send(Message::Text(text::json(message).into())).await?;
        self.flush().await
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        self.ready().await?;
        self.sink.start_send_unpin(message).map_err(broken)
    }

    /// Waits until something can be sent.
    async fn ready(&mut self) -> Result<(), End> {
        let sink = &mut self.sink;
        let ready = std::future::poll_fn(|context| sink.poll_ready_unpin(context));
        taking(self.live.closing(), ready).await
    }

    /// Waits until everything was sent.
    async fn flush(&mut self) -> Result<(), End> {
        taking(self.live.closing(), self.sink.flush()).await
    }

    /// The last words, if the client takes them.
    async fn close(mut self, end: End) {
        let Some((code, reason)) = end.words() else { return };
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        let farewell = async {
            if self.sink.send(Message::Close(Some(frame))).await.is_err() {
                return;
            }
            // The client's own close, so that nothing of ours is lost on its way.
            while let Some(Ok(message)) = self.stream.next().await {
                if matches!(message, Message::Close(_)) {
                    break;
                }
            }
        };
        drop(timeout(limits::FAREWELL, farewell).await);
    }
}

/// Something heard.
enum Heard {
    Message(ClientMessage),
    /// With what is wrong with it.
    Nonsense(String),
}

/// Waits for a client to take something, but not for ever, and not when the server stops.
async fn taking(
    closing: impl Future<Output = ()>,
    taken: impl Future<Output = Result<(), axum::Error>>,
) -> Result<(), End> {
    tokio::pin!(taken);
    // At first without a timer: clients mostly take at once.
    if let Some(done) = futures::FutureExt::now_or_never(&mut taken) {
        return done.map_err(broken);
    }
    tokio::select! {
        biased;
        done = &mut taken => done.map_err(broken),
        () = tokio::time::sleep(limits::STALL) => Err(End::Slow),
        () = async {
            closing.await;
            // Whoever is only a moment behind shall hear of it.
            tokio::time::sleep(Duration::from_millis(500)).await;
        } => Err(End::Restart),
    }
}

/// What a failure of the connection means.
fn broken(error: axum::Error) -> End {
    use tokio_tungstenite::tungstenite::error::{CapacityError, Error as Protocol};
    match error.into_inner().downcast_ref::<Protocol>() {
        Some(Protocol::Capacity(CapacityError::MessageTooLong { .. })) => End::Broken(close_code::TOO_LARGE),
        Some(Protocol::Utf8(_)) => End::Broken(close_code::INVALID),
        _ => End::Gone,
    }
}

impl End {
    /// A word for it, of few: for the metrics.
    const fn reason(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Restart => "restart",
            Self::Auth(_) => "auth",
            Self::Slow => "slow",
            Self::Silent => "silent",
            Self::Flood => "flood",
            Self::Nonsense | Self::Binary | Self::Broken(_) => "invalid",
        }
    }

    /// What the client is told at the end; nothing if it is not there.
    fn words(self) -> Option<(u16, &'static str)> {
        Some(match self {
            Self::Gone => return None,
            Self::Restart => (close_code::RESTART, "restart"),
            Self::Auth(code) => (close_code::AUTH, code.as_str()),
            Self::Slow => (close_code::SLOW, "slow"),
            Self::Silent => (close_code::SILENT, "silent"),
            Self::Flood => (close_code::FLOOD, "too many messages"),
            Self::Nonsense => (close_code::POLICY, "not understood"),
            Self::Binary => (close_code::UNSUPPORTED, "text only"),
            Self::Broken(code @ close_code::TOO_LARGE) => (code, "message too long"),
            Self::Broken(code) => (code, "invalid"),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_may_make_the_server_wait_for_so_long_and_no_longer() {
        let began = Instant::now();
        assert_eq!(taking(pending(), ready(Ok(()))).await, Ok(()));
        let late = async {
            tokio::time::sleep(limits::STALL / 2).await;
            Ok(())
        };
        assert_eq!(taking(pending(), late).await, Ok(()));
        assert_eq!(began.elapsed(), limits::STALL / 2);
        assert_eq!(taking(pending(), pending()).await, Err(End::Slow));
        assert_eq!(began.elapsed(), limits::STALL / 2 + limits::STALL);
        assert_eq!(taking(ready(()), pending()).await, Err(End::Restart));
        let gone = ready(Err(axum::Error::new(std::io::Error::other("gone"))));
        assert_eq!(taking(pending(), gone).await, Err(End::Gone));
    }

    #[test]
    fn every_end_but_a_departure_has_a_code_and_a_word() {
        let ends = [
            End::Restart,
            End::Auth(ErrorCode::AuthInvalid),
            End::Slow,
            End::Silent,
            End::Flood,
            End::Nonsense,
            End::Binary,
            End::Broken(close_code::INVALID),
        ];
        for end in ends {
            let (code, word) = end.words().unwrap();
            assert!(code > 1000 && !word.is_empty() && word.len() < 123);
        }
        assert_eq!(End::Gone.words(), None);
    }
}
