//! Signing in through outside providers, and what an identity provider tells by webhook.

use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A provider to sign in with.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ProviderPath {
    /// Its name in addresses, as `GET /server` lists it.
    #[param(example = "github")]
    pub provider: String,
}

/// Where to go after signing in.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub struct StartParams {
    /// A page of this server, beginning with one `/`. Anything else leads to the first page.
    #[garde(skip)]
    #[param(example = "/projects/clock")]
    pub redirect_to: Option<String>,
}

/// What a provider sends the browser back with.
#[derive(Debug, Clone, Serialize, Deserialize, Validate, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallbackParams {
    /// What the sign-in was begun with.
    #[garde(skip)]
    pub state: Option<String>,
    /// The code to exchange.
    #[garde(skip)]
    pub code: Option<String>,
    /// The provider's word for why there is no code.
    #[garde(skip)]
    pub error: Option<String>,
    /// Who answers.
    #[garde(skip)]
    pub iss: Option<String>,
}

/// A message of the identity provider.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IdentityEvent {
    /// What happened. Only `user.deleted` takes effect.
    #[serde(rename = "type")]
    #[schema(examples("user.deleted"))]
    pub kind: String,
    /// To whom: `{"id": …}`.
    pub data: serde_json::Value,
}
