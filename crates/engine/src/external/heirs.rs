//! Who owns a project when its only owner is gone: the admin who joined first, else the member who did, else the
//! operator.

use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;
use codecourier_store::Tx;
use codecourier_store::members::Membership;

use crate::deed::Deed;
use crate::error::Error;
use crate::members::{change_role, join};

/// Sees to it that no project that a person is in needs them as its owner.
pub(super) async fn hand_over(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<(), Error> {
    let deed = Deed::of_platform(now);
    for membership in tx.read().memberships_of(user).await? {
        if membership.role != MemberRole::Owner {
            continue;
        }
        let project = membership.project;
        if let Some(heir) = tx.read().heir(project, user).await? {
            if heir.role != MemberRole::Owner {
                change_role(tx, &deed, &heir, MemberRole::Owner).await?;
            }
        } else if let Some(operator) = tx.read().other_operator(user).await? {
            let membership = Membership {
                project,
                user: operator,
                role: MemberRole::Owner,
                joined_at: now,
            };
            join(tx, &deed, &membership, "member.adopt").await?;
        }
    }
    Ok(())
}
