//! Live updates: the socket that a page holds, and the event streams for scripts.
//!
//! Both tell what [`codecourier_engine::live`] gives them. Invariants: everything about a connection is bounded (message
//! size, pace of messages, subscriptions, silence, the time that a client may make us wait); what happened is written
//! once for all who are told.

mod asked;
mod limits;
mod socket;
mod stream;
mod text;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use codecourier_engine::ErrorCode;
use codecourier_engine::live::Query;
use codecourier_wire::error::ErrorBody;
use codecourier_wire::live::{ClientMessage, LiveDelta, LiveSnapshot, LiveTransient, ServerMessage, StreamEvent};
use codecourier_wire::path::ProjectPath;
use codecourier_wire::sandboxes::SandboxPath;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{Anybody, InProject, credential, operations, permission, role};
use crate::conventions::error::ApiError;
use crate::conventions::path::Path;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(Messages::openapi()).merge(operations!(socket, project, run, sandbox))
}

/// The messages of the socket, which no operation refers to: clients have their types from here.
#[derive(OpenApi)]
#[openapi(components(schemas(ClientMessage, ServerMessage, LiveSnapshot, LiveDelta, LiveTransient)))]
struct Messages;

/// Follow what happens, over a WebSocket.
///
/// One connection follows many things: `subscribe` names a query, and what happened since `after`, or what there is now,
/// comes back, then whatever happens, in order, none of it lost or twice. Who may see it is asked anew whenever a
/// membership, a key or a session changes. Credentials come with the request, or as the first message. The messages are
/// `ClientMessage` and `ServerMessage`. The server closes with 1012 when it restarts: connect again and go on from the
/// last numbers.
#[utoipa::path(get, path = "/live", tag = "live", responses(
    (status = 101, description = "The connection is a WebSocket now. It carries `ClientMessage` and `ServerMessage`."),
    (status = 400, description = "`VALIDATION`: this is no request for a WebSocket.", body = ErrorBody),
    (status = 401, description = "`AUTH_INVALID`: the credential that came with it is not good.", body = ErrorBody),
    (status = 403, description = "`FORBIDDEN`: it comes from another site.", body = ErrorBody),
))]
async fn socket(
    _: Anybody,
    State(state): State<ApiState>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| {
        ApiError::new(
            ErrorCode::Validation,
            "This address is for WebSockets only. Scripts may prefer `/projects/{slug}/live`.",
        )
    })?;
    let live = state.engine.live();
    let arrival = match credential(&headers, &state) {
        Ok(credential) => socket::Arrival::Known(Box::new(live.watch(credential).await?)),
        Err(error) if error.code() == ErrorCode::AuthMissing => match live.anteroom() {
            Some(place) => socket::Arrival::Unknown(place),
            None => {
                return Err(ApiError::new(
                    ErrorCode::RateLimited,
                    "Too many connections have not said who they are. Send the credential with the request.",
                ));
            }
        },
        Err(error) => return Err(error),
    };
    Ok(limits::apply(upgrade).on_upgrade(move |socket| socket::serve(socket, live, arrival)))
}

/// Follow what changes in a project, as an event stream.
///
/// Each event has the number of a change as its id; `Last-Event-ID` goes on after one. The first event, without that, is
/// `snapshot`; then come `delta`s. After `reset` a snapshot follows. `ended` says why nothing more comes.
#[utoipa::path(get, path = "/projects/{slug}/live", tag = "live", params(ProjectPath, stream::LastEventId), responses(
    (status = 200, description = "An event stream.", body = StreamEvent, content_type = "text/event-stream"),
))]
async fn project(
    project: InProject<role::Member, permission::ProjectRead>,
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = Query::Project {
        project: project.slug.to_string(),
    };
    stream::serve(&state, &headers, query).await
}

/// Follow what happens in a run, as an event stream.
///
/// Each event has the number of an event of the run as its id; `Last-Event-ID` goes on after one, `0` begins with the
/// first. Without it the first event is `snapshot`, and what happens from then on follows. Pieces of text that are still
/// being written come as `transient`, without an id.
#[utoipa::path(get, path = "/projects/{slug}/runs/{run}/live", tag = "live",
    params(ProjectPath, stream::RunAddress, stream::LastEventId), responses(
    (status = 200, description = "An event stream.", body = StreamEvent, content_type = "text/event-stream"),
))]
async fn run(
    project: InProject<role::Member, permission::RunsRead>,
    State(state): State<ApiState>,
    Path(path): Path<stream::RunAddress>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = Query::Run {
        project: project.slug.to_string(),
        run: path.run,
    };
    stream::serve(&state, &headers, query).await
}

/// Follow what a sandbox uses, as an event stream.
///
/// After `snapshot`, which is empty, what it uses comes as `transient`: now, and whenever it is another, every two seconds
/// at most. None of it is kept, so there is nothing to go on after.
#[utoipa::path(get, path = "/projects/{slug}/sandboxes/{sandbox}/live", tag = "live",
    params(ProjectPath, SandboxPath, stream::LastEventId), responses(
    (status = 200, description = "An event stream.", body = StreamEvent, content_type = "text/event-stream"),
))]
async fn sandbox(
    project: InProject<role::Member, permission::SandboxesRead>,
    State(state): State<ApiState>,
    Path(path): Path<SandboxPath>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = Query::Sandbox {
        project: project.slug.to_string(),
        sandbox: path.sandbox,
    };
    stream::serve(&state, &headers, query).await
}

pub(crate) use asked::check_message;

/// What a stream was told last, if the client says so.
fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(HeaderName::from_static("last-event-id")) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    text.parse().map(Some).map_err(|_| {
        ApiError::new(
            ErrorCode::Validation,
            "`Last-Event-ID` is the number of the last event you had.",
        )
    })
}
