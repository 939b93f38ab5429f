//! Deleting an account: the person leaves every project, and nothing personal stays.
//!
//! Invariants: a project is never left without an owner, so whoever is the last one hands it over or deletes it first;
//! a server is never left without an operator; what the person did stays recorded under an identifier that leads to
//! nobody.

use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;
use codecourier_store::Tx;
use codecourier_store::accounts::AccountStanding;
use codecourier_store::changes::ChangeOp;
use secrecy::SecretString;

use super::password::gone;
use super::sessions::{end_sessions_but, tell};
use super::{Accounts, Visitor};
use crate::access::Person;
use crate::deed::Deed;
use crate::error::{Error, ErrorCode};
use crate::members::leave::leave_every_project;

impl Accounts {
    /// Deletes the account of a person, who proves by their password, if they have one, that it is them.
    pub async fn delete(
        &self,
        person: &Person,
        password: Option<&SecretString>,
        visitor: &Visitor,
    ) -> Result<(), Error> {
        self.prove_password(person, password, visitor).await?;
        let (user, now) = (person.user, self.engine.clock.now());
        let write = self
            .engine
            .store
            .write_with(move |tx| Box::pin(async move { erase(tx, user, now).await }));
        write.await
    }
}

/// Takes a person out of every project and everything personal out of their account.
pub(crate) async fn erase(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), Error> {
    let account = tx.read().account(user).await?;
    let account = account
        .filter(|account| account.deleted_at.is_none())
        .ok_or_else(gone)?;
    if account.standing == AccountStanding::Operator && tx.read().operators().await? == 1 {
        return Err(Error::new(
            ErrorCode::Conflict,
            "This is the account of the only person who runs this server. It cannot be deleted.",
        ));
    }
    // An outside provider that deletes a person asks nobody, and projects of theirs alone go with them; a person who
    // leaves decides about each first.
    refuse_last_owner(tx, user).await?;
    let deed = Deed::of(user.into(), now);
    leave_every_project(tx, &deed, user).await?;
    end_sessions_but(tx, user, None, now).await?;
    tx.erase_account(user, now).await?;
    tell(tx, user, ("account", user.to_string()), ChangeOp::Delete, now).await?;
    Ok(())
}

async fn refuse_last_owner(tx: &mut Tx, user: UserId) -> Result<(), Error> {
    for membership in tx.read().memberships_of(user).await? {
        let project = tx.read().project(membership.project).await?;
        let Some(project) = project.filter(|project| project.deletion.is_none()) else {
            continue;
        };
        if membership.role == MemberRole::Owner && !tx.read().has_other_members(project.id, user).await? {
            let message = format!(
                "You are the last owner of the project `{}`. Make somebody else its owner, or delete it, and try again.",
                project.name
            );
            return Err(Error::new(ErrorCode::Conflict, message));
        }
    }
    Ok(())
}
