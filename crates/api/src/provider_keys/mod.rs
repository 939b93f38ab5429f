//! Keys that a project has for outside services: listed, set, removed, tried.

use axum::Json as Answered;
use axum::extract::State;
use codecourier_engine::Engine;
use codecourier_engine::provider_keys::{CheckedKey, KeyVerdict, ProviderKeyView};
use codecourier_wire::envelope::{Data, List};
use codecourier_wire::path::ProjectPath;
use codecourier_wire::provider_keys::{
    ProviderKey, ProviderKeyCheck, ProviderKeyPath, ProviderKeyVerdict, SetProviderKey,
};
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{InProject, operations, permission, role};
use crate::conventions::answer::{Answer, Done, answer};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::path::Path;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(list, set, remove, validate)
}

/// List the provider keys.
///
/// All of them, one per service at most. The keys themselves are shown to nobody.
#[utoipa::path(get, path = "/projects/{slug}/provider-keys", tag = "provider-keys", params(ProjectPath),
    responses((status = 200, description = "The keys.", body = List<ProviderKey>)))]
async fn list(
    caller: InProject<role::Admin, permission::SettingsRead>,
    State(engine): State<Engine>,
) -> Answer<List<ProviderKey>> {
    let found = engine.provider_keys().list(&caller).await?;
    Ok(Answered(List::whole(found.into_iter().map(key).collect())))
}

/// Set a provider key.
///
/// In the place of another, if the project has one for the service. It takes effect at the next request.
#[utoipa::path(put, path = "/projects/{slug}/provider-keys/{provider}", tag = "provider-keys",
    params(ProjectPath, ProviderKeyPath), request_body = SetProviderKey,
    responses((status = 200, description = "The key, without itself.", body = Data<ProviderKey>)))]
async fn set(
    caller: InProject<role::Admin, permission::SettingsWrite>,
    State(engine): State<Engine>,
    Path(path): Path<ProviderKeyPath>,
    Json(request): Json<SetProviderKey>,
) -> Answer<Data<ProviderKey>> {
    let keys = engine.provider_keys();
    let set = keys.set(&caller, path.provider, request.key.expose().into()).await?;
    Ok(answer(key(set)))
}

/// Remove a provider key.
#[utoipa::path(delete, path = "/projects/{slug}/provider-keys/{provider}", tag = "provider-keys",
    params(ProjectPath, ProviderKeyPath), responses((status = 204, description = "It is gone.")))]
async fn remove(
    caller: InProject<role::Admin, permission::SettingsWrite>,
    State(engine): State<Engine>,
    Path(path): Path<ProviderKeyPath>,
) -> Result<Done, ApiError> {
    engine.provider_keys().remove(&caller, path.provider).await?;
    Ok(Done)
}

/// Try a provider key.
///
/// One request to the service that costs nothing.
#[utoipa::path(post, path = "/projects/{slug}/provider-keys/{provider}/validate", tag = "provider-keys",
    params(ProjectPath, ProviderKeyPath),
    responses((status = 200, description = "What the service said.", body = Data<ProviderKeyCheck>)))]
async fn validate(
    caller: InProject<role::Admin, permission::SettingsWrite>,
    State(engine): State<Engine>,
    Path(path): Path<ProviderKeyPath>,
) -> Answer<Data<ProviderKeyCheck>> {
    Ok(answer(check(
        engine.provider_keys().validate(&caller, path.provider).await?,
    )))
}

fn key(view: ProviderKeyView) -> ProviderKey {
    ProviderKey {
        provider: view.provider,
        last_four: view.last_four,
        set_at: view.set_at.into(),
        set_by: view.set_by.to_string(),
        last_used_at: view.last_used_at.map(Into::into),
        risk: view.provider.risk().map(str::to_owned),
    }
}

fn check(checked: CheckedKey) -> ProviderKeyCheck {
    ProviderKeyCheck {
        provider: checked.provider,
        verdict: match checked.verdict {
            KeyVerdict::Valid => ProviderKeyVerdict::Valid,
            KeyVerdict::Refused => ProviderKeyVerdict::Refused,
            KeyVerdict::Unreachable => ProviderKeyVerdict::Unreachable,
            KeyVerdict::Untried => ProviderKeyVerdict::Untried,
        },
        reason: checked.reason,
        checked_at: checked.at.into(),
    }
}
