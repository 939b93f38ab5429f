//! From the engine's types to the wire's, and back where a text must be something.

use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use codecourier_domain::email::EmailAddress;
use codecourier_domain::text::DisplayName;
use codecourier_engine::Error;
use codecourier_engine::access::Standing as OfEngine;
use codecourier_engine::accounts::{AccountView, Delivery as How, SessionView, SignedIn};
use codecourier_wire::accounts::{Account, Delivery, NewSession, Session, Standing};
use codecourier_wire::secret::SecretText;

use crate::access::cookie;
use crate::config::ApiConfig;

/// For how long a browser keeps the cookie: as long as a session can last at most. The server knows better when it ends.
pub(super) const COOKIE_LIFETIME: Duration = Duration::from_secs(90 * 24 * 60 * 60);

pub(super) fn email(text: &str) -> Result<EmailAddress, Error> {
    text.parse()
        .map_err(|_| Error::validation("This is not an email address.").of_field("email"))
}

pub(super) fn name(text: &str) -> Result<DisplayName, Error> {
    text.parse()
        .map_err(|invalid| Error::validation(format!("This name cannot be taken: {invalid}.")).of_field("name"))
}

pub(super) const fn how(delivery: Delivery) -> How {
    match delivery {
        Delivery::Cookie => How::Cookie,
        Delivery::Token => How::Token,
    }
}

pub(super) fn account(view: AccountView) -> Account {
    Account {
        id: view.id,
        email: view.email,
        email_verified_at: view.email_verified_at.map(Into::into),
        name: view.name,
        standing: match view.standing {
            OfEngine::Operator => Standing::Operator,
            OfEngine::User => Standing::User,
        },
        has_password: view.has_password,
        created_at: view.created_at.into(),
    }
}

pub(super) fn session(view: SessionView) -> Session {
    Session {
        id: view.id,
        device: view.device,
        address: view.address,
        created_at: view.created_at.into(),
        last_used_at: view.last_used_at.into(),
        expires_at: view.expires_at.into(),
        is_current: view.is_current,
    }
}

/// A session with its token: in the body, or in the header that goes with the answer.
pub(super) fn delivered(
    signed_in: SignedIn,
    delivery: Delivery,
    config: &ApiConfig,
) -> (NewSession, Option<HeaderValue>) {
    let (token, cookie) = match delivery {
        Delivery::Cookie => (None, cookie::give(config, signed_in.token.expose(), COOKIE_LIFETIME)),
        Delivery::Token => (Some(SecretText::new(signed_in.token.expose().to_owned())), None),
    };
    let session = NewSession {
        account: account(signed_in.account),
        session: signed_in.session,
        token,
        expires_at: signed_in.expires_at.into(),
    };
    (session, cookie)
}

/// An answer with a cookie, or one that takes it back. Nobody on the way keeps it.
pub(super) fn with_cookie(answer: impl IntoResponse, cookie: Option<HeaderValue>) -> Response {
    let mut response = answer.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}
