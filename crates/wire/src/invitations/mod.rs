//! Invitations into projects, as the project and the invited person see them.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::InvitationId;
use codecourier_domain::member::MemberRole;
use garde::Validate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::schema;
use crate::secret::SecretText;
use crate::time::Time;

/// An invitation, as the project sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Invitation {
    /// Its identifier.
    #[schema(value_type = schema::InvitationId)]
    pub id: InvitationId,
    /// Who is invited: whoever has an account with this address, and proved it or has the code.
    #[schema(value_type = String)]
    pub email: EmailAddress,
    /// As what.
    #[schema(value_type = schema::MemberRole)]
    pub role: MemberRole,
    /// Who invites.
    #[schema(value_type = schema::Actor)]
    pub inviter: String,
    /// The name of the person who invites; `null` for a key.
    #[schema(required)]
    pub inviter_name: Option<String>,
    /// What has become of it.
    pub status: InvitationStatus,
    /// When it was made.
    pub created_at: Time,
    /// Until when it can be accepted.
    pub expires_at: Time,
    /// When it was accepted, declined or cancelled; `null` before.
    #[schema(required)]
    pub ended_at: Option<Time>,
    /// Where the server sends no mail: the code that the invited person needs, for you to hand over. It is shown once, in
    /// the answer to the invitation and in that of sending it again; `null` everywhere else.
    #[schema(value_type = Option<String>, required)]
    pub code: Option<SecretText>,
}

/// The code of an invitation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RedeemInvitation {
    /// What whoever invited you handed over.
    #[garde(length(chars, max = 128))]
    #[schema(value_type = String, max_length = 128)]
    pub code: SecretText,
}

/// What has become of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum InvitationStatus {
    /// It can be accepted.
    Pending,
    /// The person is in.
    Accepted,
    /// The person said no.
    Declined,
    /// The project took it back.
    Cancelled,
    /// Nobody answered in time.
    Expired,
}

/// An invitation, as the invited person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnInvitation {
    /// Its identifier.
    #[schema(value_type = schema::InvitationId)]
    pub id: InvitationId,
    /// The project's name.
    pub project_name: String,
    /// The project's name in addresses.
    #[schema(value_type = schema::Slug)]
    pub project_slug: String,
    /// As what.
    #[schema(value_type = schema::MemberRole)]
    pub role: MemberRole,
    /// The name of the person who invites; `null` for a key.
    #[schema(required)]
    pub inviter_name: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// Until when it can be accepted.
    pub expires_at: Time,
}

/// Somebody to invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, Validate)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invite {
    /// Their address.
    #[garde(length(bytes, max = 320))]
    #[schema(value_type = schema::EmailAddress)]
    pub email: String,
    /// As what.
    #[garde(skip)]
    #[serde(default)]
    pub role: InvitedRole,
}

/// What somebody can be invited as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum InvitedRole {
    /// A member.
    #[default]
    Member,
    /// An admin.
    Admin,
}

impl From<InvitedRole> for MemberRole {
    fn from(role: InvitedRole) -> Self {
        match role {
            InvitedRole::Member => Self::Member,
            InvitedRole::Admin => Self::Admin,
        }
    }
}

/// The project that somebody is in now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JoinedProject {
    /// The project's name in addresses.
    #[schema(value_type = schema::Slug)]
    pub slug: String,
}

/// The address of an invitation.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct InvitationPath {
    /// The invitation.
    #[param(value_type = schema::InvitationId)]
    pub invitation: InvitationId,
}
