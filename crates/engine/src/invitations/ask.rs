//! Inviting somebody, again if need be, and taking an invitation back.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::InvitationId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;
use codecourier_identity::secret_token::InvitationCode;
use codecourier_store::invitations::{Invitation, InvitationStatus as Status};
use codecourier_store::ledger::TokenHash;
use codecourier_store::{Error as StoreError, Tx};

use super::{InvitationView, Invitations, no_such_invitation, tell};
use crate::access::ProjectGrant;
use crate::access::standing::{demand, present};
use crate::accounts::{Throttle, admit};
use crate::deed::{Deed, Done};
use crate::error::{Error, ErrorCode};
use crate::mail::Post;
use crate::mail::order::{Content, Invited, Letter, Order};
use crate::random::uuid_v7;

/// For how long an invitation can be accepted, in milliseconds.
const GOOD_FOR: i64 = 14 * 24 * 60 * 60 * 1000;
/// How many people a project may have asked at a time.
const MOST_PENDING: u64 = 200;
/// How many invitations whose time is over are ended at once.
const EXPIRED_AT_ONCE: u32 = 100;

/// How an invitation reaches whom it is for.
#[derive(Clone)]
enum Carrier {
    /// By mail, which also proves the address.
    Mail,
    /// By whoever invites, who is shown a code once and hands it over.
    Hand(InvitationCode),
}

impl Invitations {
    /// Invites whoever has an account with this address, or makes one. Where there is mail, they are told by it; where
    /// there is none, what is given back holds a code for them, this once.
    pub async fn invite(&self, grant: &ProjectGrant, email: &str, role: MemberRole) -> Result<InvitationView, Error> {
        let email: EmailAddress = email
            .parse()
            .map_err(|_| Error::validation("This is not an email address.").of_field("email"))?;
        let deed = self.deed(grant);
        let grant = grant.clone();
        let (carrier, post) = (self.carrier()?, self.engine.post());
        let code = carrier.code();
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
                if let Err(refused) = carrier.admit(tx, &invitation, deed.at).await? {
                    return Ok(Err(refused));
                }
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
                let read = read.ok_or_else(no_such_invitation)?;
                carrier.take(tx, &post, &read, deed.at).await?;
                Ok::<_, Error>(Ok(read))
            })
        });
        let view = InvitationView::new(write.await??, deed.at);
        Ok(InvitationView { code, ..view })
    }

    /// Sends an invitation that is open again. Where there is no mail, what is given back holds another code, and the one
    /// before is worth nothing.
    pub async fn resend(&self, grant: &ProjectGrant, id: InvitationId) -> Result<InvitationView, Error> {
        let deed = self.deed(grant);
        let grant = grant.clone();
        let (carrier, post) = (self.carrier()?, self.engine.post());
        let code = carrier.code();
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let (_, own) = present(tx, &grant).await?;
                demand(own, MemberRole::Admin)?;
                let invitation = tx.read().invitation(grant.project, id).await?;
                let invitation = invitation.ok_or_else(no_such_invitation)?;
                if invitation.status != Status::Pending || invitation.expires_at <= deed.at {
                    return Err(ended(invitation.status));
                }
                if let Err(refused) = carrier.admit(tx, &invitation, deed.at).await? {
                    return Ok(Err(refused));
                }
                carrier.take(tx, &post, &invitation, deed.at).await?;
                let done = Done {
                    action: "invitation.resend",
                    target: id,
                };
                let detail = serde_json::json!({ "email": invitation.email });
                deed.audit(tx, grant.project, done, &detail).await?;
                tell(tx, &deed, &invitation, Status::Pending).await?;
                Ok::<_, Error>(Ok(invitation))
            })
        });
        let view = InvitationView::new(write.await??, deed.at);
        Ok(InvitationView { code, ..view })
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

    fn carrier(&self) -> Result<Carrier, Error> {
        if self.engine.accounts.config.mailer.is_configured() {
            return Ok(Carrier::Mail);
        }
        let code = InvitationCode::mint().map_err(|error| Error::internal("Making a code", error))?;
        Ok(Carrier::Hand(code))
    }

    pub(super) fn deed(&self, grant: &ProjectGrant) -> Deed {
        Deed::by(grant, self.engine.clock.now())
    }
}

impl Carrier {
    fn code(&self) -> Option<InvitationCode> {
        match self {
            Self::Mail => None,
            Self::Hand(code) => Some(code.clone()),
        }
    }

    /// Nobody's mailbox is filled by those who may invite.
    async fn admit(&self, tx: &mut Tx, invitation: &Invitation, now: Timestamp) -> Result<Result<(), Error>, Error> {
        match self {
            Self::Mail => admit(tx, &Throttle::invitation(&invitation.email, invitation.project), now).await,
            Self::Hand(_) => Ok(Ok(())),
        }
    }

    async fn take(&self, tx: &mut Tx, post: &Post, invitation: &Invitation, now: Timestamp) -> Result<(), Error> {
        let project = invitation.project;
        match self {
            Self::Hand(code) => {
                let code = TokenHash::from_bytes(code.sha256());
                Ok(tx.set_invitation_code(project, invitation.id, code).await?)
            }
            Self::Mail => {
                let project = tx.read().project(project).await?.ok_or_else(no_such_invitation)?;
                let invited = Invited {
                    invitation: invitation.id,
                    project: project.name,
                    inviter: invitation.inviter_name.clone(),
                    role: invitation.role,
                    until: invitation.expires_at,
                };
                let letter = Letter {
                    to: invitation.email.clone(),
                    user: None,
                    content: Content::Invited(invited),
                };
                post.put(tx, &Order::Letter(letter), now).await
            }
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
