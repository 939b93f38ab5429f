//! One sandbox's listener: who asks, for what, and the connection that comes of it.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use codecourier_domain::event::EgressOutcome;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connect::{Server, connect};
use super::hello::{self, NotHeard};
use super::pace::Pace;
use super::{Connection, ConnectionLog, Destination, EgressScope, tunnel};
use crate::grant::{StepGrant, StepToken, TokenRefused};
use crate::server::{Core, OpenExchange, Rest, Sending, accept, hear_out};

/// The longest host that is recorded.
const LONGEST_HOST: usize = 253;

/// What is taken in of a request that should have no body.
const REST: Rest = Rest {
    bytes: 64 * 1024 * 1024,
    patience: Duration::from_secs(5),
};

/// Serves a sandbox's listener until it is cancelled, and returns when no connection is left.
pub(crate) async fn serve(
    core: Arc<Core>,
    scope: EgressScope,
    log: Arc<dyn ConnectionLog>,
    listener: TcpListener,
    cancel: CancellationToken,
) {
    let limits = core.config.egress.limits;
    // When this future is dropped instead of cancelled, its connections end all the same.
    let ending = cancel.child_token();
    let _end_with_me = ending.clone().drop_guard();
    let places = Arc::new(Semaphore::new(limits.connections));
    let way = Arc::new(Way {
        pace: Pace::new(limits.burst, limits.pace),
        core,
        scope,
        log,
        ending: ending.clone(),
        tasks: TaskTracker::new(),
    });
    accept(listener, &places, &ending, |stream, place| {
        way.tasks.spawn(serve_client(Arc::clone(&way), stream, Arc::new(place)));
    })
    .await;
    way.tasks.close();
    way.tasks.wait().await;
}

/// What the connections of one listener share.
struct Way {
    core: Arc<Core>,
    scope: EgressScope,
    log: Arc<dyn ConnectionLog>,
    pace: Pace,
    ending: CancellationToken,
    /// Clients and tunnels.
    tasks: TaskTracker,
}

/// Reads one client's request. The place is given back with the connection, or with the tunnel that it becomes.
async fn serve_client(way: Arc<Way>, stream: TcpStream, place: Arc<OwnedSemaphorePermit>) {
    let limits = way.core.config.egress.limits;
    drop(stream.set_nodelay(true));
    let asked = AtomicBool::new(false);
    let service = service_fn(|request| {
        asked.store(true, Ordering::Relaxed);
        let (way, place) = (Arc::clone(&way), Arc::clone(&place));
        async move { Ok::<_, Infallible>(answer(way, place, request).await) }
    });
    let connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(limits.head_bytes)
            .max_headers(limits.headers)
            // A client that was refused connects anew: nothing rests here.
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades()
    );
    tokio::select! {
        biased;
        () = way.ending.cancelled() => return,
        // How it ended is the client's doing; what it asked for was answered.
        _ = connection => {}
    }
    if !asked.load(Ordering::Relaxed) {
        // There never was a request: a name beyond ASCII, a head that is too long or too slow, or no HTTP at all.
        way.pace.turn().await;
        way.record(String::new(), 0, EgressOutcome::Malformed).await.ok();
    }
}

