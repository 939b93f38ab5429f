//! Invitations: asked by email, answered by whoever has an account with that address, proved; or, where no mail proves
//! anything, by whoever has an account with that address and the code that the inviter was shown.
//!
//! The API calls this, with a grant on the project's side and with the person on the other. Invariants: an address is
//! asked into a project once at a time; nobody is invited as owner; an unproved address is shown
//! no invitations, and answers none without the code; what became
//! of an invitation is on record with what it did.

mod answer;
mod ask;
pub(crate) mod expiry;
mod list;
mod view;

use std::sync::Arc;

use codecourier_domain::id::{InvitationId, ProjectId};
use codecourier_domain::member::MemberRole;
use codecourier_store::Tx;
use codecourier_store::invitations::{Invitation, InvitationStatus as Status};
use serde::Serialize;

use crate::deed::Deed;
use crate::error::Error;
use crate::{Engine, Inner};

pub use list::InvitationPage;
pub use view::{InvitationStatus, InvitationView, OwnInvitationView};

/// The use cases of invitations.
#[derive(Clone)]
pub struct Invitations {
    engine: Arc<Inner>,
}

impl Engine {
    /// The use cases of invitations.
    #[must_use]
    pub fn invitations(&self) -> Invitations {
        Invitations {
            engine: Arc::clone(&self.inner),
        }
    }
}

/// An invitation in the change log. Members follow a project too, and only admins see who is invited: no address.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InvitationRecord {
    project: ProjectId,
    invitation: InvitationId,
    role: MemberRole,
    status: &'static str,
}

/// Tells the project, and the invited person if there is an account with their address.
async fn tell(
    tx: &mut Tx,
    deed: &Deed,
    invitation: &Invitation,
    status: Status,
) -> Result<(), codecourier_store::Error> {
    let body = InvitationRecord {
        project: invitation.project,
        invitation: invitation.id,
        role: invitation.role,
        status: status.as_str(),
    };
    deed.put(tx, invitation.project, ("invitation", invitation.id), &body)
        .await?;
    let invited = tx.read().account_by_email(&invitation.email).await?;
    let invited = invited.filter(|account| account.email_verified_at.is_some());
    let Some(account) = invited else {
        return Ok(());
    };
    match status {
        Status::Pending => deed.put_for(tx, account.id, ("invitation", invitation.id), &body).await,
        Status::Accepted | Status::Declined | Status::Cancelled | Status::Expired => {
            deed.gone_for(tx, account.id, ("invitation", invitation.id)).await
        }
    }
}

fn no_such_invitation() -> Error {
    Error::not_found("There is no such invitation.")
}
