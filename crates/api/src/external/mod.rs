//! Signing in through outside providers, and the webhook of the identity provider.
//!
//! A browser walks through `start` and `callback`, so both answer with a redirect whatever happens: to the provider, to
//! the page that the person wanted, or back to the sign-in page with a word that says why not. What the person cannot
//! mend is in the log.

mod cookie;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::Engine;
use codecourier_engine::error::chain;
use codecourier_engine::external::{NotSignedIn, Returned, Webhook, WhyNot};
use codecourier_wire::error::ErrorBody;
use codecourier_wire::external::{CallbackParams, IdentityEvent, ProviderPath, StartParams};
use secrecy::ExposeSecret as _;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{Anybody, cookie as session_cookie, operations};
use crate::conventions::answer::Done;
use crate::conventions::error::ApiError;
use crate::conventions::path::Path;
use crate::conventions::upload::Upload;
use crate::conventions::visitor::AtTheDoor;

/// The longest message of a provider that is read.
const WEBHOOK_BYTES: usize = 64 * 1024;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(start, callback, heed)
}

/// Begin to sign in with an outside provider.
///
/// For browsers: answers with a redirect to the provider, or back to the sign-in page with `error`.
#[utoipa::path(get, path = "/auth/providers/{provider}/start", tag = "external", params(ProviderPath, StartParams),
    responses((status = 303, description = "To the provider, or back to the sign-in page.")))]
async fn start(
    _: Anybody,
    State(state): State<ApiState>,
    Path(path): Path<ProviderPath>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Query(query.unwrap_or_default());
    let redirect_to = query.get("redirectTo");
    let external = state.engine.external();
    match external.start(&path.provider, redirect_to.as_deref()).await {
        Ok(started) => {
            let cookie = cookie::give(&state.config, started.binding.expose_secret(), started.lifetime);
            redirect(&started.location, [cookie])
        }
        Err(error) => back_to_sign_in(&path.provider, &error, None),
    }
}

/// Come back from an outside provider.
///
/// For browsers: answers with a redirect to the page that the person wanted, with the session's cookie, or back to the
/// sign-in page with `error`.
#[utoipa::path(get, path = "/auth/providers/{provider}/callback", tag = "external", params(ProviderPath, CallbackParams),
    responses((status = 303, description = "To the page that the person wanted, or back to the sign-in page.")))]
async fn callback(
    _: Anybody,
    State(state): State<ApiState>,
    Path(path): Path<ProviderPath>,
    AtTheDoor(visitor): AtTheDoor,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    // Providers add parameters of their own, so nothing is refused for being unknown.
    let query = Query(query.unwrap_or_default());
    let (given, error, issuer) = (query.get("code"), query.get("error"), query.get("iss"));
    let browser_state = query.get("state").unwrap_or_default();
    let returned = Returned {
        state: &browser_state,
        code: given.as_deref(),
        error: error.as_deref(),
        issuer: issuer.as_deref(),
        binding: cookie::binding(&headers, &state.config).unwrap_or_default(),
    };
    let finished = state.engine.external().finish(&path.provider, returned, &visitor).await;
    let over = cookie::take_back(&state.config);
    match finished {
        Ok(finished) => {
            let signed_in = finished.signed_in;
            let session = session_cookie::give(&state.config, signed_in.token.expose(), finished.lifetime);
            redirect(&finished.redirect_to, [over, session])
        }
        Err(error) => back_to_sign_in(&path.provider, &error, over),
    }
}

/// Take a message of the identity provider.
///
/// Signed as Svix does it, with the headers `svix-id`, `svix-timestamp` and `svix-signature`. `user.deleted` ends an
/// account; the same message takes effect once.
#[utoipa::path(post, path = "/webhooks/identity", tag = "external", request_body = IdentityEvent,
    responses((status = 204, description = "It was heeded, now or before."),
        (status = 401, description = "`AUTH_INVALID`: its signature is not good.", body = ErrorBody),
        (status = 404, description = "`NOT_FOUND`: no identity provider sends messages here.", body = ErrorBody)))]
async fn heed(
    _: Anybody,
    State(engine): State<Engine>,
    headers: HeaderMap,
    upload: Upload<WEBHOOK_BYTES>,
) -> Result<Done, ApiError> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let webhook = Webhook {
        id: text("svix-id"),
        timestamp: text("svix-timestamp"),
        signatures: text("svix-signature"),
        body: &upload.bytes,
    };
    engine.external().heed(webhook).await?;
    Ok(Done)
}

/// A query as a browser brings it, from whomever: read without complaint.
struct Query(String);

impl Query {
    fn get(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.0.as_bytes());
        pairs
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.into_owned())
    }
}

fn back_to_sign_in(provider: &str, error: &NotSignedIn, cookie: Option<HeaderValue>) -> Response {
    match error.why {
        WhyNot::Failed => tracing::error!(provider, error = chain(error), "A sign-in failed"),
        WhyNot::ProviderUnavailable | WhyNot::NotBelieved => {
            tracing::warn!(
                provider,
                error = chain(error),
                "A sign-in with an outside provider failed"
            );
        }
        _ => tracing::info!(
            provider,
            error = chain(error),
            "Somebody was not signed in by an outside provider"
        ),
    }
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("error", error.why.as_str());
    if error.why != WhyNot::UnknownProvider {
        query.append_pair("provider", provider);
    }
    let page = format!("/sign-in?{}", query.finish());
    redirect(&page, [cookie])
}

fn redirect<const N: usize>(location: &str, cookies: [Option<HeaderValue>; N]) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        // An address of a provider's own making that no header can hold.
        return redirect("/sign-in?error=provider-unavailable", [None]);
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    for cookie in cookies.into_iter().flatten() {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}
