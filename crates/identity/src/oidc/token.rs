//! The exchange of a code for tokens (RFC 6749, 4.1.3, with RFC 7636).
//!
//! Also used by `github`, whose exchange is the same. Invariant: the code, the secret and the tokens are in no error.

use secrecy::SecretString;
use serde::Deserialize;

use crate::outbound::{Endpoint, FetchError, Outbound, Proof};
use crate::provider::{SignInFailed, refusal_word};

/// How a client shows its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientAuthentication {
    /// In a header: `client_secret_basic`.
    Basic,
    /// In the form: `client_secret_post`.
    Post,
}

/// What goes to the token endpoint.
pub(crate) struct Exchange<'a> {
    pub(crate) code: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) client_secret: Option<&'a SecretString>,
    pub(crate) authentication: ClientAuthentication,
    pub(crate) verifier: &'a SecretString,
    pub(crate) return_to: &'a str,
}

/// What comes from it.
pub(crate) struct Tokens {
    pub(crate) access_token: SecretString,
    pub(crate) id_token: Option<String>,
}

impl ClientAuthentication {
    /// The first of ours that a provider takes; `client_secret_basic` when it does not tell.
    pub(super) fn of(methods: Option<&[String]>) -> Self {
        let takes = |wanted: &str| methods.is_none_or(|methods| methods.iter().any(|method| method == wanted));
        if takes("client_secret_basic") || !takes("client_secret_post") {
            Self::Basic
        } else {
            Self::Post
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    id_token: Option<String>,
    error: Option<String>,
}

pub(crate) async fn exchange(
    outbound: &Outbound,
    endpoint: &Endpoint,
    exchange: Exchange<'_>,
) -> Result<Tokens, SignInFailed> {
    use secrecy::ExposeSecret as _;

    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", exchange.code),
        ("redirect_uri", exchange.return_to),
        ("code_verifier", exchange.verifier.expose_secret()),
    ];
    let proof = match (exchange.client_secret, exchange.authentication) {
        (Some(secret), ClientAuthentication::Basic) => Proof::Basic {
            id: exchange.client_id,
            secret,
        },
        (Some(secret), ClientAuthentication::Post) => {
            form.push(("client_id", exchange.client_id));
            form.push(("client_secret", secret.expose_secret()));
            Proof::None
        }
        (None, _) => {
            form.push(("client_id", exchange.client_id));
            Proof::None
        }
    };
    let answer = outbound
        .post_form(endpoint, proof, &form)
        .await
        .map_err(SignInFailed::Provider)?;
    // A refusal comes with status 400, from GitHub with 200. Either way its body says why.
    let read: Result<Answer, FetchError> = answer.read();
    if let Ok(Answer { error: Some(error), .. }) = &read {
        return Err(SignInFailed::Refused(refusal_word(error)));
    }
    answer.body().map_err(SignInFailed::Provider)?;
    let tokens = read.map_err(SignInFailed::Provider)?;
    let access_token = tokens
        .access_token
        .ok_or_else(|| SignInFailed::Provider(answer.unreadable("there is no token in it")))?;
    Ok(Tokens {
        access_token: access_token.into(),
        id_token: tokens.id_token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_the_way_the_provider_takes() {
        let of = |methods: &[&str]| {
            let methods: Vec<String> = methods.iter().map(|&method| method.to_owned()).collect();
            ClientAuthentication::of(Some(&methods))
        };
        assert_eq!(ClientAuthentication::of(None), ClientAuthentication::Basic);
        assert_eq!(of(&["client_secret_post"]), ClientAuthentication::Post);
        assert_eq!(
            of(&["client_secret_post", "client_secret_basic"]),
            ClientAuthentication::Basic
        );
        assert_eq!(of(&["private_key_jwt"]), ClientAuthentication::Basic);
    }
}
