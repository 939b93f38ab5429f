//! API keys of a project: made, listed, read, rotated, revoked.

use std::time::Duration;

use axum::Json as Answered;
use axum::extract::State;
use codecourier_engine::api_keys::{ApiKeyStatus as Status, ApiKeyView, CreatedApiKey as Made, NewApiKey};
use codecourier_engine::error::sentence;
use codecourier_engine::{Engine, Error};
use codecourier_wire::envelope::{Data, List};
use codecourier_wire::keys::{ApiKey, ApiKeyPath, ApiKeyStatus, CreateApiKey, CreatedApiKey, RotateApiKey};
use codecourier_wire::page::PageParams;
use codecourier_wire::path::ProjectPath;
use codecourier_wire::secret::SecretText;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{InProject, operations, permission, role};
use crate::conventions::answer::{Answer, Created, Done, answer};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::page::Page;
use crate::conventions::path::Path;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(list, create, get, revoke, rotate)
}

/// List the API keys.
///
/// The newest first, those that are worth nothing any more among them.
#[utoipa::path(get, path = "/projects/{slug}/keys", tag = "keys", params(ProjectPath, PageParams),
    responses((status = 200, description = "The keys.", body = List<ApiKey>)))]
async fn list(
    caller: InProject<role::Admin, permission::KeysRead>,
    State(engine): State<Engine>,
    page: Page,
) -> Answer<List<ApiKey>> {
    let found = engine.api_keys().list(&caller, page.after()?, page.limit).await?;
    Ok(Answered(
        page.list(found.items.into_iter().map(key).collect(), found.next),
    ))
}

/// Make an API key.
///
/// Its token is in the answer, and never shown again. A key makes no key that may do more than itself.
#[utoipa::path(post, path = "/projects/{slug}/keys", tag = "keys", params(ProjectPath), request_body = CreateApiKey,
    responses((status = 201, description = "The key with its token.", body = Data<CreatedApiKey>)))]
async fn create(
    caller: InProject<role::Admin, permission::KeysWrite>,
    State(engine): State<Engine>,
    Json(request): Json<CreateApiKey>,
) -> Result<Created<CreatedApiKey>, ApiError> {
    let name = request
        .name
        .parse()
        .map_err(|error: codecourier_domain::text::InvalidText| {
            Error::validation(sentence(&error.to_string())).of_field("name")
        })?;
    let new = NewApiKey {
        name,
        permissions: request.permissions,
        lifetime: request
            .expires_in_seconds
            .map(|seconds| Duration::from_secs(seconds.into())),
    };
    Ok(Created(made(engine.api_keys().create(&caller, new).await?)))
}

/// Read an API key.
#[utoipa::path(get, path = "/projects/{slug}/keys/{key}", tag = "keys", params(ProjectPath, ApiKeyPath),
    responses((status = 200, description = "The key, without its token.", body = Data<ApiKey>)))]
async fn get(
    caller: InProject<role::Admin, permission::KeysRead>,
    State(engine): State<Engine>,
    Path(path): Path<ApiKeyPath>,
) -> Answer<Data<ApiKey>> {
    Ok(answer(key(engine.api_keys().get(&caller, path.key).await?)))
}

/// Revoke an API key.
///
/// It is worth nothing from now on. It stays in the list.
#[utoipa::path(delete, path = "/projects/{slug}/keys/{key}", tag = "keys", params(ProjectPath, ApiKeyPath),
    responses((status = 204, description = "It is worth nothing any more.")))]
async fn revoke(
    caller: InProject<role::Admin, permission::KeysWrite>,
    State(engine): State<Engine>,
    Path(path): Path<ApiKeyPath>,
) -> Result<Done, ApiError> {
    engine.api_keys().revoke(&caller, path.key).await?;
    Ok(Done)
}

/// Rotate an API key.
///
/// A key with the same name and scopes, and as long a life, takes its place. Both are good until the overlap ends.
#[utoipa::path(post, path = "/projects/{slug}/keys/{key}/rotate", tag = "keys", params(ProjectPath, ApiKeyPath),
    request_body = RotateApiKey,
    responses((status = 201, description = "The new key with its token.", body = Data<CreatedApiKey>)))]
async fn rotate(
    caller: InProject<role::Admin, permission::KeysWrite>,
    State(engine): State<Engine>,
    Path(path): Path<ApiKeyPath>,
    Json(request): Json<RotateApiKey>,
) -> Result<Created<CreatedApiKey>, ApiError> {
    let overlap = Duration::from_secs(request.overlap_seconds.into());
    Ok(Created(made(
        engine.api_keys().rotate(&caller, path.key, overlap).await?,
    )))
}

fn made(made: Made) -> CreatedApiKey {
    CreatedApiKey {
        key: key(made.key),
        token: SecretText::new(made.token.expose().to_owned()),
    }
}

fn key(view: ApiKeyView) -> ApiKey {
    let ApiKeyView { key, status } = view;
    ApiKey {
        id: key.id,
        name: key.name,
        display_prefix: key.display_prefix,
        permissions: key.permissions,
        status: match status {
            Status::Active => ApiKeyStatus::Active,
            Status::Retiring => ApiKeyStatus::Retiring,
            Status::Retired => ApiKeyStatus::Retired,
            Status::Expired => ApiKeyStatus::Expired,
            Status::Revoked => ApiKeyStatus::Revoked,
        },
        created_at: key.created_at.into(),
        created_by: key.created_by.to_string(),
        expires_at: key.expires_at.map(Into::into),
        last_used_at: key.last_used_at.map(Into::into),
        revoked_at: key.revoked_at.map(Into::into),
        replaced_by: key.replaced_by,
        retires_at: key.retires_at.map(Into::into),
    }
}
