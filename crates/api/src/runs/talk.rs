//! Telling the agent of a step something while it is under way.

use axum::extract::State;
use codecourier_engine::Engine;
use codecourier_engine::runs::talk::Wanted;
use codecourier_wire::error::ErrorBody;
use codecourier_wire::runs::{SendMessage, StepInput, StepPath, SwitchModel};

use super::Data;
use super::convert::input;
use crate::access::{InProject, permission, role};
use crate::conventions::answer::Accepted;
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::path::Path;

type MayWrite = InProject<role::Member, permission::RunsWrite>;

/// Say something to the agent of a step.
///
/// An agent that waits begins its next turn with it. One that works hears it in its turn if it can, or else when the
/// turn has ended. What is answered has been committed; `waiting` of the step lists what was not given to the agent yet.
#[utoipa::path(post, path = "/projects/{slug}/runs/{run}/steps/{step}/messages", tag = "runs", params(StepPath),
    request_body = SendMessage,
    responses((status = 202, description = "The message, which is on its way.", body = Data<StepInput>),
        (status = 409, description = "`CONFLICT`: its work is over. `AGENT_CAPABILITY`: it takes no further message.",
            body = ErrorBody)))]
pub(super) async fn message(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<StepPath>,
    Json(SendMessage { text }): Json<SendMessage>,
) -> Result<Accepted<StepInput>, ApiError> {
    tell(&engine, &project, &path, Wanted::Message { text }).await
}

/// Interrupt the agent of a step.
///
/// Its turn ends, and it waits for the next message, also in a step that would have ended by itself.
#[utoipa::path(post, path = "/projects/{slug}/runs/{run}/steps/{step}/interrupt", tag = "runs", params(StepPath),
    responses((status = 202, description = "The interruption, which is on its way.", body = Data<StepInput>),
        (status = 409, description = "`CONFLICT`: it is not at work. `AGENT_CAPABILITY`: it cannot be interrupted.",
            body = ErrorBody)))]
pub(super) async fn interrupt(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<StepPath>,
) -> Result<Accepted<StepInput>, ApiError> {
    tell(&engine, &project, &path, Wanted::Interrupt).await
}

/// Have the agent of a step go on with another model.
///
/// From its next turn on, in the same session.
#[utoipa::path(post, path = "/projects/{slug}/runs/{run}/steps/{step}/model", tag = "runs", params(StepPath),
    request_body = SwitchModel,
    responses((status = 202, description = "The switch, which is on its way.", body = Data<StepInput>),
        (status = 409, description = "`CONFLICT`: not now. `AGENT_CAPABILITY`: its agent cannot.", body = ErrorBody)))]
pub(super) async fn model(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<StepPath>,
    Json(SwitchModel { model }): Json<SwitchModel>,
) -> Result<Accepted<StepInput>, ApiError> {
    tell(&engine, &project, &path, Wanted::Model { model }).await
}

/// End the conversation with the agent of a step.
///
/// When its turn has ended, what it did is taken over: checks, branch, delivery.
#[utoipa::path(post, path = "/projects/{slug}/runs/{run}/steps/{step}/finish", tag = "runs", params(StepPath),
    responses((status = 202, description = "The end, which is on its way.", body = Data<StepInput>),
        (status = 409, description = "`CONFLICT`: not now.", body = ErrorBody)))]
pub(super) async fn finish(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<StepPath>,
) -> Result<Accepted<StepInput>, ApiError> {
    tell(&engine, &project, &path, Wanted::Finish).await
}

async fn tell(
    engine: &Engine,
    project: &MayWrite,
    path: &StepPath,
    wanted: Wanted,
) -> Result<Accepted<StepInput>, ApiError> {
    let (runs, actor) = (engine.runs(), project.actor.to_string());
    let told = runs.tell(project.project, path.run, path.step, wanted, &actor).await?;
    Ok(Accepted(input(told)))
}
