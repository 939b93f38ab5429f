//! Leaving a project, and leaving every one at the end of an account.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_store::Tx;

use super::record::part;
use super::{Members, refusal};
use crate::access::ProjectGrant;
use crate::access::standing::present;
use crate::deed::Deed;
use crate::error::{Error, ErrorCode};
use crate::projects;

impl Members {
    /// Leaves a project. The last owner cannot, nor can who is alone in it.
    pub async fn leave(&self, grant: &ProjectGrant) -> Result<(), Error> {
        let Actor::User(user) = grant.actor else {
            return Err(Error::new(ErrorCode::Forbidden, "Only a person can leave a project."));
        };
        let (grant, deed) = (grant.clone(), self.deed(grant));
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                present(tx, &grant).await?;
                if !tx.read().has_other_members(grant.project, user).await? {
                    let message = "You are the only member of this project. Delete it, or invite somebody first.";
                    return Err(Error::new(ErrorCode::Conflict, message));
                }
                let left = part(tx, &deed, grant.project, user, "member.leave").await;
                left.map_err(refusal)
            })
        });
        write.await
    }
}

impl Members {
    /// Takes a person out of every project, as the end of their account does.
    pub async fn leave_all(&self, user: UserId) -> Result<(), Error> {
        let deed = Deed::of(user.into(), self.engine.clock.now());
        let write = self
            .engine
            .store
            .write_with(move |tx| Box::pin(async move { leave_every_project(tx, &deed, user).await }));
        write.await
    }
}

/// Takes a person out of every project, for the end of their account. Projects that they are alone in are deleted with
/// them; it is refused while they are the only owner of others' project. Called by accounts, in the command that erases
/// the account.
pub(crate) async fn leave_every_project(tx: &mut Tx, deed: &Deed, user: UserId) -> Result<(), Error> {
    for membership in tx.read().memberships_of(user).await? {
        let project = membership.project;
        let is_owner = membership.role == MemberRole::Owner;
        let found = tx.read().project(project).await?;
        let (name, is_present) = found.map_or_else(Default::default, |found| (found.name, found.deletion.is_none()));
        if is_present && is_owner && !tx.read().has_other_members(project, user).await? {
            projects::delete(tx, deed, project).await?;
        }
        match part(tx, deed, project, user, "member.leave").await {
            Err(codecourier_store::Error::LastOwner) => {
                let message = format!(
                    "You are the only owner of the project `{name}`, which has other members. Hand it over or delete it \
                     first."
                );
                return Err(Error::new(ErrorCode::Conflict, message));
            }
            left => left?,
        }
    }
    Ok(())
}
