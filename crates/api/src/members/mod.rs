//! Members of a project: listed, given roles, removed; and those who leave or hand the project over.

use axum::Json as Answered;
use axum::extract::State;
use codecourier_engine::Engine;
use codecourier_engine::members::MemberView;
use codecourier_wire::envelope::{Data, List};
use codecourier_wire::members::{ChangeRole, Member, MemberPath, TransferProject};
use codecourier_wire::page::PageParams;
use codecourier_wire::path::ProjectPath;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{InProject, operations, permission, role};
use crate::conventions::answer::{Answer, Done, answer};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::page::Page;
use crate::conventions::path::Path;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(list, change_role, remove, leave, transfer)
}

/// List the members of a project.
///
/// The newest first.
#[utoipa::path(get, path = "/projects/{slug}/members", tag = "members", params(ProjectPath, PageParams),
    responses((status = 200, description = "The members.", body = List<Member>)))]
async fn list(
    caller: InProject<role::Member, permission::MembersRead>,
    State(engine): State<Engine>,
    page: Page,
) -> Answer<List<Member>> {
    let found = engine.members().list(&caller, page.after()?, page.limit).await?;
    let shown = found.items.into_iter().map(member);
    Ok(Answered(page.list(shown.collect(), found.next)))
}

/// Change a member's role.
///
/// Only owners touch the roles of admins and owners. A project always has an owner.
#[utoipa::path(patch, path = "/projects/{slug}/members/{user}", tag = "members", params(ProjectPath, MemberPath),
    request_body = ChangeRole, responses((status = 200, description = "The member.", body = Data<Member>)))]
async fn change_role(
    caller: InProject<role::Admin, permission::MembersWrite>,
    State(engine): State<Engine>,
    Path(path): Path<MemberPath>,
    Json(request): Json<ChangeRole>,
) -> Answer<Data<Member>> {
    let changed = engine.members().change_role(&caller, path.user, request.role).await?;
    Ok(answer(member(changed)))
}

/// Remove a member.
///
/// Only owners remove admins and owners.
#[utoipa::path(delete, path = "/projects/{slug}/members/{user}", tag = "members", params(ProjectPath, MemberPath),
    responses((status = 204, description = "They are not in the project any more.")))]
async fn remove(
    caller: InProject<role::Admin, permission::MembersWrite>,
    State(engine): State<Engine>,
    Path(path): Path<MemberPath>,
) -> Result<Done, ApiError> {
    engine.members().remove(&caller, path.user).await?;
    Ok(Done)
}

/// Leave a project.
///
/// The last owner cannot, nor can who is alone in it.
#[utoipa::path(post, path = "/projects/{slug}/leave", tag = "members", params(ProjectPath),
    responses((status = 204, description = "You are not in the project any more.")))]
async fn leave(
    caller: InProject<role::Member, permission::NoKeys>,
    State(engine): State<Engine>,
) -> Result<Done, ApiError> {
    engine.members().leave(&caller).await?;
    Ok(Done)
}

/// Hand a project over.
///
/// The member becomes an owner, and you an admin.
#[utoipa::path(post, path = "/projects/{slug}/transfer", tag = "members", params(ProjectPath),
    request_body = TransferProject, responses((status = 204, description = "It is handed over.")))]
async fn transfer(
    caller: InProject<role::Owner, permission::NoKeys>,
    State(engine): State<Engine>,
    Json(request): Json<TransferProject>,
) -> Result<Done, ApiError> {
    engine.members().transfer(&caller, request.user).await?;
    Ok(Done)
}

fn member(view: MemberView) -> Member {
    Member {
        user: view.user,
        name: view.name,
        email: view.email,
        role: view.role,
        joined_at: view.joined_at.into(),
    }
}
