//! A provider's description of itself (OpenID Connect Discovery 1.0).
//!
//! Invariant: it is about the issuer that was asked, and every address in it is one that requests may go to.

use std::sync::Arc;

use serde::Deserialize;

use super::token::ClientAuthentication;
use crate::jwks::PublishedKeys;
use crate::outbound::{Endpoint, FetchError, Outbound, Proof};

/// Where a provider has what.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) authorization: Endpoint,
    pub(super) token: Endpoint,
    pub(super) userinfo: Option<Endpoint>,
    pub(super) keys: Arc<PublishedKeys>,
    pub(super) authentication: ClientAuthentication,
    /// Whether it says in each answer to the browser who it is (RFC 9207).
    pub(super) names_itself: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

pub(super) async fn fetch(outbound: &Arc<Outbound>, at: &Endpoint, issuer: &str) -> Result<Description, FetchError> {
    let location = format!("{}/.well-known/openid-configuration", at.as_str().trim_end_matches('/'));
    let unsound = |name: &str, error: &dyn std::error::Error| FetchError::Unreadable {
        host: at.as_str().to_owned(),
        reason: format!("its {name} cannot be used: {error}"),
    };
    let location = outbound
        .endpoint(&location)
        .map_err(|error| unsound("description's address", &error))?;
    let answer = outbound.get(&location, Proof::None, "application/json").await?;
    answer.body()?;
    let document: Document = answer.read()?;
    if document.issuer != issuer {
        return Err(answer.unreadable("it describes another issuer than the one that is configured"));
    }
    let endpoint = |name: &str, text: &str| outbound.endpoint(text).map_err(|error| unsound(name, &error));
    let keys = endpoint("key set's address", &document.jwks_uri)?;
    Ok(Description {
        authorization: endpoint("authorization endpoint", &document.authorization_endpoint)?,
        token: endpoint("token endpoint", &document.token_endpoint)?,
        userinfo: document
            .userinfo_endpoint
            .map(|text| endpoint("userinfo endpoint", &text))
            .transpose()?,
        keys: Arc::new(PublishedKeys::at(Arc::clone(outbound), keys)),
        authentication: ClientAuthentication::of(document.token_endpoint_auth_methods_supported.as_deref()),
        names_itself: document.authorization_response_iss_parameter_supported,
    })
}
