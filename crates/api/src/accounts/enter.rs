//! Signing up, in and out, and links in mail.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use codecourier_engine::access::Credential;
use codecourier_engine::accounts::{SignUp, SignUpOutcome, Verified};
use codecourier_engine::{Engine, ErrorCode};
use codecourier_wire::accounts::{
    ConfirmPasswordReset, FollowLink, LinkRequest, NewSession, RotatedSession, SignInRequest, SignUpRequest,
    SignUpResult, VerifyEmailResult,
};
use codecourier_wire::envelope::Data;
use codecourier_wire::error::ErrorBody;
use codecourier_wire::secret::SecretText;

use super::convert::{account, delivered, email, how, name, with_cookie};
use crate::access::{Anybody, SignedIn, cookie};
use crate::config::ApiConfig;
use crate::conventions::answer::{Done, answer};
use crate::conventions::error::ApiError;
use crate::conventions::json::Json;
use crate::conventions::visitor::AtTheDoor;

/// Sign up.
///
/// The first account of a server runs it. Where mail is configured, every other account is made when the link in a
/// message was followed, and the answer is the same whether the address has an account or not.
#[utoipa::path(post, path = "/auth/sign-up", tag = "accounts", request_body = SignUpRequest,
    responses((status = 200, description = "What came of it.", body = Data<SignUpResult>)))]
pub(super) async fn sign_up(
    _: Anybody,
    State(engine): State<Engine>,
    State(config): State<Arc<ApiConfig>>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<SignUpRequest>,
) -> Result<Response, ApiError> {
    let delivery = request.delivery;
    let asked = SignUp {
        email: email(&request.email)?,
        name: name(&request.name)?,
        password: request.password.expose().into(),
        invitation_code: request.invitation_code.map(|code| code.expose().to_owned()),
    };
    let outcome = engine.accounts().sign_up(asked, &visitor, how(delivery)).await?;
    Ok(match outcome {
        SignUpOutcome::SignedIn(signed_in) => {
            let (session, cookie) = delivered(*signed_in, delivery, &config);
            let session = Box::new(session);
            with_cookie(answer(SignUpResult::SignedIn { session }), cookie)
        }
        SignUpOutcome::AnsweredByMail => with_cookie(answer(SignUpResult::AnsweredByMail), None),
    })
}

/// Sign in.
///
/// With `delivery: token` the session's token is in the answer, for programs; otherwise it is in a cookie. Too many
/// attempts are refused for a while.
#[utoipa::path(post, path = "/auth/sign-in", tag = "accounts", request_body = SignInRequest,
    responses((status = 200, description = "The session.", body = Data<NewSession>),
        (status = 401, description = "`AUTH_INVALID`: the address or the password is wrong.", body = ErrorBody)))]
pub(super) async fn sign_in(
    _: Anybody,
    State(engine): State<Engine>,
    State(config): State<Arc<ApiConfig>>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<SignInRequest>,
) -> Result<Response, ApiError> {
    let (email, delivery) = (email(&request.email)?, request.delivery);
    let password = request.password.expose().into();
    let accounts = engine.accounts();
    let signed_in = accounts.sign_in(email, &password, &visitor, how(delivery)).await?;
    let (session, cookie) = delivered(signed_in, delivery, &config);
    Ok(with_cookie(answer(session), cookie))
}

/// Sign out.
///
/// Ends the session of this device.
#[utoipa::path(post, path = "/auth/sign-out", tag = "accounts",
    responses((status = 204, description = "The session has ended.")))]
pub(super) async fn sign_out(
    SignedIn(person): SignedIn,
    State(engine): State<Engine>,
    State(config): State<Arc<ApiConfig>>,
) -> Result<Response, ApiError> {
    if let Some(session) = person.session {
        engine.accounts().sign_out(person.user, session).await?;
    }
    Ok(with_cookie(Done, cookie::take_back(&config)))
}

/// Get the next token of a session.
///
/// For programs that signed in with `delivery: token`: a token is good for 30 days, so ask from time to time. The one
/// before stays good for a minute. After that, whoever brings it ends the session, since one of the two was copied.
#[utoipa::path(post, path = "/auth/session/rotate", tag = "accounts",
    responses((status = 200, description = "The next token.", body = Data<RotatedSession>)))]
pub(super) async fn rotate_session(
    SignedIn(person): SignedIn,
    State(engine): State<Engine>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let not_a_session = || {
        let message = "This is for tokens that were given to programs, and your request carries none.";
        ApiError::new(ErrorCode::Conflict, message)
    };
    person.session.ok_or_else(not_a_session)?;
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer
        .and_then(|text| text.split_once(' '))
        .map(|(_, token)| token.trim());
    let Some(Ok(Credential::Session(token))) = bearer.map(Credential::from_bearer) else {
        return Err(not_a_session());
    };
    let rotated = engine.access().rotate_session(&token).await?;
    let rotated = RotatedSession {
        token: SecretText::new(rotated.token.expose().to_owned()),
        token_expires_at: rotated.token_expires_at.into(),
        expires_at: rotated.expires_at.into(),
    };
    Ok(with_cookie(answer(rotated), None))
}

