//! Getting the answer: from the provider with the real key, or from a cassette.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, Response, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::answer::{full, passed_back, refuse, respond};
use super::body::MeteredBody;
use super::exchange::{Charge, Exchange};
use super::include_usage;
use super::key_limits::LONGEST_HOLD;
use super::upstream::{self, Outgoing, SendFailed};
use super::wait_for_key::{AGENTS_PATIENCE, Telling, wait_for_key};
use super::{BoxError, GatewayBody};
use crate::cassette::{self, Cassette, NormalisedRequest, Played, Taping};
use crate::config::ReplayPacing;
use crate::grant::{Mode, StepToken};
use crate::keys::{KeyRefused, ProviderKey};
use crate::ledger::{Outcome, ReserveRefused};
use crate::observer::{Complaint, GatewayEvent, KeyLimited, Meanwhile, RequestFailure};
use crate::provider::{self, Dialect, Operation, Refusal};
use crate::scrub::Scrubber;

/// The most bytes of an error answer that are read.
const MOST_ERROR_BYTES: usize = 1024 * 1024;

/// What the agent asks, checked and whole.
pub(super) struct Call {
    pub(super) operation: Operation,
    /// The path at the provider.
    pub(super) path: &'static str,
    pub(super) as_stream: bool,
    pub(super) query: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) closing: CancellationToken,
    pub(super) token: StepToken,
}

/// Gets the answer and hands it over. When the client goes first, what is under way is dropped, which closes the
/// provider's connection and settles.
pub(super) async fn carry_out(mut exchange: Exchange, call: Call, mut answer: oneshot::Sender<Response<GatewayBody>>) {
    let closing = call.closing.clone();
    let (provider, request) = (exchange.grant.provider, exchange.request);
    // Not given up half-way: a reservation whose name nobody learns could not be settled.
    let key = match prepare(&mut exchange, &call).await {
        Ok(key) => key,
        Err(refusal) => {
            let _ = answer.send(refusal);
            return;
        }
    };
    let response = tokio::select! {
        biased;
        response = obtain(exchange, call, key) => response,
        () = closing.cancelled() => refuse(provider, request, Refusal::StepClosed, "the step has ended"),
        () = answer.closed() => return,
    };
    // Nobody there any more: the answer is dropped, and with it the exchange settled.
    let _ = answer.send(response);
}

/// The key, if one is needed, and the reservation.
async fn prepare(exchange: &mut Exchange, call: &Call) -> Result<Option<ProviderKey>, Response<GatewayBody>> {
    let (provider, request) = (exchange.grant.provider, exchange.request);
    let key = match &exchange.grant.mode {
        Mode::Replay(_) => None,
        Mode::Live | Mode::Record(_) => match exchange.core.keys.key(&exchange.grant).await {
            Ok(key) => Some(key),
            Err(KeyRefused::Missing(_)) => {
                let message = format!(
                    "CodeCourier has no {0} key for this project. Add one to the project, or to the environment of `codecourier run`.",
                    provider.display_name()
                );
                exchange.fail(exchange.failure(Complaint::KeyMissing, &message), Charge::Nothing);
                return Err(refuse(provider, request, Refusal::Unauthorized, &message));
            }
            Err(KeyRefused::LookUpFailed(error)) => {
                tracing::error!(error = upstream::innermost(&*error), "provider keys cannot be read");
                let message = "CodeCourier cannot read its provider keys now";
                exchange.fail(exchange.failure(Complaint::Internal, message), Charge::Nothing);
                return Err(refuse(provider, request, Refusal::Internal, message));
            }
        },
    };
    match &key {
        Some(key) => exchange.leave_with(key, &call.token),
        None => exchange.scrubber = Scrubber::new([call.token.expose()]),
    }
    match exchange.reserve().await {
        Ok(()) => Ok(key),
        Err(ReserveRefused::Budget(budget)) => {
            let message = budget.to_string();
            exchange
                .core
                .observer
                .observe(&exchange.grant, GatewayEvent::BudgetRefused { request, budget });
            exchange.finish(Outcome::Failed(Complaint::Budget.class()), Charge::Nothing);
            Err(refuse(provider, request, Refusal::Budget, &message))
        }
        Err(ReserveRefused::Unavailable(error)) => {
            tracing::error!(error = upstream::innermost(&*error), "the ledger cannot be written");
            let message = "CodeCourier cannot write its ledger now, so nothing may be spent";
            exchange.fail(exchange.failure(Complaint::Internal, message), Charge::Nothing);
            Err(refuse(provider, request, Refusal::Internal, message))
        }
    }
}

