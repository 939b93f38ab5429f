//! The end of somebody's account because they left at the issuer: nobody is there to hand anything over.
//!
//! Invariant: it always succeeds. Projects that only they own go to whoever comes next; the account of the only
//! operator, without which nobody could run the server, is locked instead of erased.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::AuditEntryId;
use codecourier_domain::time::Timestamp;
use codecourier_store::accounts::AccountStanding;
use codecourier_store::audit::{AuditScope, NewAuditEntry};
use codecourier_store::external::LinkedAccount;
use codecourier_store::{Body, Tx};

use super::heirs::hand_over;
use crate::accounts::{end_sessions_but, erase};
use crate::error::Error;
use crate::random::uuid_v7;

pub(super) async fn depart(tx: &mut Tx, who: LinkedAccount, now: Timestamp) -> Result<(), Error> {
    let is_only_operator = who.standing == AccountStanding::Operator && tx.read().operators().await? == 1;
    let action = if is_only_operator {
        "account.lock"
    } else {
        "account.erase"
    };
    tx.append_audit(NewAuditEntry {
        id: AuditEntryId::from_uuid(uuid_v7(now)),
        scope: AuditScope::Installation,
        at: now,
        actor: Actor::System,
        address: None,
        action,
        target_kind: "account",
        target: who.user.to_string(),
        detail: Body::of(&serde_json::json!({ "reason": "departed-at-identity-provider" }))?,
    })
    .await?;
    if is_only_operator {
        tracing::warn!(user = %who.user, "The only operator has left at the identity provider; the account is locked");
        end_sessions_but(tx, who.user, None, now).await?;
        return Ok(tx.unlink_identities(who.user).await?);
    }
    hand_over(tx, who.user, now).await?;
    erase(tx, who.user, now).await
}
