//! Changing a member's role, removing a member, and handing a project over.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_store::Tx;
use codecourier_store::members::Membership;

use super::record::{change_role, part};
use super::{MemberView, Members, no_such_member, refusal};
use crate::access::ProjectGrant;
use crate::access::standing::{demand, present};
use crate::error::{Error, ErrorCode};

impl Members {
    /// Gives a member another role.
    pub async fn change_role(&self, grant: &ProjectGrant, user: UserId, role: MemberRole) -> Result<MemberView, Error> {
        let (grant, deed) = (grant.clone(), self.deed(grant));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let (_, own) = present(tx, &grant).await?;
                demand(own, MemberRole::Admin)?;
                let membership = membership(tx, &grant, user).await?;
                if membership.role != role {
                    if !own.may_change_role(membership.role, role) {
                        let message = "Only an owner of the project may make admins and owners, or change their roles.";
                        return Err(Error::new(ErrorCode::Forbidden, message));
                    }
                    change_role(tx, &deed, &membership, role).await.map_err(refusal)?;
                }
                let member = tx.read().project_member(grant.project, user).await?;
                member.ok_or_else(no_such_member)
            })
        });
        Ok(MemberView::new(write.await?))
    }

    /// Removes a member. Who removes themself leaves.
    pub async fn remove(&self, grant: &ProjectGrant, user: UserId) -> Result<(), Error> {
        if grant.actor == Actor::User(user) {
            return self.leave(grant).await;
        }
        let (grant, deed) = (grant.clone(), self.deed(grant));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let (_, own) = present(tx, &grant).await?;
                demand(own, MemberRole::Admin)?;
                let membership = membership(tx, &grant, user).await?;
                if !own.may_remove(membership.role) {
                    let message = "Only an owner of the project may remove its admins and owners.";
                    return Err(Error::new(ErrorCode::Forbidden, message));
                }
                let removed = part(tx, &deed, grant.project, user, "member.remove").await;
                removed.map_err(refusal)
            })
        });
        write.await
    }

    /// Hands a project over: the other member becomes an owner, and whoever asks an admin.
    pub async fn transfer(&self, grant: &ProjectGrant, to: UserId) -> Result<(), Error> {
        let Actor::User(from) = grant.actor else {
            return Err(Error::new(
                ErrorCode::Forbidden,
                "Only a person can hand a project over.",
            ));
        };
        if from == to {
            return Err(Error::new(ErrorCode::Conflict, "You own this project already.").of_field("user"));
        }
        let (grant, deed) = (grant.clone(), self.deed(grant));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let (_, own) = present(tx, &grant).await?;
                demand(own, MemberRole::Owner)?;
                let heir = membership(tx, &grant, to).await?;
                if heir.role != MemberRole::Owner {
                    change_role(tx, &deed, &heir, MemberRole::Owner).await?;
                }
                let giver = membership(tx, &grant, from).await?;
                let given = change_role(tx, &deed, &giver, MemberRole::Admin).await;
                given.map_err(refusal)
            })
        });
        write.await
    }
}

async fn membership(tx: &mut Tx, grant: &ProjectGrant, user: UserId) -> Result<Membership, Error> {
    let found = tx.read().membership(grant.project, user).await?;
    found.ok_or_else(no_such_member)
}