async fn obtain(exchange: Exchange, call: Call, key: Option<ProviderKey>) -> Response<GatewayBody> {
    let grant = Arc::clone(&exchange.grant);
    match (&grant.mode, key) {
        (Mode::Replay(cassette), _) => replay(exchange, &call, cassette),
        (Mode::Live | Mode::Record(_), Some(key)) => ask_provider(exchange, call, key).await,
        (Mode::Live | Mode::Record(_), None) => refuse(
            grant.provider,
            exchange.request,
            Refusal::Internal,
            "the key went missing",
        ),
    }
}

/// Asks the provider and passes its answer back.
async fn ask_provider(mut exchange: Exchange, call: Call, mut key: ProviderKey) -> Response<GatewayBody> {
    let provider = exchange.grant.provider;
    if let (Mode::Record(path), Operation::Answer(dialect)) = (&exchange.grant.mode, call.operation)
        && let Ok(normalised) = NormalisedRequest::read(dialect, &call.body)
    {
        let lane = exchange.grant.lane.clone();
        exchange.taping = Some(Taping::new(path.clone(), lane, normalised.index, normalised.recorded()));
    }
    let headers = upstream::forwarded_headers(provider, &call.headers);
    let body = match call.operation {
        Operation::Answer(Dialect::Chat) if call.as_stream => include_usage::asked_for(call.body),
        _ => call.body,
    };
    let query = upstream::forwarded_query(call.query.as_deref());
    let mut telling = Telling::Once;
    loop {
        key = wait_for_key(&mut exchange, key, &call.token, telling).await;
        let outgoing = Outgoing {
            provider,
            operation: call.operation,
            path: call.path,
            query,
            headers: headers.clone(),
            body: body.clone(),
        };
        let response = match send(&mut exchange, outgoing, &key).await {
            Ok(response) => response,
            Err(refusal) => return refusal,
        };
        match pass_back(exchange, response, call.closing.clone()).await {
            Passed::Back(response) => return response,
            Passed::TurnedAway(again) => exchange = *again,
        }
        telling = Telling::Done;
    }
}

/// Sends the request. The head of the answer has come when this returns.
async fn send(
    exchange: &mut Exchange,
    outgoing: Outgoing<'_>,
    key: &ProviderKey,
) -> Result<Response<reqwest::Body>, Response<GatewayBody>> {
    exchange.mark_sent();
    let core = Arc::clone(&exchange.core);
    let (provider, request) = (exchange.grant.provider, exchange.request);
    let name = provider.display_name();
    let sending = core.upstream.send(outgoing, key);
    let (complaint, message, charge, refusal) =
        match tokio::time::timeout(core.config.timeouts.first_byte, sending).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(SendFailed::Key)) => (
                Complaint::Authentication,
                format!("the {name} key of this project holds characters that no key has; enter it again"),
                Charge::Nothing,
                Refusal::Unauthorized,
            ),
            Ok(Err(SendFailed::NotConnected(reason))) => (
                Complaint::Unreachable,
                format!(
                    "CodeCourier cannot reach {name}: {}",
                    exchange.scrubber.presentable(&reason)
                ),
                Charge::Nothing,
                Refusal::Unreachable,
            ),
            Ok(Err(SendFailed::Broken(reason))) => (
                Complaint::Unreachable,
                format!(
                    "the connection to {name} broke before an answer: {}",
                    exchange.scrubber.presentable(&reason)
                ),
                Charge::Metered,
                Refusal::Unreachable,
            ),
            Err(_) => (
                Complaint::Unreachable,
                format!(
                    "{name} did not answer within {} s",
                    core.config.timeouts.first_byte.as_secs()
                ),
                Charge::Metered,
                Refusal::TimedOut,
            ),
        };
    exchange.fail(exchange.failure(complaint, &message), charge);
    Err(refuse(provider, request, refusal, &message))
}

