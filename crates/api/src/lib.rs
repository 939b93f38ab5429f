//! The HTTP side of the server: REST routes, extractors, the live socket.
//!
//! The binary mounts it. Invariants: a handler parses, authorises (the role is an argument's type), calls one function
//! of the engine and converts the result; it holds no SQL and no rule. What a request may do is decided before its body
//! is looked at. Every answer carries a request id; every error has a code with a page in `docs/errors/`.
//!
//! # Adding a feature
//!
//! `server/` and `whoami/` are the pattern. A folder per feature, named as in `wire` and in the engine, with
//! `pub(crate) fn routes() -> OpenApiRouter<ApiState>` in its `mod.rs`, made by [`operations!`], and one line in
//! [`features`]. A handler:
//!
//! ```ignore
//! /// Cancel a run.
//! ///
//! /// What this does, for the reference page.
//! #[utoipa::path(post, path = "/projects/{slug}/runs/{run}/cancel", tag = "runs",
//!     params(ProjectPath, RunPath), request_body = CancelRun, responses((status = 200, body = Data<Run>)))]
//! pub(super) async fn cancel(
//!     project: InProject<role::Member, permission::RunsWrite>,
//!     State(engine): State<Engine>,
//!     Path(path): Path<RunPath>,
//!     Json(request): Json<CancelRun>,
//! ) -> Answer<Data<Run>> {
//!     let run = engine.runs().cancel(&project, path.run).await?;
//!     Ok(answer(run.into()))
//! }
//! ```
//!
//! - The **first argument says who may call it** ([`access`]): [`access::Anybody`], [`access::Anyone`],
//!   [`access::SignedIn`] or [`access::InProject`]. [`operations!`] refuses to compile without, and writes it into the
//!   operation's `x-codecourier-access`, together with what follows from it: security, the answers to errors.
//! - The operation's identifier is made of the tag and the function's name: `runs.cancel`.
//! - Bodies, queries and paths come through [`conventions::json::Json`], [`conventions::query::Query`] (or
//!   [`conventions::page::Page`] for lists) and [`conventions::path::Path`], never through axum's own: ours answer with
//!   the error object. A path's structure names only what the handler reads; `{slug}` is the access extractor's.
//! - `?` turns an [`engine::Error`](codecourier_engine::Error) into the answer. There is no other way to make one, but
//!   [`conventions::error::ApiError::new`] for what is HTTP's own.
//! - Editable documents answer with [`conventions::revision::Revised`] and take
//!   [`conventions::revision::IfMatch`]; `304` is made of it by itself.
//! - A request that takes effect twice when it is sent twice needs nothing: `Idempotency-Key` is handled around it.

pub mod access;
mod accounts;
pub mod agents;
mod audit;
pub mod config;
pub mod conventions;
mod external;
pub mod fuzz;
mod interface;
mod invitations;
mod keys;
mod live;
mod members;
mod projects;
mod provider_keys;
mod reference;
mod runs;
mod sandboxes;
mod server;
mod settings;
mod state;
mod variables;
mod whoami;
mod workflows;

use axum::Router;
use codecourier_engine::Engine;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use config::ApiConfig;
pub use state::ApiState;

/// The API of an engine.
pub struct Api;

impl Api {
    /// Every route of the server, with everything around them.
    #[expect(
        clippy::new_ret_no_self,
        reason = "what is made is a router, and nothing else is of use"
    )]
    pub fn new(engine: Engine, config: ApiConfig) -> Router {
        let state = ApiState::new(engine, config);
        let (router, _) = described();
        let router = router
            .fallback(interface::serve)
            .method_not_allowed_fallback(conventions::fallback::method_not_allowed);
        let renew = axum::middleware::from_fn_with_state(state.clone(), accounts::renew_cookie);
        conventions::around(router.layer(renew), &state).with_state(state)
    }

    /// The description of the API, as it is served and committed.
    #[must_use]
    pub fn document() -> OpenApi {
        described().1
    }
}

/// The features, one line each.
fn features() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(agents::routes())
        .merge(audit::routes())
        .merge(settings::routes())
        .merge(variables::routes())
        .merge(provider_keys::routes())
        .merge(keys::routes())
        .merge(external::routes())
        .merge(invitations::routes())
        .merge(live::routes())
        .merge(members::routes())
        .merge(projects::routes())
        .merge(reference::routes())
        .merge(runs::routes())
        .merge(sandboxes::routes())
        .merge(server::routes())
        .merge(whoami::routes())
        .merge(workflows::routes())
}

fn described() -> (Router<ApiState>, OpenApi) {
    let (router, mut document) = OpenApiRouter::new().nest("/api/v1", features()).split_for_parts();
    conventions::document::complete(&mut document);
    (router, document)
}
