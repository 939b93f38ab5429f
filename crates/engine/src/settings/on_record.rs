//! How a change of what a project is set up with is put on record: settings, variables, provider keys, API keys.
//!
//! Invariant: what clients are told goes to every member, and members may not see settings: it says that something
//! changed and not what. What changed is for admins, in the audit log; nothing secret is in either.

use codecourier_domain::id::ProjectId;
use codecourier_domain::time::Timestamp;
use codecourier_store::changes::ChangeOp;
use codecourier_store::{Result, Tx};
use serde_json::Value;

use crate::access::ProjectGrant;
use crate::deed::{Deed, Done};

/// A change of what a project is set up with.
#[derive(Debug, Clone)]
pub(crate) struct OnRecord {
    project: ProjectId,
    deed: Deed,
    kind: &'static str,
    id: String,
    op: ChangeOp,
    action: &'static str,
    /// What every member is told.
    pub(crate) told: Value,
    /// What admins may know.
    detail: Value,
}

impl OnRecord {
    /// Something that whoever has the grant did to the thing `kind` with this `id`.
    pub(crate) fn new(
        grant: &ProjectGrant,
        at: Timestamp,
        (kind, id): (&'static str, String),
        (op, action): (ChangeOp, &'static str),
        detail: Value,
    ) -> Self {
        Self {
            project: grant.project,
            deed: Deed::by(grant, at),
            kind,
            id,
            op,
            action,
            told: Value::Object(serde_json::Map::new()),
            detail,
        }
    }

    /// Puts it on record in the command that does it.
    pub(crate) async fn write(self, tx: &mut Tx) -> Result<()> {
        let done = Done {
            action: self.action,
            target: &self.id,
        };
        self.deed.audit(tx, self.project, done, &self.detail).await?;
        let of = (self.kind, &self.id);
        match self.op {
            ChangeOp::Put => self.deed.put(tx, self.project, of, &self.told).await,
            ChangeOp::Delete => self.deed.gone(tx, self.project, of).await,
        }
    }
}