/// What became of an answer.
enum Passed {
    /// The agent gets it.
    Back(Response<GatewayBody>),
    /// The key must wait, and the agent is not told: the request leaves again.
    TurnedAway(Box<Exchange>),
}

/// Passes an answer of the provider back: a good one as it comes, an error once it is read and classed.
async fn pass_back(mut exchange: Exchange, response: Response<reqwest::Body>, closing: CancellationToken) -> Passed {
    let (provider, request) = (exchange.grant.provider, exchange.request);
    let patience = exchange.core.config.timeouts.idle;
    let (parts, body) = response.into_parts();
    let status = parts.status.as_u16();
    let mut headers = passed_back(&parts.headers, &exchange.scrubber);
    exchange.status = Some(status);
    exchange.provider_request_id = provider::request_id(&headers).map(|id| exchange.scrubber.presentable(id));
    if parts.status.is_success() {
        let is_stream = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"text/event-stream"));
        exchange.start_metering(is_stream);
        if exchange.taping.is_some() {
            exchange.answer_headers = headers.clone();
        }
        let body = MeteredBody::pass_through(body, exchange, closing.cancelled_owned(), patience);
        return Passed::Back(respond(status, headers, request, body));
    }
    if parts.status.is_redirection() || parts.status.is_informational() {
        let message = format!(
            "{} answers with a redirect ({status}); check the base URL, since the key is never sent elsewhere",
            provider.display_name()
        );
        exchange.fail(exchange.failure(Complaint::Unreachable, &message), Charge::Nothing);
        return Passed::Back(refuse(provider, request, Refusal::Unreachable, &message));
    }
    let body = read_error(body, patience).await;
    let body = Bytes::from(exchange.scrubber.scrub_bytes(&body));
    let verdict = provider::classify(provider, status, &parts.headers, &body);
    let mut failure = exchange.failure(verdict.complaint, &verdict.message);
    failure.retry_after = verdict.retry_after;
    failure.resets_at = verdict.resets_at;
    if let Some(wait) = stated_wait(&failure, &parts.headers) {
        let is_held = exchange.key.is_some_and(|key| exchange.core.key_limits.hold(key, wait));
        if wait > AGENTS_PATIENCE && is_to_hold(&mut exchange, &failure, wait) {
            if is_held {
                return Passed::TurnedAway(Box::new(exchange));
            }
            // Too long for a request to stay open. The engine takes the agent out of it, or has none to take.
            tokio::select! {
                () = closing.cancelled() => {}
                () = tokio::time::sleep(LONGEST_HOLD) => {}
            }
        }
        if is_held && !headers.contains_key(header::RETRY_AFTER) {
            // In the header that every agent knows, whatever the provider's own way is.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, http::HeaderValue::from(seconds));
        }
    }
    exchange.answer_headers = headers.clone();
    if let Some(taping) = &mut exchange.taping {
        taping.take(&body);
    }
    exchange.record();
    exchange.fail(failure, Charge::Nothing);
    // The length may have changed by scrubbing; the body knows its own.
    headers.remove(header::CONTENT_LENGTH);
    Passed::Back(respond(status, headers, request, full(body)))
}

/// How long the provider asks to wait with the key, if that is what the failure is about.
fn stated_wait(failure: &RequestFailure, from_provider: &HeaderMap) -> Option<Duration> {
    match failure.complaint {
        Complaint::RateLimit | Complaint::Quota => failure
            .retry_after
            .or_else(|| provider::wait_until(failure.resets_at?, from_provider)),
        _ => None,
    }
}

/// Asks the engine whether a request that was turned away stays open.
fn is_to_hold(exchange: &mut Exchange, failure: &RequestFailure, wait: Duration) -> bool {
    let limit = KeyLimited {
        request: exchange.request,
        key: exchange.key_end.clone(),
        complaint: failure.complaint,
        message: failure.message.clone(),
        wait,
    };
    let is_to_hold = exchange.core.observer.limited(&exchange.grant, limit) == Meanwhile::Hold;
    if is_to_hold {
        exchange.mark_turned_away();
    }
    is_to_hold
}

