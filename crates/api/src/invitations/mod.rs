//! Invitations: made, listed and taken back by a project; listed, accepted and declined by the invited person.

use axum::Json as Answered;
use axum::extract::State;
use codecourier_engine::Engine;
use codecourier_engine::invitations::{InvitationStatus as Status, InvitationView, OwnInvitationView};
use codecourier_wire::envelope::{Data, List};
use codecourier_wire::invitations::{
    Invitation, InvitationPath, InvitationStatus, Invite, JoinedProject, OwnInvitation, RedeemInvitation,
};
use codecourier_wire::page::PageParams;
use codecourier_wire::path::ProjectPath;
use codecourier_wire::secret::SecretText;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{InProject, SignedIn, operations, permission, role};
use crate::conventions::answer::{Answer, Created, Done, answer};
use crate::conventions::client_address::ClientAddress;
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::page::Page;
use crate::conventions::path::Path;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(list, invite, resend, cancel, mine, accept, redeem, decline)
}

/// List the invitations into a project.
///
/// The newest first, whatever became of them.
#[utoipa::path(get, path = "/projects/{slug}/invitations", tag = "invitations", params(ProjectPath, PageParams),
    responses((status = 200, description = "The invitations.", body = List<Invitation>)))]
async fn list(
    caller: InProject<role::Admin, permission::MembersRead>,
    State(engine): State<Engine>,
    page: Page,
) -> Answer<List<Invitation>> {
    let found = engine.invitations().list(&caller, page.after()?, page.limit).await?;
    let shown = found.items.into_iter().map(invitation);
    Ok(Answered(page.list(shown.collect(), found.next)))
}

/// Invite somebody.
///
/// Whoever has an account with this address, and proved it, can accept for 14 days. They are told by mail; where the server
/// sends none, the answer has a code, this once, for you to hand over.
#[utoipa::path(post, path = "/projects/{slug}/invitations", tag = "invitations", params(ProjectPath),
    request_body = Invite, responses((status = 201, description = "The invitation.", body = Data<Invitation>)))]
async fn invite(
    caller: InProject<role::Admin, permission::MembersWrite>,
    State(engine): State<Engine>,
    Json(request): Json<Invite>,
) -> Result<Created<Invitation>, ApiError> {
    let invitations = engine.invitations();
    let made = invitations.invite(&caller, &request.email, request.role.into()).await?;
    Ok(Created(invitation(made)))
}

/// Send an invitation again.
///
/// By mail; where the server sends none, the answer has another code, and the one before is worth nothing.
#[utoipa::path(post, path = "/projects/{slug}/invitations/{invitation}/resend", tag = "invitations",
    params(ProjectPath, InvitationPath),
    responses((status = 200, description = "The invitation.", body = Data<Invitation>)))]
async fn resend(
    caller: InProject<role::Admin, permission::MembersWrite>,
    State(engine): State<Engine>,
    Path(path): Path<InvitationPath>,
) -> Answer<Data<Invitation>> {
    let sent = engine.invitations().resend(&caller, path.invitation).await?;
    Ok(answer(invitation(sent)))
}

/// Take an invitation back.
#[utoipa::path(delete, path = "/projects/{slug}/invitations/{invitation}", tag = "invitations",
    params(ProjectPath, InvitationPath), responses((status = 204, description = "It cannot be accepted any more.")))]
async fn cancel(
    caller: InProject<role::Admin, permission::MembersWrite>,
    State(engine): State<Engine>,
    Path(path): Path<InvitationPath>,
) -> Result<Done, ApiError> {
    engine.invitations().cancel(&caller, path.invitation).await?;
    Ok(Done)
}

/// List your invitations.
///
/// Those that you can accept, the newest first. There are none before you have proved your address.
#[utoipa::path(get, path = "/account/invitations", tag = "invitations",
    responses((status = 200, description = "Your invitations.", body = List<OwnInvitation>)))]
async fn mine(SignedIn(person): SignedIn, State(engine): State<Engine>) -> Answer<List<OwnInvitation>> {
    let found = engine.invitations().mine(person.user).await?;
    Ok(Answered(List::whole(found.into_iter().map(own).collect())))
}

/// Accept an invitation.
#[utoipa::path(post, path = "/invitations/{invitation}/accept", tag = "invitations", params(InvitationPath),
    responses((status = 200, description = "The project that you are in now.", body = Data<JoinedProject>)))]
async fn accept(
    SignedIn(person): SignedIn,
    address: ClientAddress,
    State(engine): State<Engine>,
    Path(path): Path<InvitationPath>,
) -> Answer<Data<JoinedProject>> {
    let slug = engine
        .invitations()
        .accept(address.asker(&person), path.invitation)
        .await?;
    Ok(answer(JoinedProject { slug }))
}

/// Accept an invitation by its code.
///
/// For servers that send no mail: your account has the address that was invited, and whoever invited you gave you the code.
#[utoipa::path(post, path = "/invitations/{invitation}/redeem", tag = "invitations", params(InvitationPath),
    request_body = RedeemInvitation,
    responses((status = 200, description = "The project that you are in now.", body = Data<JoinedProject>)))]
async fn redeem(
    SignedIn(person): SignedIn,
    address: ClientAddress,
    State(engine): State<Engine>,
    Path(path): Path<InvitationPath>,
    Json(request): Json<RedeemInvitation>,
) -> Answer<Data<JoinedProject>> {
    let invitations = engine.invitations();
    let slug = invitations
        .redeem(address.asker(&person), path.invitation, request.code.expose())
        .await?;
    Ok(answer(JoinedProject { slug }))
}

/// Decline an invitation.
#[utoipa::path(post, path = "/invitations/{invitation}/decline", tag = "invitations", params(InvitationPath),
    responses((status = 204, description = "It is declined.")))]
async fn decline(
    SignedIn(person): SignedIn,
    address: ClientAddress,
    State(engine): State<Engine>,
    Path(path): Path<InvitationPath>,
) -> Result<Done, ApiError> {
    engine
        .invitations()
        .decline(address.asker(&person), path.invitation)
        .await?;
    Ok(Done)
}

fn invitation(view: InvitationView) -> Invitation {
    Invitation {
        id: view.id,
        email: view.email,
        role: view.role,
        inviter: view.inviter.to_string(),
        inviter_name: view.inviter_name,
        status: match view.status {
            Status::Pending => InvitationStatus::Pending,
            Status::Accepted => InvitationStatus::Accepted,
            Status::Declined => InvitationStatus::Declined,
            Status::Cancelled => InvitationStatus::Cancelled,
            Status::Expired => InvitationStatus::Expired,
        },
        created_at: view.created_at.into(),
        expires_at: view.expires_at.into(),
        ended_at: view.ended_at.map(Into::into),
        code: view.code.map(|code| SecretText::new(code.expose().to_owned())),
    }
}

fn own(view: OwnInvitationView) -> OwnInvitation {
    OwnInvitation {
        id: view.invitation.id,
        project_name: view.project_name,
        project_slug: view.project_slug,
        role: view.invitation.role,
        inviter_name: view.invitation.inviter_name,
        created_at: view.invitation.created_at.into(),
        expires_at: view.invitation.expires_at.into(),
    }
}
