//! Environment variables of a project: listed, set, changed, removed.

use axum::Json as Answered;
use axum::extract::State;
use codecourier_engine::Engine;
use codecourier_engine::variables::{NewVariable, Secrecy, VariableChange, VariableView};
use codecourier_wire::envelope::{Data, List};
use codecourier_wire::path::ProjectPath;
use codecourier_wire::variables::{CreateVariable, UpdateVariable, Variable, VariablePath};
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{InProject, operations, permission, role};
use crate::conventions::answer::{Answer, Created, Done, answer};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::path::Path;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(list, create, update, remove)
}

/// List the environment variables.
///
/// All of them, by name: a project has at most 100. The values of secret ones are shown to nobody.
#[utoipa::path(get, path = "/projects/{slug}/variables", tag = "variables", params(ProjectPath),
    responses((status = 200, description = "The variables.", body = List<Variable>)))]
async fn list(
    caller: InProject<role::Admin, permission::SettingsRead>,
    State(engine): State<Engine>,
) -> Answer<List<Variable>> {
    let found = engine.variables().list(&caller).await?;
    Ok(Answered(List::whole(found.into_iter().map(variable).collect())))
}

/// Set a new environment variable.
///
/// The agent, the setup script and the checks of later runs find it in their environment.
#[utoipa::path(post, path = "/projects/{slug}/variables", tag = "variables", params(ProjectPath),
    request_body = CreateVariable, responses((status = 201, description = "The variable.", body = Data<Variable>)))]
async fn create(
    caller: InProject<role::Admin, permission::SettingsWrite>,
    State(engine): State<Engine>,
    Json(request): Json<CreateVariable>,
) -> Result<Created<Variable>, ApiError> {
    let new = NewVariable {
        name: request.name,
        value: request.value.expose().into(),
        secrecy: secrecy(request.secret),
    };
    Ok(Created(variable(engine.variables().create(&caller, new).await?)))
}

/// Change an environment variable.
#[utoipa::path(patch, path = "/projects/{slug}/variables/{variable}", tag = "variables",
    params(ProjectPath, VariablePath), request_body = UpdateVariable,
    responses((status = 200, description = "The variable as it is now.", body = Data<Variable>)))]
async fn update(
    caller: InProject<role::Admin, permission::SettingsWrite>,
    State(engine): State<Engine>,
    Path(path): Path<VariablePath>,
    Json(request): Json<UpdateVariable>,
) -> Answer<Data<Variable>> {
    let change = VariableChange {
        value: request.value.map(|value| value.expose().into()),
        secrecy: request.secret.map(secrecy),
    };
    let changed = engine.variables().update(&caller, path.variable, change).await?;
    Ok(answer(variable(changed)))
}

/// Remove an environment variable.
#[utoipa::path(delete, path = "/projects/{slug}/variables/{variable}", tag = "variables",
    params(ProjectPath, VariablePath), responses((status = 204, description = "It is gone.")))]
async fn remove(
    caller: InProject<role::Admin, permission::SettingsWrite>,
    State(engine): State<Engine>,
    Path(path): Path<VariablePath>,
) -> Result<Done, ApiError> {
    engine.variables().delete(&caller, path.variable).await?;
    Ok(Done)
}

const fn secrecy(is_secret: bool) -> Secrecy {
    if is_secret { Secrecy::Secret } else { Secrecy::Plain }
}

fn variable(view: VariableView) -> Variable {
    Variable {
        id: view.id,
        name: view.name,
        secret: view.value.is_none(),
        value: view.value,
        created_at: view.created_at.into(),
        updated_at: view.updated_at.into(),
        updated_by: view.updated_by.to_string(),
    }
}
