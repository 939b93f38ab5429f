//! A request from its arrival to its answer: path, token, body, mode. Everything here is hostile input.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use codecourier_domain::id::StepId;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Body;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::answer::{full, refuse, respond};
use super::exchange::{Admitted, Exchange};
use super::forward::{self, Call};
use super::hear_out::{Rest, Sending, hear_out};
use super::open_steps::LookUpAgain;
use super::{BoxError, Core, GatewayBody, Tasks};
use crate::config::Limits;
use crate::grant::{StepGrant, StepToken, TokenRefused};
use crate::ledger::RequestId;
use crate::profile::{self, RequestHead};
use crate::provider::{self, Operation, Provider, Refusal, Route};

/// A way in: a listener, or the direct one.
pub(super) struct Entrance {
    /// The only step whose token is honoured here.
    step: Option<StepId>,
    /// Room for bodies, in kilobytes.
    bodies: Arc<Semaphore>,
    /// What must be done before the way in is gone.
    pub(super) tasks: Tasks,
}

impl Entrance {
    pub(super) fn new(step: Option<StepId>, limits: &Limits) -> Self {
        // A body of the biggest allowed size must fit, or it would wait for ever.
        let room = kilobytes(limits.listener_body_bytes.max(limits.request_body_bytes));
        Self {
            step,
            bodies: Arc::new(Semaphore::new(room as usize)),
            tasks: Tasks::new(),
        }
    }
}

fn kilobytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(1 << 28)
}

/// Where a request wants to go.
#[derive(Clone, Copy)]
struct Destination {
    provider: Provider,
    operation: Operation,
    path: &'static str,
}

/// A request that the gateway itself refuses.
struct Refused {
    refusal: Refusal,
    message: String,
}

fn refused(refusal: Refusal, message: impl Into<String>) -> Refused {
    Refused {
        refusal,
        message: message.into(),
    }
}

/// Answers a request. One that is refused before its body was read is heard out.
pub(super) async fn handle<B>(core: Arc<Core>, entrance: Arc<Entrance>, request: Request<B>) -> Response<GatewayBody>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let id = RequestId::mint();
    let (parts, body) = request.into_parts();
    let mut body = Box::pin(body);
    let sending = Sending::of(&parts.headers);
    let refusal = match destination(&parts) {
        Ok(To::Hello) => return hello(&parts.method, id),
        Ok(To::Provider(to)) => match admit(&core, &entrance, id, to, parts, body.as_mut()).await {
            Ok((exchange, call, place)) => return carry_out(exchange, call, place).await,
            Err(Refused { refusal, message }) => refuse(to.provider, id, refusal, &message),
        },
        Err((provider, Refused { refusal, message })) => refuse(provider, id, refusal, &message),
    };
    let rest = Rest {
        bytes: 4 * core.config.limits.request_body_bytes as u64,
        patience: core.config.timeouts.hear_out,
    };
    hear_out(&entrance.tasks, rest, sending, body, refusal)
}

/// What a request is for.
enum To {
    Hello,
    Provider(Destination),
}

fn destination(parts: &Parts) -> Result<To, (Provider, Refused)> {
    match provider::route(&parts.method, parts.uri.path()) {
        Route::To(_, Operation::Hello, _) => Ok(To::Hello),
        Route::To(provider, operation, path) => Ok(To::Provider(Destination {
            provider,
            operation,
            path,
        })),
        Route::WrongMethod(provider) => {
            let message = "this path does not take this method";
            Err((provider, refused(Refusal::MethodNotAllowed, message)))
        }
        Route::Nowhere(provider) => {
            let message = "the gateway does not serve this path";
            Err((provider, refused(Refusal::NotFound, message)))
        }
    }
}

/// The check that some agents make before they start. Needs no token and tells nothing.
fn hello(method: &Method, id: RequestId) -> Response<GatewayBody> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    let body = if method == Method::HEAD {
        Bytes::new()
    } else {
        Bytes::from_static(br#"{"message":"hello"}"#)
    };
    respond(StatusCode::OK.as_u16(), headers, id, full(body))
}

/// Checks the token, reads the body, opens the exchange.
async fn admit<B>(
    core: &Arc<Core>,
    entrance: &Entrance,
    id: RequestId,
    to: Destination,
    parts: Parts,
    body: Pin<&mut B>,
) -> Result<(Exchange, Call, OwnedSemaphorePermit), Refused>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    let started = Instant::now();
    let Destination {
        provider, operation, ..
    } = to;
    let token = presented_token(&parts.headers).ok_or_else(|| {
        refused(
            Refusal::Unauthorized,
            "no step token: give it as x-api-key or Authorization: Bearer",
        )
    })?;
    // Before the body is taken in: a stranger may not make the gateway hold megabytes.
    let before = core.open_steps.before_look_up();
    let grant = look_up(core, entrance, provider, &token).await?;
    let (body, place) = read_body(core, entrance, &parts.headers, body).await?;
    let read = match operation {
        Operation::Answer(dialect) | Operation::CountTokens(dialect) => profile::read(dialect, &body),
        Operation::Models | Operation::Hello => Ok(RequestHead::default()),
    };
    let head = read.map_err(|error| {
        refused(
            Refusal::Invalid,
            format!("the body is not a request of this API: {error}"),
        )
    })?;
    let (grant, open) = match core.open_steps.enter(&grant.step, before) {
        Ok(open) => (grant, open),
        Err(LookUpAgain) => {
            let look_up = || look_up(core, entrance, provider, &token);
            core.open_steps.look_up_and_enter(look_up).await?
        }
    };
    let call = Call {
        operation,
        path: to.path,
        as_stream: head.stream,
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
        closing: open.closing().clone(),
        token,
    };
    let exchange = Exchange::new(Admitted {
        core: Arc::clone(core),
        grant: Arc::new(grant),
        request: id,
        operation,
        head,
        open,
        tasks: entrance.tasks.clone(),
        started,
    });
    Ok((exchange, call, place))
}

