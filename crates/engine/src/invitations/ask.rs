//! Inviting somebody, and taking an invitation back.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::InvitationId;
use codecourier_domain::member::MemberRole;
use codecourier_store::Error as StoreError;
use codecourier_store::invitations::{Invitation, InvitationStatus as Status};

use super::{InvitationView, Invitations, no_such_invitation, tell};
use crate::access::ProjectGrant;
use crate::access::standing::{demand, present};
use crate::deed::{Deed, Done};
use crate::error::{Error, ErrorCode};
use crate::random::uuid_v7;

/// For how long an invitation can be accepted, in milliseconds.
const GOOD_FOR: i64 = 14 * 24 * 60 * 60 * 1000;
/// How many people a project may have asked at a time.
const MOST_PENDING: u64 = 200;
/// How many invitations whose time is over are ended at once.
const EXPIRED_AT_ONCE: u32 = 100;

impl Invitations {
    /// Invites whoever has an account with this address, or makes one.
    pub async fn invite(&self, grant: &ProjectGrant, email: &str, role: MemberRole) -> Result<InvitationView, Error> {
        let email: EmailAddress = email
            .parse()
            .map_err(|_| Error::validation("This is not an email address.").of_field("email"))?;
        let deed = self.deed(grant);
        let grant = grant.clone();
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let (_, own) = present(tx, &grant).await?;
                demand(own, MemberRole::Admin)?;
                if !own.may_invite_as(role) {
                    let message = "People are invited as `admin` or `member`. Make them owner when they are in.";
                    return Err(Error::validation(message).of_field("role"));
                }
                for expired in tx.expire_invitations(deed.at, EXPIRED_AT_ONCE).await? {
                    tell(tx, &deed, &expired, Status::Expired).await?;
                }
                let account = tx.read().account_by_email(&email).await?;
                let account = account.filter(|account| account.email_verified_at.is_some());
                if let Some(account) = account
                    && tx.read().membership(grant.project, account.id).await?.is_some()
                {
                    let message = format!("`{email}` is a member of this project already.");
                    return Err(Error::new(ErrorCode::Conflict, message).of_field("email"));
                }
                if tx.read().pending_invitations(grant.project, deed.at).await? >= MOST_PENDING {
                    let message = format!("A project has at most {MOST_PENDING} open invitations. Cancel some first.");
                    return Err(Error::new(ErrorCode::Conflict, message));
                }
                let invitation = Invitation {
                    id: InvitationId::from_uuid(uuid_v7(deed.at)),
                    project: grant.project,
                    email,
                    role,
                    inviter: grant.actor,
                    inviter_name: None,
                    status: Status::Pending,
                    created_at: deed.at,
                    expires_at: deed.at.plus_milliseconds(GOOD_FOR),
                    ended_at: None,
                };
                match tx.insert_invitation(&invitation).await {
                    Err(StoreError::Taken { .. }) => {
                        let message = format!("`{}` is invited to this project already.", invitation.email);
                        return Err(Error::new(ErrorCode::Conflict, message).of_field("email"));
                    }
                    inserted => inserted?,
                }
                let done = Done {
                    action: "invitation.create",
                    target: invitation.id,
                };
                let detail = serde_json::json!({ "email": invitation.email, "role": role });
                deed.audit(tx, grant.project, done, &detail).await?;
                tell(tx, &deed, &invitation, Status::Pending).await?;
                let read = tx.read().invitation(grant.project, invitation.id).await?;
                read.ok_or_else(no_such_invitation)
            })
        });
        Ok(InvitationView::new(write.await?, deed.at))
    }

    /// Takes an invitation back.
    pub async fn cancel(&self, grant: &ProjectGrant, id: InvitationId) -> Result<(), Error> {
        let deed = self.deed(grant);
        let grant = grant.clone();
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let (_, own) = present(tx, &grant).await?;
                demand(own, MemberRole::Admin)?;
                let invitation = tx.read().invitation(grant.project, id).await?;
                let invitation = invitation.ok_or_else(no_such_invitation)?;
                match tx.end_invitation(grant.project, id, Status::Cancelled, deed.at).await {
                    Err(StoreError::Stale { .. }) => return Err(ended(invitation.status)),
                    cancelled => cancelled?,
                }
                let done = Done {
                    action: "invitation.cancel",
                    target: id,
                };
                let detail = serde_json::json!({ "email": invitation.email });
                deed.audit(tx, grant.project, done, &detail).await?;
                tell(tx, &deed, &invitation, Status::Cancelled).await?;
                Ok(())
            })
        });
        write.await
    }

    pub(super) fn deed(&self, grant: &ProjectGrant) -> Deed {
        Deed {
            actor: grant.actor,
            at: self.engine.clock.now(),
        }
    }
}

/// The answer about an invitation that cannot be answered any more.
pub(super) fn ended(status: Status) -> Error {
    let message = match status {
        Status::Accepted => "This invitation was accepted already.",
        Status::Declined => "This invitation was declined.",
        Status::Cancelled => "This invitation was taken back.",
        Status::Expired | Status::Pending => "This invitation has expired. Ask for another one.",
    };
    Error::new(ErrorCode::Conflict, message)
}
