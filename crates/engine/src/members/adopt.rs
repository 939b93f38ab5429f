//! Projects that the command line made have no members; the first operator takes them.

use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_store::members::Membership;
use codecourier_store::{Error as StoreError, Tx};

use super::Members;
use super::record::join;
use crate::deed::Deed;
use crate::error::Error;

impl Members {
    /// Makes a person the owner of every project that nobody is in. Whoever calls this knows that they run the server.
    pub async fn adopt(&self, operator: UserId) -> Result<(), Error> {
        let deed = Deed::of(operator.into(), self.engine.clock.now());
        let write = self
            .engine
            .store
            .write(move |tx| Box::pin(async move { adopt_projects(tx, &deed, operator).await }));
        Ok(write.await?)
    }
}

/// Makes a person the owner of every project that nobody is in. Called by accounts, in the command that makes the first
/// operator's account.
pub(crate) async fn adopt_projects(tx: &mut Tx, deed: &Deed, operator: UserId) -> Result<(), StoreError> {
    let projects = tx.read().memberless_projects().await?;
    for project in projects.into_iter().filter(|project| project.deletion.is_none()) {
        let membership = Membership {
            project: project.id,
            user: operator,
            role: MemberRole::Owner,
            joined_at: deed.at,
        };
        join(tx, deed, &membership, "member.adopt").await?;
    }
    Ok(())
}