/// Carries the exchange out in a task of its own, which goes on when the client goes, as far as the books need it.
async fn carry_out(exchange: Exchange, call: Call, place: OwnedSemaphorePermit) -> Response<GatewayBody> {
    let (answer, answered) = oneshot::channel();
    let id = exchange.request;
    let provider = exchange.grant.provider;
    let tasks = exchange.tasks().clone();
    tasks.spawn(async move {
        forward::carry_out(exchange, call, answer).await;
        drop(place);
    });
    match answered.await {
        Ok(response) => response,
        Err(_) => refuse(provider, id, Refusal::Internal, "the gateway gave this request up"),
    }
}

/// The token in either of the headers that clients use.
fn presented_token(headers: &HeaderMap) -> Option<StepToken> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &http::HeaderValue| value.to_str().ok())
            .map(str::trim)
    };
    let bearer = || {
        let (scheme, token) = text("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    };
    text("x-api-key")
        .filter(|token| !token.is_empty())
        .or_else(bearer)
        .map(StepToken::from_text)
}

async fn look_up(
    core: &Core,
    entrance: &Entrance,
    provider: Provider,
    token: &StepToken,
) -> Result<StepGrant, Refused> {
    let grant = match core.tokens.resolve(&token.hash()).await {
        Ok(grant) => grant,
        Err(TokenRefused::LookUpFailed(error)) => {
            tracing::error!(
                error = super::upstream::innermost(&*error),
                "step tokens cannot be looked up"
            );
            return Err(refused(Refusal::Internal, "the gateway cannot look step tokens up now"));
        }
        Err(reason @ (TokenRefused::Unknown | TokenRefused::Expired | TokenRefused::Revoked)) => {
            return Err(refused(Refusal::Unauthorized, reason.to_string()));
        }
    };
    if grant.provider != provider {
        let message = format!("the step token is for {}", grant.provider.display_name());
        return Err(refused(Refusal::Unauthorized, message));
    }
    // The same words as for a token that nobody minted: whoever holds a stolen one learns nothing.
    if entrance.step.is_some_and(|step| step != grant.step) {
        return Err(refused(Refusal::Unauthorized, TokenRefused::Unknown.to_string()));
    }
    Ok(grant)
}

/// Reads a body within its limits of size, time and shared room.
async fn read_body<B>(
    core: &Core,
    entrance: &Entrance,
    headers: &HeaderMap,
    mut body: Pin<&mut B>,
) -> Result<(Bytes, OwnedSemaphorePermit), Refused>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<BoxError>,
{
    let most = core.config.limits.request_body_bytes;
    let too_large = || {
        refused(
            Refusal::TooLarge,
            format!("the request is bigger than {} MB", most / (1024 * 1024)),
        )
    };
    if let Some(encoding) = headers
        .get(header::CONTENT_ENCODING)
        .filter(|encoding| *encoding != "identity")
    {
        let message = format!("the gateway takes no compressed requests, and this is {encoding:?}");
        return Err(refused(Refusal::Invalid, message));
    }
    let stated = body.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    if stated.is_some_and(|length| length > most) || body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let read = async {
        let place = Arc::clone(&entrance.bodies)
            .acquire_many_owned(kilobytes(stated.unwrap_or(most)))
            .await
            .map_err(|_| refused(Refusal::Internal, "the gateway is closing"))?;
        let mut whole = BytesMut::new();
        while let Some(frame) = body.as_mut().frame().await {
            let frame = frame.map_err(|error| {
                let reason = super::upstream::innermost(&*error.into());
                refused(Refusal::Invalid, format!("the request's body broke off: {reason}"))
            })?;
            let Ok(piece) = frame.into_data() else { continue };
            if whole.len() + piece.len() > most {
                return Err(too_large());
            }
            if whole.is_empty() {
                whole.reserve(stated.unwrap_or(0).min(1024 * 1024).max(piece.len()));
            }
            whole.extend_from_slice(&piece);
        }
        Ok((whole.freeze(), place))
    };
    tokio::time::timeout(core.config.timeouts.request_body, read)
        .await
        .unwrap_or_else(|_| Err(refused(Refusal::TooSlow, "the request's body came too slowly")))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_token_is_taken_from_either_header() {
        let token = |name: &'static str, value: &'static str| {
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))]);
            presented_token(&headers).map(|token| token.expose().to_owned())
        };
        assert_eq!(token("x-api-key", "cc_step_1").as_deref(), Some("cc_step_1"));
        assert_eq!(token("authorization", "Bearer cc_step_1").as_deref(), Some("cc_step_1"));
        assert_eq!(
            token("authorization", "bearer  cc_step_1 ").as_deref(),
            Some("cc_step_1")
        );
        assert_eq!(token("authorization", "Basic cc_step_1"), None);
        assert_eq!(token("authorization", "cc_step_1"), None);
        assert_eq!(token("cookie", "cc_step_1"), None);
        assert_eq!(token("x-api-key", ""), None);
    }
}
