//! Invitations as the project and the invited person see them.

use codecourier_domain::actor::Actor;
use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::InvitationId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;
use codecourier_identity::secret_token::InvitationCode;
use codecourier_store::invitations::{Invitation, InvitationStatus as Status, OwnInvitation};

/// What has become of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// An invitation as the project sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationView {
    /// Its identifier.
    pub id: InvitationId,
    /// Who is invited.
    pub email: EmailAddress,
    /// As what.
    pub role: MemberRole,
    /// Who invites.
    pub inviter: Actor,
    /// The name of the person who invites.
    pub inviter_name: Option<String>,
    /// What has become of it.
    pub status: InvitationStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
    /// When it was accepted, declined or cancelled.
    pub ended_at: Option<Timestamp>,
    /// What it is accepted with where no mail proves addresses. Only whoever invites is shown it, and only now.
    pub code: Option<InvitationCode>,
}

/// An invitation as the invited person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnInvitationView {
    /// The invitation.
    pub invitation: InvitationView,
    /// The name of the project.
    pub project_name: String,
    /// The project's name in addresses.
    pub project_slug: String,
}

impl InvitationView {
    /// A pending one whose time is over has expired, whether somebody noted it or not.
    pub(super) fn new(invitation: Invitation, now: Timestamp) -> Self {
        let status = match invitation.status {
            Status::Pending if invitation.expires_at <= now => InvitationStatus::Expired,
            Status::Pending => InvitationStatus::Pending,
            Status::Accepted => InvitationStatus::Accepted,
            Status::Declined => InvitationStatus::Declined,
            Status::Cancelled => InvitationStatus::Cancelled,
            Status::Expired => InvitationStatus::Expired,
        };
        Self {
            id: invitation.id,
            email: invitation.email,
            role: invitation.role,
            inviter: invitation.inviter,
            inviter_name: invitation.inviter_name,
            status,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
            ended_at: invitation.ended_at,
            code: None,
        }
    }
}

impl OwnInvitationView {
    pub(super) fn new(own: OwnInvitation, now: Timestamp) -> Self {
        Self {
            invitation: InvitationView::new(own.invitation, now),
            project_name: own.project_name,
            project_slug: own.project_slug,
        }
    }
}
