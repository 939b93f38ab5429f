//! A person's own account, and the devices where they are signed in.

use std::sync::Arc;

use axum::Json as Answered;
use axum::extract::State;
use axum::response::Response;
use codecourier_engine::Engine;
use codecourier_wire::accounts::{Account, ChangePassword, DeleteAccount, Session, SessionPath, UpdateAccount};
use codecourier_wire::envelope::{Data, List};

use super::convert::{account, name, session, with_cookie};
use crate::access::{SignedIn, cookie};
use crate::config::ApiConfig;
use crate::conventions::answer::{Answer, Done, answer};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::path::Path;
use crate::conventions::visitor::AtTheDoor;

/// Get your account.
#[utoipa::path(get, path = "/account", tag = "accounts",
    responses((status = 200, description = "The account.", body = Data<Account>)))]
pub(super) async fn get(SignedIn(person): SignedIn, State(engine): State<Engine>) -> Answer<Data<Account>> {
    Ok(answer(account(engine.accounts().get(&person).await?)))
}

/// Change your account.
#[utoipa::path(patch, path = "/account", tag = "accounts", request_body = UpdateAccount,
    responses((status = 200, description = "The account.", body = Data<Account>)))]
pub(super) async fn update(
    SignedIn(person): SignedIn,
    State(engine): State<Engine>,
    Json(request): Json<UpdateAccount>,
) -> Answer<Data<Account>> {
    let name = name(&request.name)?;
    Ok(answer(account(engine.accounts().rename(&person, name).await?)))
}

/// Delete your account.
///
/// You leave every project, and nothing personal stays. The last owner of a project hands it over or deletes it first.
#[utoipa::path(delete, path = "/account", tag = "accounts", request_body = DeleteAccount,
    responses((status = 204, description = "The account is gone.")))]
pub(super) async fn delete(
    SignedIn(person): SignedIn,
    State(engine): State<Engine>,
    State(config): State<Arc<ApiConfig>>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<DeleteAccount>,
) -> Result<Response, ApiError> {
    let password = request.current_password.map(|text| text.expose().into());
    engine.accounts().delete(&person, password.as_ref(), &visitor).await?;
    Ok(with_cookie(Done, cookie::take_back(&config)))
}

/// Change your password.
///
/// Every other device is signed out.
#[utoipa::path(put, path = "/account/password", tag = "accounts", request_body = ChangePassword,
    responses((status = 204, description = "The password is set.")))]
pub(super) async fn change_password(
    SignedIn(person): SignedIn,
    State(engine): State<Engine>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<ChangePassword>,
) -> Result<Done, ApiError> {
    let present = request.current_password.map(|text| text.expose().into());
    let new = request.password.expose().into();
    let accounts = engine.accounts();
    accounts
        .change_password(&person, present.as_ref(), new, &visitor)
        .await?;
    Ok(Done)
}

/// List the devices where you are signed in.
///
/// The newest first; at most a hundred, in one page.
#[utoipa::path(get, path = "/account/sessions", tag = "accounts",
    responses((status = 200, description = "The sessions.", body = List<Session>)))]
pub(super) async fn list_sessions(SignedIn(person): SignedIn, State(engine): State<Engine>) -> Answer<List<Session>> {
    let sessions = engine.accounts().sessions(&person).await?;
    Ok(Answered(List {
        data: sessions.into_iter().map(session).collect(),
        next_cursor: None,
        has_more: false,
    }))
}

/// Sign out of one device.
#[utoipa::path(delete, path = "/account/sessions/{session}", tag = "accounts", params(SessionPath),
    responses((status = 204, description = "The session has ended.")))]
pub(super) async fn end_session(
    SignedIn(person): SignedIn,
    State(engine): State<Engine>,
    Path(path): Path<SessionPath>,
) -> Result<Done, ApiError> {
    engine.accounts().end_session(&person, path.session).await?;
    Ok(Done)
}

/// Sign out of every other device.
#[utoipa::path(delete, path = "/account/sessions", tag = "accounts",
    responses((status = 204, description = "The other sessions have ended.")))]
pub(super) async fn end_other_sessions(
    SignedIn(person): SignedIn,
    State(engine): State<Engine>,
) -> Result<Done, ApiError> {
    engine.accounts().end_other_sessions(&person).await?;
    Ok(Done)
}
