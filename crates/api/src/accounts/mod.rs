//! Accounts: signing up, in and out, links in mail, and a person's own account and devices.
//!
//! Invariant: a token leaves in a cookie or in the body, as was asked, and nowhere else; answers that carry one are not
//! kept by anybody on the way.

mod account;
mod convert;
mod enter;
mod renew;

use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::operations;

pub(crate) use renew::renew_cookie;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(
        enter::sign_up,
        enter::sign_in,
        enter::sign_out,
        enter::rotate_session,
        enter::request_password_reset,
        enter::confirm_password_reset,
        enter::request_magic_link,
        enter::confirm_magic_link,
        enter::verify_email,
        enter::resend_verification,
        account::get,
        account::update,
        account::delete,
        account::change_password,
        account::list_sessions,
        account::end_session,
        account::end_other_sessions,
    )
}
