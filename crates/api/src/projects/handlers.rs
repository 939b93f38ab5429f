//! The routes of projects.

use axum::Json as Answered;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use codecourier_engine::Engine;
use codecourier_engine::access::{Principal, ProjectGrant};
use codecourier_engine::projects::{CreateProject as New, ProjectEdit, ProjectView};
use codecourier_wire::envelope::{Data, List};
use codecourier_wire::page::PageParams;
use codecourier_wire::path::ProjectPath;
use codecourier_wire::projects::{CreateProject, DeleteProject, Project, ProjectFilter, UpdateProject};

use super::convert::project;
use crate::access::{InProject, SignedIn, permission, role};
use crate::conventions::answer::{Answer, Done};
use crate::conventions::client_address::ClientAddress;
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::page::Page;
use crate::conventions::path::Path;
use crate::conventions::query::Query;
use crate::conventions::revision::{IfMatch, IfMatchHeader, Revised};

/// List your projects.
///
/// The newest first. With `deleted=true`, those that were deleted and that you, as an owner, can restore.
#[utoipa::path(get, path = "/projects", tag = "projects", params(PageParams, ProjectFilter),
    responses((status = 200, description = "Your projects.", body = List<Project>)))]
pub(super) async fn list(
    SignedIn(person): SignedIn,
    State(engine): State<Engine>,
    page: Page<ProjectFilter>,
) -> Answer<List<Project>> {
    let projects = engine.projects();
    let found = if page.filter.deleted.unwrap_or_default() {
        projects.list_deleted(person.user, page.after()?, page.limit).await?
    } else {
        projects.list(person.user, page.after()?, page.limit).await?
    };
    let last = projects.last_active(person.user).await?;
    let shown = found.items.into_iter().map(|view| project(view, last.as_deref()));
    Ok(Answered(page.list(shown.collect(), found.next)))
}

/// Create a project.
///
/// You are its first owner.
#[utoipa::path(post, path = "/projects", tag = "projects", request_body = CreateProject,
    responses((status = 201, description = "The project.", body = Data<Project>, headers(("ETag" = String)))))]
pub(super) async fn create(
    SignedIn(person): SignedIn,
    address: ClientAddress,
    State(engine): State<Engine>,
    Json(request): Json<CreateProject>,
) -> Result<Response, ApiError> {
    let new = New {
        name: request.name,
        slug: request.slug,
        description: request.description,
        repository: request.repository,
        default_branch: request.default_branch,
    };
    let view = engine.projects().create(address.asker(&person), new).await?;
    let slug = view.slug.clone();
    Ok((StatusCode::CREATED, revised(view, Some(&slug))).into_response())
}

/// Get a project.
///
/// For a person, it becomes the project they worked in last.
#[utoipa::path(get, path = "/projects/{slug}", tag = "projects", params(ProjectPath),
    responses((status = 200, description = "The project.", body = Data<Project>, headers(("ETag" = String)))))]
pub(super) async fn get(
    caller: InProject<role::Member, permission::ProjectRead>,
    State(engine): State<Engine>,
) -> Result<Response, ApiError> {
    let projects = engine.projects();
    projects.enter(&caller).await?;
    let view = projects.get(&caller).await?;
    let last = last_active(&engine, caller.principal()).await?;
    Ok(revised(view, last.as_deref()))
}

/// Change a project.
///
/// What is absent stays. A former slug goes on leading to the project until another one takes it.
#[utoipa::path(patch, path = "/projects/{slug}", tag = "projects", params(ProjectPath, IfMatchHeader),
    request_body = UpdateProject,
    responses((status = 200, description = "The project.", body = Data<Project>, headers(("ETag" = String)))))]
pub(super) async fn update(
    caller: InProject<role::Admin, permission::ProjectWrite>,
    State(engine): State<Engine>,
    IfMatch(seen): IfMatch,
    Json(request): Json<UpdateProject>,
) -> Result<Response, ApiError> {
    let edit = ProjectEdit {
        name: request.name,
        slug: request.slug,
        description: request.description,
        repository: request.repository,
        default_branch: request.default_branch,
    };
    let view = engine.projects().update(&caller, seen, edit).await?;
    let last = last_active(&engine, caller.principal()).await?;
    Ok(revised(view, last.as_deref()))
}

/// Delete a project.
///
/// Nobody finds it any more, and what runs in it ends. An owner can restore it for 30 days. `name` must be the project's
/// name, typed by the person who deletes it.
#[utoipa::path(delete, path = "/projects/{slug}", tag = "projects", params(ProjectPath, DeleteProject),
    responses((status = 204, description = "It is deleted.")))]
pub(super) async fn delete(
    caller: InProject<role::Owner, permission::NoKeys>,
    State(engine): State<Engine>,
    Query(confirmed): Query<DeleteProject>,
) -> Result<Done, ApiError> {
    let grant: &ProjectGrant = &caller;
    engine.projects().delete(grant, &confirmed.name).await?;
    Ok(Done)
}

/// Restore a deleted project.
///
/// For one of its owners.
#[utoipa::path(post, path = "/projects/{slug}/restore", tag = "projects", params(ProjectPath),
    responses((status = 200, description = "The project.", body = Data<Project>, headers(("ETag" = String)))))]
pub(super) async fn restore(
    SignedIn(person): SignedIn,
    address: ClientAddress,
    State(engine): State<Engine>,
    Path(path): Path<ProjectPath>,
) -> Result<Response, ApiError> {
    let projects = engine.projects();
    let view = projects.restore(address.asker(&person), &path.slug).await?;
    let last = projects.last_active(person.user).await?;
    Ok(revised(view, last.as_deref()))
}

/// A project with its `ETag`. It is sent anew each time, since it also says what the caller is in it, which the tag does
/// not.
fn revised(view: ProjectView, last_active: Option<&str>) -> Response {
    let revised = Revised {
        revision: view.revision,
        data: project(view, last_active),
    };
    let always = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (always, revised).into_response()
}

async fn last_active(engine: &Engine, principal: &Principal) -> Result<Option<String>, ApiError> {
    match principal {
        Principal::Person(person) => Ok(engine.projects().last_active(person.user).await?),
        Principal::ApiKey(_) => Ok(None),
    }
}
