//! The settings of a project: read, and changed over the revision that was read.

mod convert;

use axum::extract::State;
use codecourier_engine::Engine;
use codecourier_wire::envelope::Data;
use codecourier_wire::path::ProjectPath;
use codecourier_wire::settings::{Settings, UpdateSettings};
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{InProject, operations, permission, role};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::revision::{IfMatch, IfMatchHeader, IfNoneMatchHeader, Revised};
use convert::{patch, settings};

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(get, update)
}

/// Read the settings.
///
/// What the project's runs take unless whoever starts one says otherwise. The `ETag` names the state that was read.
#[utoipa::path(get, path = "/projects/{slug}/settings", tag = "settings", params(ProjectPath, IfNoneMatchHeader),
    responses((status = 200, description = "The settings.", body = Data<Settings>, headers(("ETag" = String))),
        (status = 304, description = "They are as the caller has them.")))]
async fn get(
    caller: InProject<role::Admin, permission::SettingsRead>,
    State(engine): State<Engine>,
) -> Result<Revised<Settings>, ApiError> {
    let view = engine.settings().get(&caller).await?;
    Ok(Revised {
        revision: view.revision,
        data: settings(view),
    })
}

/// Change the settings.
///
/// What is absent stays. Runs that were started keep what they were started with.
#[utoipa::path(patch, path = "/projects/{slug}/settings", tag = "settings", params(ProjectPath, IfMatchHeader),
    request_body = UpdateSettings,
    responses((status = 200, description = "The settings as they are now.", body = Data<Settings>, headers(("ETag" = String)))))]
async fn update(
    caller: InProject<role::Admin, permission::SettingsWrite>,
    State(engine): State<Engine>,
    IfMatch(revision): IfMatch,
    Json(request): Json<UpdateSettings>,
) -> Result<Revised<Settings>, ApiError> {
    let view = engine.settings().update(&caller, revision, patch(request)?).await?;
    Ok(Revised {
        revision: view.revision,
        data: settings(view),
    })
}
