//! Accounts: signing up, in and out, and what people see of their own account.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{SessionId, UserId};
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;
use crate::secret::SecretText;
use crate::time::Time;

/// How the token of a session is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Delivery {
    /// In a cookie, for browsers.
    #[default]
    Cookie,
    /// In the answer, for programs: send it as a bearer token.
    Token,
}

/// Somebody who wants an account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignUpRequest {
    /// The address.
    #[garde(length(bytes, max = 254))]
    #[schema(value_type = schema::EmailAddress)]
    pub email: String,
    /// The name as others see it.
    #[garde(length(chars, max = 80))]
    #[schema(value_type = schema::DisplayName)]
    pub name: String,
    /// The password: 10 to 1024 bytes.
    #[garde(length(chars, min = 10, max = 1024))]
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024)]
    pub password: SecretText,
    /// The code of an invitation: needed where accounts are for the invited and the server sends no mail.
    #[garde(length(chars, max = 128))]
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 128)]
    pub invitation_code: Option<SecretText>,
    /// How the token of the session is delivered.
    #[garde(skip)]
    #[serde(default)]
    pub delivery: Delivery,
}

/// Somebody who has an account and a password.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignInRequest {
    /// The address.
    #[garde(length(bytes, max = 254))]
    #[schema(value_type = schema::EmailAddress)]
    pub email: String,
    /// The password.
    #[garde(length(chars, max = 1024))]
    #[schema(value_type = String, format = Password, max_length = 1024)]
    pub password: SecretText,
    /// How the token of the session is delivered.
    #[garde(skip)]
    #[serde(default)]
    pub delivery: Delivery,
}

/// What came of a sign-up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum SignUpResult {
    /// There is an account, and its person is signed in.
    #[serde(rename_all = "camelCase")]
    SignedIn {
        /// The account and its session.
        session: Box<NewSession>,
    },
    /// A message is on its way to the address, if it may have an account. It says how to go on.
    AnsweredByMail,
}

/// Somebody who has just signed in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSession {
    /// The account.
    pub account: Account,
    /// The session.
    #[schema(value_type = schema::SessionId)]
    pub session: SessionId,
    /// The token of the session, if it was asked for; otherwise it is in the cookie, and this is `null`.
    #[schema(value_type = Option<String>, required)]
    pub token: Option<SecretText>,
    /// From when on the session is worth nothing, used or not. Unused it ends after 30 days.
    pub expires_at: Time,
}

/// The next token of a session.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotatedSession {
    /// The token. The one before stays good for a minute; who brings it later ends the session.
    #[schema(value_type = String)]
    pub token: SecretText,
    /// From when on the token is worth nothing, unless it was replaced before.
    pub token_expires_at: Time,
    /// From when on the session is worth nothing, used or not.
    pub expires_at: Time,
}

/// What came of following a link to prove an address.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum VerifyEmailResult {
    /// The account was made, and its person is signed in.
    #[serde(rename_all = "camelCase")]
    SignedIn {
        /// The account and its session.
        session: Box<NewSession>,
    },
    /// The address of an account that was there is proved.
    #[serde(rename_all = "camelCase")]
    Verified {
        /// The account.
        account: Box<Account>,
    },
}

/// An address to send a link to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinkRequest {
    /// The address.
    #[garde(length(bytes, max = 254))]
    #[schema(value_type = schema::EmailAddress)]
    pub email: String,
}

/// The token of a link that was followed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FollowLink {
    /// The token, from behind the `#`.
    #[garde(length(chars, max = 256))]
    #[schema(value_type = String, max_length = 256)]
    pub token: SecretText,
    /// How the token of the session is delivered.
    #[garde(skip)]
    #[serde(default)]
    pub delivery: Delivery,
}

/// Another password for whoever followed a link.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfirmPasswordReset {
    /// The token, from behind the `#`.
    #[garde(length(chars, max = 256))]
    #[schema(value_type = String, max_length = 256)]
    pub token: SecretText,
    /// The password: 10 to 1024 bytes.
    #[garde(length(chars, min = 10, max = 1024))]
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024)]
    pub password: SecretText,
}

/// Another password for whoever is signed in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangePassword {
    /// The present password. Absent only where there is none.
    #[garde(length(chars, max = 1024))]
    #[schema(value_type = Option<String>, format = Password, max_length = 1024)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_password: Option<SecretText>,
    /// The new one: 10 to 1024 bytes.
    #[garde(length(chars, min = 10, max = 1024))]
    #[schema(value_type = String, format = Password, min_length = 10, max_length = 1024)]
    pub password: SecretText,
}

/// The proof that an account is deleted by its person.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteAccount {
    /// The present password. Absent only where there is none.
    #[garde(length(chars, max = 1024))]
    #[schema(value_type = Option<String>, format = Password, max_length = 1024)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_password: Option<SecretText>,
}

/// What is to be different in an account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateAccount {
    /// The name as others see it.
    #[garde(length(chars, max = 80))]
    #[schema(value_type = schema::DisplayName)]
    pub name: String,
}

/// An account, as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its identifier.
    #[schema(value_type = schema::UserId)]
    pub id: UserId,
    /// The address.
    #[schema(value_type = Option<String>, required)]
    pub email: Option<EmailAddress>,
    /// When the person proved to read the mail of that address; `null` before.
    #[schema(required)]
    pub email_verified_at: Option<Time>,
    /// The name as others see it.
    pub name: String,
    /// What the person is to the server.
    pub standing: Standing,
    /// Whether a password is set.
    pub has_password: bool,
    /// When the account was made.
    pub created_at: Time,
}

/// What a person is to the server as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AccountStanding)]
pub enum Standing {
    /// They run it.
    Operator,
    /// They use it.
    User,
}

/// A device where a person is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Its identifier.
    #[schema(value_type = schema::SessionId)]
    pub id: SessionId,
    /// What the device says it is.
    pub device: String,
    /// The network address where the person signed in.
    pub address: String,
    /// When the person signed in.
    pub created_at: Time,
    /// When it was last used, to the minute.
    pub last_used_at: Time,
    /// From when on it is worth nothing, used or not.
    pub expires_at: Time,
    /// Whether it is the one that asks.
    pub is_current: bool,
}

/// The address of a session.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SessionPath {
    /// The session.
    #[param(value_type = schema::SessionId)]
    pub session: SessionId,
}
