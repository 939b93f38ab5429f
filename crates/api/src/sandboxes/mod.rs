//! The sandboxes of a project: started to talk to an agent, listed, read, paused, killed; the files in them.

mod files;

use axum::extract::State;
use codecourier_domain::money::MicroUsd;
use codecourier_engine::Engine;
use codecourier_engine::sandboxes::{SandboxRequest, SandboxView, State as EngineState, Usage};
use codecourier_wire::envelope::{Data, List};
use codecourier_wire::page::PageParams;
use codecourier_wire::runs::{RunDetail, RunLimits};
use codecourier_wire::sandboxes::{Sandbox, SandboxIsolation, SandboxPath, SandboxStatus, SandboxUsage, StartSandbox};
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{InProject, operations, permission, role};
use crate::conventions::answer::{Accepted, Answer, Done, answer};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::page::Page;
use crate::conventions::path::Path;
use crate::runs::{detail, limits};

type MayRead = InProject<role::Member, permission::SandboxesRead>;
type MayWrite = InProject<role::Member, permission::SandboxesWrite>;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(
        list,
        start,
        get,
        pause,
        resume,
        kill,
        files::list_files,
        files::read_file
    )
}

/// List the sandboxes that are alive, newest first.
#[utoipa::path(get, path = "/projects/{slug}/sandboxes", tag = "sandboxes", params(PageParams),
    responses((status = 200, description = "A page of sandboxes.", body = List<Sandbox>)))]
async fn list(project: MayRead, State(engine): State<Engine>, page: Page) -> Answer<List<Sandbox>> {
    let (found, next) = engine.sandboxes().list(&project, page.after()?, page.limit).await?;
    Ok(axum::Json(page.list(found.into_iter().map(sandbox).collect(), next)))
}

/// Start a sandbox to talk to an agent in.
///
/// It is a run of one interactive step, whose workflow is `sandbox`. When the step is there, its sandbox is the step's
/// `sandboxId`; messages, interruptions and the end go to the step. What is answered has been committed.
#[utoipa::path(post, path = "/projects/{slug}/sandboxes", tag = "sandboxes", request_body = StartSandbox,
    responses((status = 202, description = "The run of the sandbox, which is being prepared.", body = Data<RunDetail>)))]
async fn start(
    project: MayWrite,
    State(engine): State<Engine>,
    Json(request): Json<StartSandbox>,
) -> Result<Accepted<RunDetail>, ApiError> {
    let StartSandbox {
        prompt,
        agent,
        model,
        effort,
        repository,
        base_branch,
        limits: wanted,
        budget_micro_usd,
    } = request;
    let request = SandboxRequest {
        prompt: prompt.unwrap_or_default(),
        agent,
        model,
        effort,
        repository,
        base_branch,
        limits: wanted.map(limits).transpose()?,
        budget: budget_micro_usd.map(MicroUsd),
    };
    let view = engine.sandboxes().start(&project, request).await?;
    Ok(Accepted(detail(view, 0)?))
}

/// Pause a sandbox: its processes stop where they are, and its memory stays.
///
/// What is said to its agent meanwhile waits. It stays paused until somebody resumes it, and its time limit does not go on.
/// Pausing twice is as once.
#[utoipa::path(post, path = "/projects/{slug}/sandboxes/{sandbox}/pause", tag = "sandboxes", params(SandboxPath),
    responses((status = 200, description = "The sandbox, paused.", body = Data<Sandbox>)))]
async fn pause(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<SandboxPath>,
) -> Answer<Data<Sandbox>> {
    Ok(answer(sandbox(engine.sandboxes().pause(&project, path.sandbox).await?)))
}

/// Let a paused sandbox go on.
#[utoipa::path(post, path = "/projects/{slug}/sandboxes/{sandbox}/resume", tag = "sandboxes", params(SandboxPath),
    responses((status = 200, description = "The sandbox, which runs.", body = Data<Sandbox>)))]
async fn resume(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<SandboxPath>,
) -> Answer<Data<Sandbox>> {
    Ok(answer(sandbox(
        engine.sandboxes().resume(&project, path.sandbox).await?,
    )))
}

/// Read a sandbox: what it may use, what it uses, and what keeps it apart.
#[utoipa::path(get, path = "/projects/{slug}/sandboxes/{sandbox}", tag = "sandboxes", params(SandboxPath),
    responses((status = 200, description = "The sandbox.", body = Data<Sandbox>)))]
async fn get(project: MayRead, State(engine): State<Engine>, Path(path): Path<SandboxPath>) -> Answer<Data<Sandbox>> {
    Ok(answer(sandbox(engine.sandboxes().get(&project, path.sandbox).await?)))
}

/// Kill every process of a sandbox.
///
/// Its step fails; a run that may do the step once more gets a new sandbox. To end the run, cancel it. A sandbox that was
/// started to talk to an agent in ends with its run, which is cancelled.
#[utoipa::path(post, path = "/projects/{slug}/sandboxes/{sandbox}/kill", tag = "sandboxes", params(SandboxPath),
    responses((status = 204, description = "Its processes are dead.")))]
async fn kill(
    project: MayWrite,
    State(engine): State<Engine>,
    Path(path): Path<SandboxPath>,
) -> Result<Done, ApiError> {
    engine.sandboxes().kill(&project, path.sandbox).await?;
    Ok(Done)
}

fn sandbox(view: SandboxView) -> Sandbox {
    let status = match view.alive.as_ref().map(|alive| &alive.state) {
        None => SandboxStatus::Creating,
        Some(EngineState::Running) => SandboxStatus::Running,
        Some(EngineState::Paused) => SandboxStatus::Paused,
        Some(EngineState::Ended(_)) => SandboxStatus::Killed,
    };
    let limits = view.limits;
    Sandbox {
        id: view.id,
        status,
        run_id: view.run,
        step_id: view.step,
        lane: view.lane,
        created_at: view.created_at.into(),
        limits: RunLimits {
            memory_mb: limits.memory_mb(),
            cpus: limits.cpus(),
            processes: limits.processes(),
            disk_mb: limits.disk_mb(),
            timeout_seconds: limits.timeout_seconds(),
        },
        isolation: view.alive.as_ref().map(|alive| SandboxIsolation {
            tier: alive.isolation.tier.as_str().to_owned(),
            protects_from: alive.isolation.tier.protects_from().to_owned(),
            degraded: alive
                .isolation
                .degraded
                .iter()
                .map(|degraded| degraded.to_string())
                .collect(),
        }),
        usage: view.alive.map(|alive| usage(alive.usage)),
    }
}

pub(crate) const fn usage(usage: Usage) -> SandboxUsage {
    SandboxUsage {
        memory_bytes: usage.memory_bytes,
        cpu_microseconds: usage.cpu_microseconds,
        processes: usage.processes,
        disk_bytes: usage.disk_bytes,
    }
}
