//! Accepting and declining: what only the invited person can do. `docs/decisions` says what proves who that is.

use codecourier_domain::id::{InvitationId, UserId};
use codecourier_identity::secret_token::InvitationCode;
use codecourier_store::Tx;
use codecourier_store::invitations::{InvitationStatus as Status, OwnInvitation};
use codecourier_store::ledger::TokenHash;
use codecourier_store::members::Membership;

use super::ask::ended;
use super::list::proved_address;
use super::{Invitations, no_such_invitation, tell};
use crate::access::Asker;
use crate::deed::{Deed, Done};
use crate::error::Error;
use crate::members;

/// By what somebody is the one who was invited.
#[derive(Clone, Copy)]
enum Proof {
    /// They proved to read the mail of the address.
    Address,
    /// Their account has the address, unproved, and they have the code that whoever invited them handed over.
    Code(TokenHash),
}

impl Invitations {
    /// Accepts an invitation, and gives the slug of the project that the person is in from now on. Who is in it already
    /// stays what they are.
    pub async fn accept(&self, asker: impl Into<Asker>, id: InvitationId) -> Result<String, Error> {
        self.join(asker.into(), id, Proof::Address).await
    }

    /// Accepts an invitation by its code.
    pub async fn redeem(&self, asker: impl Into<Asker>, id: InvitationId, code: &str) -> Result<String, Error> {
        let code = InvitationCode::parse(code).map_err(|_| no_such_invitation())?;
        let proof = Proof::Code(TokenHash::from_bytes(code.sha256()));
        self.join(asker.into(), id, proof).await
    }

    /// Declines an invitation.
    pub async fn decline(&self, asker: impl Into<Asker>, id: InvitationId) -> Result<(), Error> {
        let asker = asker.into();
        let (user, deed) = (asker.user, self.deed_of(asker));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                answered(tx, &deed, user, (id, Status::Declined), Proof::Address)
                    .await
                    .map(drop)
            })
        });
        write.await
    }

    async fn join(&self, asker: Asker, id: InvitationId, proof: Proof) -> Result<String, Error> {
        let (user, deed) = (asker.user, self.deed_of(asker));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let own = answered(tx, &deed, user, (id, Status::Accepted), proof).await?;
                let project = own.invitation.project;
                if tx.read().membership(project, user).await?.is_none() {
                    let membership = Membership {
                        project,
                        user,
                        role: own.invitation.role,
                        joined_at: deed.at,
                    };
                    members::join(tx, &deed, &membership, "member.join").await?;
                }
                Ok::<_, Error>(own.project_slug)
            })
        });
        write.await
    }

    fn deed_of(&self, asker: Asker) -> Deed {
        Deed::of(asker, self.engine.clock.now())
    }
}

/// Ends a person's own invitation with their answer. What was sent to another address is not there for them.
async fn answered(
    tx: &mut Tx,
    deed: &Deed,
    user: UserId,
    (id, answer): (InvitationId, Status),
    proof: Proof,
) -> Result<OwnInvitation, Error> {
    let email = match proof {
        Proof::Address => proved_address(&mut tx.read(), user).await?,
        Proof::Code(_) => tx.read().account(user).await?.and_then(|account| account.email),
    };
    let email = email.ok_or_else(no_such_invitation)?;
    let own = tx
        .read()
        .invitation_to(&email, id)
        .await?
        .ok_or_else(no_such_invitation)?;
    let invitation = &own.invitation;
    if let Proof::Code(code) = proof
        && !tx.read().is_code_of(invitation.project, id, code).await?
    {
        return Err(no_such_invitation());
    }
    if invitation.status != Status::Pending || invitation.expires_at <= deed.at {
        return Err(ended(invitation.status));
    }
    tx.end_invitation(invitation.project, id, answer, deed.at).await?;
    let action = if answer == Status::Accepted {
        "invitation.accept"
    } else {
        "invitation.decline"
    };
    let done = Done { action, target: id };
    let detail = serde_json::json!({ "role": invitation.role });
    deed.audit(tx, invitation.project, done, &detail).await?;
    tell(tx, deed, invitation, answer).await?;
    Ok(own)
}
