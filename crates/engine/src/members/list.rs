//! The people of a project.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::UserId;
use codecourier_domain::member::MemberRole;
use codecourier_domain::time::Timestamp;
use codecourier_store::members::Member;
use codecourier_store::page::PageCursor;

use super::Members;
use crate::access::ProjectGrant;
use crate::error::Error;

/// A member of a project as the others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// The person.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: Option<EmailAddress>,
    /// What they are in the project.
    pub role: MemberRole,
    /// Since when.
    pub joined_at: Timestamp,
}

/// A page of members.
#[derive(Debug, Clone)]
pub struct MemberPage {
    /// The members.
    pub items: Vec<MemberView>,
    /// Where to go on.
    pub next: Option<PageCursor<UserId>>,
}

impl MemberView {
    pub(super) fn new(member: Member) -> Self {
        Self {
            user: member.membership.user,
            name: member.name,
            email: member.email,
            role: member.membership.role,
            joined_at: member.membership.joined_at,
        }
    }
}

impl Members {
    /// The members of a project, the newest first.
    pub async fn list(
        &self,
        grant: &ProjectGrant,
        after: Option<PageCursor<UserId>>,
        limit: u32,
    ) -> Result<MemberPage, Error> {
        let mut reader = self.engine.store.read().await?;
        let page = reader.members(grant.project, after, limit).await?;
        Ok(MemberPage {
            items: page.items.into_iter().map(MemberView::new).collect(),
            next: page.next,
        })
    }
}
