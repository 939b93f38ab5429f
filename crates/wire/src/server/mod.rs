//! What anybody may know of the server before signing in.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// The product.
    #[schema(examples("CodeCourier"))]
    pub name: String,
    /// Its version.
    #[schema(examples("0.1.0"))]
    pub version: String,
    /// Who may make an account.
    pub sign_up: SignUp,
    /// Whether nobody has an account yet: whoever signs up first runs the server.
    pub needs_operator: bool,
    /// Whether people sign in with a password.
    pub password_sign_in: bool,
    /// Whether people can have a link to sign in mailed to them.
    pub magic_link: bool,
    /// Outside providers to sign in with.
    pub sign_in_providers: Vec<SignInProvider>,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum SignUp {
    /// Anybody.
    Open,
    /// Whoever was invited into a project.
    Invitation,
    /// Nobody.
    Closed,
}

/// An outside provider to sign in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInProvider {
    /// Its name in addresses.
    pub id: String,
    /// Its name for people.
    pub name: String,
}
