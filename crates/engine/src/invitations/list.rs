//! The invitations of a project, and those of a person.

use codecourier_domain::email::EmailAddress;
use codecourier_domain::id::{InvitationId, UserId};
use codecourier_store::Reader;
use codecourier_store::invitations::InvitationList;
use codecourier_store::page::PageCursor;

use super::{InvitationView, Invitations, OwnInvitationView};
use crate::access::ProjectGrant;
use crate::error::Error;

/// How many invitations one person is shown.
const MOST_SHOWN: u32 = 100;

/// A page of invitations.
#[derive(Debug, Clone)]
pub struct InvitationPage {
    /// The invitations.
    pub items: Vec<InvitationView>,
    /// Where to go on.
    pub next: Option<PageCursor<InvitationId>>,
}

impl Invitations {
    /// The invitations into a project, whatever became of them, the newest first.
    pub async fn list(
        &self,
        grant: &ProjectGrant,
        after: Option<PageCursor<InvitationId>>,
        limit: u32,
    ) -> Result<InvitationPage, Error> {
        let now = self.engine.clock.now();
        let list = InvitationList {
            pending_at: None,
            after,
            limit,
        };
        let mut reader = self.engine.store.read().await?;
        let page = reader.invitations(grant.project, list).await?;
        let items = page.items.into_iter();
        Ok(InvitationPage {
            items: items.map(|invitation| InvitationView::new(invitation, now)).collect(),
            next: page.next,
        })
    }

    /// The invitations that a person can accept now, the newest first; at most a hundred. None for whoever has not
    /// proved their address.
    pub async fn mine(&self, user: UserId) -> Result<Vec<OwnInvitationView>, Error> {
        let now = self.engine.clock.now();
        let mut reader = self.engine.store.read().await?;
        let Some(email) = proved_address(&mut reader, user).await? else {
            return Ok(Vec::new());
        };
        let own = reader.invitations_to(&email, now, MOST_SHOWN).await?;
        Ok(own.into_iter().map(|own| OwnInvitationView::new(own, now)).collect())
    }
}

/// The address that a person has proved to read.
pub(super) async fn proved_address(reader: &mut Reader<'_>, user: UserId) -> Result<Option<EmailAddress>, Error> {
    let account = reader.account(user).await?;
    let account = account.filter(|account| account.email_verified_at.is_some());
    Ok(account.and_then(|account| account.email))
}
