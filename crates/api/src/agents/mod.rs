//! The coding agents: what each can do, and whether it can work here.

mod convert;

use axum::extract::State;
use codecourier_engine::Engine;
use codecourier_wire::agents::Agent;
use codecourier_wire::envelope::Data;
use utoipa_axum::router::OpenApiRouter;

pub use convert::agent;
pub(crate) use convert::{agent_name, effort_name, template_choice};

use crate::ApiState;
use crate::access::{Anyone, InProject, operations, permission, role};
use crate::conventions::answer::{Answer, answer};

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(of_server, of_project)
}

/// List the agents with what each can do.
///
/// Every agent that CodeCourier knows, in a fixed order, also those that cannot work here: `problem` says why. Keys and
/// the command of `acp` are the server's; a project may have its own.
#[utoipa::path(get, path = "/agents", tag = "agents",
    responses((status = 200, description = "The agents.", body = Data<Vec<Agent>>)))]
async fn of_server(_: Anyone, State(engine): State<Engine>) -> Answer<Data<Vec<Agent>>> {
    Ok(answer(engine.agents().of_server().into_iter().map(agent).collect()))
}

/// List the agents as they are in a project.
///
/// With the project's own keys and its own command of `acp`: what its next run will find.
#[utoipa::path(get, path = "/projects/{slug}/agents", tag = "agents",
    responses((status = 200, description = "The agents.", body = Data<Vec<Agent>>)))]
async fn of_project(
    project: InProject<role::Member, permission::RunsRead>,
    State(engine): State<Engine>,
) -> Answer<Data<Vec<Agent>>> {
    let agents = engine.agents().of_project(&project).await?;
    Ok(answer(agents.into_iter().map(agent).collect()))
}