/// Answers a request: with a connection, or with the reason why there is none.
async fn answer(
    way: Arc<Way>,
    place: Arc<OwnedSemaphorePermit>,
    mut request: Request<Incoming>,
) -> Response<Full<Bytes>> {
    way.pace.turn().await;
    let (host, port) = as_asked(&request);
    let opened = way.open(&request).await;
    let outcome = match &opened {
        Ok(_) => EgressOutcome::Allowed,
        Err(refused) => *refused,
    };
    if way.record(host.clone(), port, outcome).await.is_err() {
        return refusal(
            StatusCode::SERVICE_UNAVAILABLE,
            "The connection cannot be recorded now, so it is not opened.",
        );
    }
    let (open, to, server) = match opened {
        Ok(opened) => opened,
        Err(refused) => {
            let sending = Sending::of(request.headers());
            let answer = way.refuse(refused);
            return hear_out(&way.tasks, REST, sending, Box::pin(request.into_body()), answer);
        }
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let tasks = way.tasks.clone();
    tasks.spawn(async move {
        let carrying = async {
            match upgrade.await {
                Ok(client) => way.carry(TokioIo::new(client), server, (&to, host, port)).await,
                Err(error) => tracing::debug!(%error, "a client left before its connection was open"),
            }
        };
        tokio::select! {
            biased;
            () = way.ending.cancelled() => {}
            () = open.closing().cancelled() => {}
            () = carrying => {}
        }
        drop((open, place));
    });
    Response::new(Full::default())
}

impl Way {
    /// Opens what a request asks for, if it may.
    async fn open(&self, request: &Request<Incoming>) -> Result<(OpenExchange, Destination, Server), EgressOutcome> {
        if request.method() != Method::CONNECT {
            return Err(EgressOutcome::NotATunnel);
        }
        // Who asks comes first: whoever holds no token learns nothing of what may be reached.
        let open = self.admit(request.headers()).await?;
        let has_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
            .iter()
            .any(|name| request.headers().contains_key(name));
        let authority = request.uri().authority().filter(|_| !has_body);
        let destination: Destination = authority
            .and_then(|authority| authority.as_str().parse().ok())
            .ok_or(EgressOutcome::Malformed)?;
        let egress = &self.core.config.egress;
        if !egress.claude.contains(&destination) {
            return Err(EgressOutcome::NotListed);
        }
        let server = tokio::select! {
            biased;
            () = open.closing().cancelled() => return Err(EgressOutcome::WrongToken),
            server = connect(egress, &destination) => server?,
        };
        Ok((open, destination, server))
    }

    /// Carries what is said on an open connection, if it is TLS for the host that the connection was asked for.
    async fn carry<C>(&self, mut client: C, mut server: Server, (to, host, port): (&Destination, String, u16))
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let limits = self.core.config.egress.limits;
        match hello::hear(&mut client, to.host(), limits.hello).await {
            Ok(hello) => {
                let sent = tokio::time::timeout(limits.connect, server.write_all(&hello)).await;
                if matches!(sent, Ok(Ok(()))) {
                    tunnel::carry(client, server, limits.idle).await;
                }
            }
            Err(NotHeard::Left) => {}
            Err(reason @ (NotHeard::OtherName | NotHeard::NoTls)) => {
                drop(server);
                self.pace.turn().await;
                // It is closed in any case, and that it could not be written down is in the log.
                self.record(host, port, EgressOutcome::NotForHost).await.ok();
                if reason == NotHeard::OtherName {
                    client.write_all(&hello::UNRECOGNIZED_NAME).await.ok();
                }
                client.shutdown().await.ok();
            }
        }
    }

    /// Lets the holder of the step's own token in.
    async fn admit(&self, headers: &HeaderMap) -> Result<OpenExchange, EgressOutcome> {
        let token = presented_token(headers).ok_or(EgressOutcome::WrongToken)?;
        let look_up = || self.look_up(&token);
        let (_, open) = self.core.open_steps.look_up_and_enter(look_up).await?;
        Ok(open)
    }

    async fn look_up(&self, token: &StepToken) -> Result<StepGrant, EgressOutcome> {
        match self.core.tokens.resolve(&token.hash()).await {
            Ok(grant) if grant.step == self.scope.step => Ok(grant),
            Ok(_) | Err(TokenRefused::Unknown | TokenRefused::Expired | TokenRefused::Revoked) => {
                Err(EgressOutcome::WrongToken)
            }
            Err(TokenRefused::LookUpFailed(error)) => {
                tracing::error!(%error, "step tokens cannot be looked up");
                Err(EgressOutcome::Unreachable)
            }
        }
    }

    async fn record(&self, host: String, port: u16, outcome: EgressOutcome) -> Result<(), super::NotRecorded> {
        let connection = Connection { host, port, outcome };
        let recorded = self.log.record(&self.scope, connection).await;
        recorded.inspect_err(|error| tracing::error!(step = %self.scope.step, %error, "a connection is not opened"))
    }

    fn refuse(&self, outcome: EgressOutcome) -> Response<Full<Bytes>> {
        match outcome {
            EgressOutcome::NotATunnel => refusal(
                StatusCode::METHOD_NOT_ALLOWED,
                "Only CONNECT is served here: this sandbox has a way out for its agent's own login, and no other.",
            ),
            EgressOutcome::WrongToken => {
                let mut response = refusal(
                    StatusCode::PROXY_AUTHENTICATION_REQUIRED,
                    "Only the step's own agent is let through, by the step's own token.",
                );
                let challenge = HeaderValue::from_static("Basic realm=\"codecourier\"");
                response.headers_mut().insert(header::PROXY_AUTHENTICATE, challenge);
                response
            }
            EgressOutcome::Unreachable => refusal(StatusCode::BAD_GATEWAY, "The host cannot be reached now."),
            // The last two cannot be: of them the client was told that it is connected.
            EgressOutcome::NotListed
            | EgressOutcome::Malformed
            | EgressOutcome::PrivateAddress
            | EgressOutcome::NotForHost
            | EgressOutcome::Allowed => {
                let listed: Vec<String> = self.core.config.egress.claude.iter().map(ToString::to_string).collect();
                let message = format!("This sandbox reaches {} and nothing else.", listed.join(", "));
                refusal(StatusCode::FORBIDDEN, &message)
            }
        }
    }
}

/// The token as clients of proxies give it: the password of a user whose name does not matter.
fn presented_token(headers: &HeaderMap) -> Option<StepToken> {
    let mut given = headers.get_all(header::PROXY_AUTHORIZATION).iter();
    let (one, more) = (given.next()?, given.next());
    let (scheme, credentials) = one.to_str().ok()?.split_once(' ')?;
    if more.is_some() || !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (_, token) = decoded.split_once(':')?;
    Some(StepToken::from_text(token))
}

/// Where a request wants to go in its own words, fit to be shown: a user's name and password are no part of it.
fn as_asked(request: &Request<Incoming>) -> (String, u16) {
    let Some(authority) = request.uri().authority() else {
        return (String::new(), 0);
    };
    let host = authority.host().bytes().filter(u8::is_ascii_graphic).take(LONGEST_HOST);
    (host.map(char::from).collect(), authority.port_u16().unwrap_or(0))
}

fn refusal(status: StatusCode, message: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{message}\n"))));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