/// Ask for another password.
///
/// A link is mailed to the address, if it has an account. The answer does not tell.
#[utoipa::path(post, path = "/auth/password-reset", tag = "accounts", request_body = LinkRequest,
    responses((status = 204, description = "A link is on its way, if there is an account.")))]
pub(super) async fn request_password_reset(
    _: Anybody,
    State(engine): State<Engine>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<LinkRequest>,
) -> Result<Done, ApiError> {
    let email = email(&request.email)?;
    engine.accounts().request_password_reset(email, &visitor).await?;
    Ok(Done)
}

/// Set another password by a link.
///
/// Every device is signed out.
#[utoipa::path(post, path = "/auth/password-reset/confirm", tag = "accounts", request_body = ConfirmPasswordReset,
    responses((status = 204, description = "The password is set. Sign in with it."),
        (status = 401, description = "`AUTH_INVALID`: the link is not good any more.", body = ErrorBody)))]
pub(super) async fn confirm_password_reset(
    _: Anybody,
    State(engine): State<Engine>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<ConfirmPasswordReset>,
) -> Result<Done, ApiError> {
    let (token, password) = (request.token.expose(), request.password.expose().into());
    let accounts = engine.accounts();
    accounts.confirm_password_reset(token, password, &visitor).await?;
    Ok(Done)
}

/// Ask for the link to prove your address again.
///
/// It is mailed to the address, if there is a sign-up to finish or an account whose address was not proved. The answer does
/// not tell.
#[utoipa::path(post, path = "/auth/verify-email/resend", tag = "accounts", request_body = LinkRequest,
    responses((status = 204, description = "A link is on its way, if there is anything to prove.")))]
pub(super) async fn resend_verification(
    _: Anybody,
    State(engine): State<Engine>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<LinkRequest>,
) -> Result<Done, ApiError> {
    let email = email(&request.email)?;
    engine.accounts().request_verification(email, &visitor).await?;
    Ok(Done)
}

/// Ask for a link to sign in.
///
/// It is mailed to the address, if it has an account. The answer does not tell.
#[utoipa::path(post, path = "/auth/magic-link", tag = "accounts", request_body = LinkRequest,
    responses((status = 204, description = "A link is on its way, if there is an account.")))]
pub(super) async fn request_magic_link(
    _: Anybody,
    State(engine): State<Engine>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<LinkRequest>,
) -> Result<Done, ApiError> {
    let email = email(&request.email)?;
    engine.accounts().request_magic_link(email, &visitor).await?;
    Ok(Done)
}

/// Sign in by a link.
#[utoipa::path(post, path = "/auth/magic-link/confirm", tag = "accounts", request_body = FollowLink,
    responses((status = 200, description = "The session.", body = Data<NewSession>),
        (status = 401, description = "`AUTH_INVALID`: the link is not good any more.", body = ErrorBody)))]
pub(super) async fn confirm_magic_link(
    _: Anybody,
    State(engine): State<Engine>,
    State(config): State<Arc<ApiConfig>>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<FollowLink>,
) -> Result<Response, ApiError> {
    let (token, delivery) = (request.token.expose(), request.delivery);
    let accounts = engine.accounts();
    let signed_in = accounts.confirm_magic_link(token, &visitor, how(delivery)).await?;
    let (session, cookie) = delivered(signed_in, delivery, &config);
    Ok(with_cookie(answer(session), cookie))
}

/// Prove an address by a link.
///
/// Finishes a sign-up, or proves the address of an account that is there.
#[utoipa::path(post, path = "/auth/verify-email", tag = "accounts", request_body = FollowLink,
    responses((status = 200, description = "What came of it.", body = Data<VerifyEmailResult>),
        (status = 401, description = "`AUTH_INVALID`: the link is not good any more.", body = ErrorBody)))]
pub(super) async fn verify_email(
    _: Anybody,
    State(engine): State<Engine>,
    State(config): State<Arc<ApiConfig>>,
    AtTheDoor(visitor): AtTheDoor,
    Json(request): Json<FollowLink>,
) -> Result<Response, ApiError> {
    let (token, delivery) = (request.token.expose(), request.delivery);
    let accounts = engine.accounts();
    Ok(match accounts.verify_email(token, &visitor, how(delivery)).await? {
        Verified::SignedIn(signed_in) => {
            let (session, cookie) = delivered(*signed_in, delivery, &config);
            let session = Box::new(session);
            with_cookie(answer(VerifyEmailResult::SignedIn { session }), cookie)
        }
        Verified::Address(view) => {
            let account = Box::new(account(*view));
            with_cookie(answer(VerifyEmailResult::Verified { account }), None)
        }
    })
}
