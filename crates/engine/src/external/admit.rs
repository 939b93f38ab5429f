//! Whose account a provider's person has, and whether they may have one.

use codecourier_domain::actor::Actor;
use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{AuditEntryId, UserId};
use codecourier_domain::text::DisplayName;
use codecourier_domain::time::Timestamp;
use codecourier_identity::person::{OutsideEmail, OutsidePerson};
use codecourier_store::accounts::{Account, NewAccount};
use codecourier_store::audit::{AuditScope, NewAuditEntry};
use codecourier_store::changes::ChangeOp;
use codecourier_store::external::OutsideIdentity;
use codecourier_store::{Body, Tx};

use super::{NotSignedIn, WhyNot};
use crate::access::SignUpPolicy;
use crate::accounts::{demand_allowed, make, tell};
use crate::error::ErrorCode;
use crate::random::uuid_v7;

/// Who decides about new accounts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gate {
    /// This server.
    Policy(SignUpPolicy),
    /// The issuer that the whole deployment leaves its accounts to.
    Issuer,
}

/// The account of a person. It is linked, or made, if there is none yet and there may be.
pub(crate) async fn admit(
    tx: &mut Tx,
    person: &OutsidePerson,
    gate: Gate,
    now: Timestamp,
) -> Result<Account, NotSignedIn> {
    let identity = identity_of(person);
    if tx.read().has_departed(&identity, now).await? {
        return Err(WhyNot::Departed.into());
    }
    if let Some(linked) = tx.read().account_of_identity(&identity).await?
        && let Some(account) = tx.read().account(linked.user).await?
    {
        return Ok(account);
    }
    let email = match &person.email {
        OutsideEmail::Verified(email) => email,
        OutsideEmail::Unverified(_) => return Err(WhyNot::EmailUnverified.into()),
        OutsideEmail::Absent => return Err(WhyNot::NoEmail.into()),
    };
    let account = match tx.read().account_by_email(email).await? {
        Some(account) if account.email_verified_at.is_some() => account,
        Some(_) => return Err(WhyNot::AccountUnverified.into()),
        None => {
            demand_admission(tx, gate, email, now).await?;
            make(tx, &new_account(person, email, now)).await?
        }
    };
    tx.link_identity(&identity, account.id, now).await?;
    tx.append_audit(NewAuditEntry {
        id: AuditEntryId::from_uuid(uuid_v7(now)),
        scope: AuditScope::Installation,
        at: now,
        actor: Actor::User(account.id),
        address: None,
        action: "account.link",
        target_kind: "account",
        target: account.id.to_string(),
        detail: Body::of(&serde_json::json!({ "issuer": identity.issuer }))?,
    })
    .await?;
    tell(tx, account.id, ("account", account.id.to_string()), ChangeOp::Put, now).await?;
    Ok(account)
}

/// How the store names a person of a provider.
pub(crate) fn identity_of(person: &OutsidePerson) -> OutsideIdentity {
    OutsideIdentity {
        issuer: person.issuer.clone(),
        subject: person.subject.clone(),
    }
}

async fn demand_admission(tx: &mut Tx, gate: Gate, email: &EmailAddress, now: Timestamp) -> Result<(), NotSignedIn> {
    let policy = match gate {
        Gate::Issuer => return Ok(()),
        Gate::Policy(policy) => policy,
    };
    // The first account is the operator's, whatever the policy says.
    if !tx.read().has_operator().await? {
        return Ok(());
    }
    match (demand_allowed(tx, policy, email, now).await, policy) {
        (Err(error), SignUpPolicy::Invitation) if error.code == ErrorCode::Forbidden => {
            Err(WhyNot::InvitationNeeded.into())
        }
        (Err(error), SignUpPolicy::Closed) if error.code == ErrorCode::Forbidden => Err(WhyNot::SignUpClosed.into()),
        (allowed, _) => Ok(allowed?),
    }
}

fn new_account(person: &OutsidePerson, email: &EmailAddress, now: Timestamp) -> NewAccount {
    let local = email.as_str().split('@').next().unwrap_or_default();
    let name = person.name.clone().or_else(|| DisplayName::made_of(local, "Somebody"));
    NewAccount {
        id: UserId::from_uuid(uuid_v7(now)),
        email: email.clone(),
        email_verified_at: Some(now),
        name: name.map_or_else(String::new, String::from),
        password: None,
        at: now,
    }
}