/// Reads an error answer as far as it comes and fits.
async fn read_error(body: reqwest::Body, patience: Duration) -> Vec<u8> {
    let mut body = std::pin::pin!(body);
    let mut whole = Vec::new();
    while let Ok(Some(Ok(frame))) = tokio::time::timeout(patience, body.as_mut().frame()).await {
        if let Ok(piece) = frame.into_data() {
            let room = MOST_ERROR_BYTES - whole.len();
            whole.extend_from_slice(&piece[..piece.len().min(room)]);
            if piece.len() >= room {
                break;
            }
        }
    }
    whole
}

/// Answers from a cassette.
fn replay(mut exchange: Exchange, call: &Call, cassette: &Cassette) -> Response<GatewayBody> {
    let (provider, request) = (exchange.grant.provider, exchange.request);
    let json = |exchange: &mut Exchange, document: serde_json::Value| {
        exchange.finish(Outcome::Complete, Charge::Nothing);
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"))]);
        respond(200, headers, request, full(document.to_string()))
    };
    let dialect = match call.operation {
        Operation::Answer(dialect) | Operation::CountTokens(dialect) => dialect,
        Operation::Models | Operation::Hello => {
            let none = serde_json::json!({"object": "list", "data": [], "has_more": false});
            return json(&mut exchange, none);
        }
    };
    let normalised = match NormalisedRequest::read(dialect, &call.body) {
        Ok(normalised) => normalised,
        Err(error) => {
            let message = format!("the body is not a request of this API: {error}");
            exchange.finish(Outcome::Failed(Complaint::BadRequest.class()), Charge::Nothing);
            return refuse(provider, request, Refusal::Invalid, &message);
        }
    };
    if let Operation::CountTokens(_) = call.operation {
        let tokens = normalised.body_bytes / 4;
        let count = match dialect {
            Dialect::Messages => serde_json::json!({"input_tokens": tokens}),
            Dialect::Responses | Dialect::Chat => {
                serde_json::json!({"object": "response.input_tokens", "input_tokens": tokens})
            }
        };
        return json(&mut exchange, count);
    }
    let found = cassette::find(cassette, &exchange.grant.lane, &normalised);
    if let Some(divergence) = &found.divergence {
        let event = GatewayEvent::Diverged {
            request,
            divergence: Box::new(divergence.clone()),
        };
        exchange.core.observer.observe(&exchange.grant, event);
    }
    let Some(recorded) = found.exchange else {
        let report = found
            .divergence
            .map(|divergence| divergence.to_string())
            .unwrap_or_default();
        let message = format!("No recorded answer in {}: {report}.", cassette.name());
        exchange.fail(exchange.failure(Complaint::CassetteMismatch, &message), Charge::Nothing);
        return refuse(provider, request, Refusal::Invalid, &message);
    };
    let played = Played::answer(cassette, recorded, &normalised, call.as_stream);
    exchange.status = Some(played.status);
    if !(200..=299).contains(&played.status) {
        let body = Bytes::from(played.pieces.concat());
        let verdict = provider::classify(provider, played.status, &played.headers, &body);
        let mut failure = exchange.failure(verdict.complaint, &verdict.message);
        failure.retry_after = verdict.retry_after;
        failure.resets_at = verdict.resets_at;
        exchange.fail(failure, Charge::Nothing);
        return respond(played.status, played.headers, request, full(body));
    }
    exchange.mark_sent();
    exchange.start_metering(call.as_stream);
    let pacing = match exchange.core.config.replay_pacing {
        ReplayPacing::AsRecorded => played.pacing,
        ReplayPacing::None => cassette::Pacing::NONE,
    };
    let headers = played.headers;
    let pieces = futures::stream::iter(played.pieces)
        .enumerate()
        .then(move |(number, piece)| async move {
            let wait = if number == 0 {
                pacing.first_byte_ms
            } else {
                pacing.event_ms
            };
            if wait > 0 {
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            Ok::<_, BoxError>(Frame::data(piece))
        });
    // A cassette may pace as slowly as it likes; silence means nothing here.
    let patience = Duration::from_secs(24 * 3600);
    let closing = call.closing.clone().cancelled_owned();
    let body = MeteredBody::pass_through(StreamBody::new(pieces), exchange, closing, patience);
    respond(played.status, headers, request, body)
}
