//! What the logs say of members, and the three things that can happen to a membership.

use codecourier_domain::id::{ProjectId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;
use codecourier_store::members::Membership;
use codecourier_store::{Error, Tx};
use serde::Serialize;

use crate::deed::{Deed, Done};

/// A membership in the change log. Names and addresses stay with the account, where they can be erased.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MemberRecord {
    project: ProjectId,
    user: UserId,
    role: MemberRole,
    joined_at: Timestamp,
}

/// Adds a person to a project. `action` says how they came.
pub(crate) async fn join(tx: &mut Tx, deed: &Deed, membership: &Membership, action: &'static str) -> Result<(), Error> {
    tx.insert_member(membership).await?;
    let done = Done {
        action,
        target: membership.user,
    };
    let detail = serde_json::json!({ "role": membership.role });
    deed.audit(tx, membership.project, done, &detail).await?;
    tell(tx, deed, membership).await
}

/// Gives a member another role.
pub(crate) async fn change_role(
    tx: &mut Tx,
    deed: &Deed,
    membership: &Membership,
    role: MemberRole,
) -> Result<(), Error> {
    let Membership { project, user, .. } = *membership;
    let before = tx.set_member_role(project, user, role).await?;
    let done = Done {
        action: "member.role",
        target: user,
    };
    let detail = serde_json::json!({ "before": before, "after": role });
    deed.audit(tx, project, done, &detail).await?;
    let after = Membership {
        role,
        ..membership.clone()
    };
    tell(tx, deed, &after).await
}

/// Removes a member. `action` says whether they went or were sent.
pub(super) async fn part(
    tx: &mut Tx,
    deed: &Deed,
    project: ProjectId,
    user: UserId,
    action: &'static str,
) -> Result<(), Error> {
    let gone = tx.delete_member(project, user).await?;
    let done = Done { action, target: user };
    let detail = serde_json::json!({ "role": gone.role });
    deed.audit(tx, project, done, &detail).await?;
    deed.gone(tx, project, ("member", user)).await?;
    deed.gone_for(tx, user, ("member", project)).await
}

async fn tell(tx: &mut Tx, deed: &Deed, membership: &Membership) -> Result<(), Error> {
    let Membership {
        project,
        user,
        role,
        joined_at,
    } = *membership;
    let body = MemberRecord {
        project,
        user,
        role,
        joined_at,
    };
    deed.put(tx, project, ("member", user), &body).await?;
    deed.put_for(tx, user, ("member", project), &body).await
}
