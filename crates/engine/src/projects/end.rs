//! Deleting a project for the time being, and restoring it.

use codecourier_domain::id::ProjectId;
use codecourier_domain::member::MemberRole;
use codecourier_store::Tx;
use codecourier_store::projects::Deletion;

use super::{ProjectView, Projects, tell_members};
use crate::access::standing::{demand, present};
use crate::access::{Asker, ProjectGrant, no_such_project};
use crate::deed::{Deed, Done};
use crate::error::{Error, ErrorCode};
use crate::runs::Runs;
use crate::runs::cancel::{Cancelled, cancel_all};

/// For how long a deleted project can be restored, in milliseconds.
const KEPT: i64 = 30 * 24 * 60 * 60 * 1000;

impl Projects {
    /// Deletes a project: nobody finds it any more, its runs end, and an owner can restore it for 30 days. Whoever asks
    /// has typed its name.
    pub async fn delete(&self, grant: &ProjectGrant, typed_name: &str) -> Result<(), Error> {
        let (typed, deed) = (typed_name.trim().to_owned(), self.deed(grant));
        let held = grant.clone();
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let (project, role) = present(tx, &held).await?;
                demand(role, MemberRole::Owner)?;
                if project.name != typed {
                    let message = "Type the project's name exactly as it is to delete the project.";
                    return Err(Error::validation(message).of_field("name"));
                }
                delete(tx, &deed, project.id).await.map_err(Error::from)
            })
        });
        let runs = Runs {
            engine: std::sync::Arc::clone(&self.engine),
        };
        for cancelled in write.await? {
            runs.let_go(&cancelled);
        }
        self.engine.deleted.notify_one();
        Ok(())
    }

    /// Restores a deleted project. Only its owners know that there is something to restore.
    pub async fn restore(&self, asker: impl Into<Asker>, slug: &str) -> Result<ProjectView, Error> {
        let asker = asker.into();
        let user = asker.user;
        let slug = slug.to_owned();
        let deed = Deed::of(asker, self.engine.clock.now());
        let write = self.engine.store.write_with(move |tx| {
            Box::pin(async move {
                let project = tx.read().project_by_slug(&slug).await?.ok_or_else(no_such_project)?;
                let membership = tx.read().membership(project.id, user).await?;
                let role = membership.ok_or_else(no_such_project)?.role;
                if project.deletion.is_none() {
                    return Err(Error::new(ErrorCode::Conflict, "This project is not deleted."));
                }
                let is_over = project.deletion.is_some_and(|deletion| deletion.purge_at <= deed.at);
                if !role.includes(MemberRole::Owner) || is_over {
                    return Err(no_such_project());
                }
                tx.set_project_deletion(project.id, None, deed.at).await?;
                let done = Done {
                    action: "project.restore",
                    target: project.id,
                };
                deed.audit(tx, project.id, done, &serde_json::json!({})).await?;
                tell_members(tx, &deed, project.id).await?;
                let restored = tx.read().project(project.id).await?;
                Ok((restored.ok_or_else(no_such_project)?, role))
            })
        });
        let (project, role) = write.await?;
        ProjectView::new(project, role)
    }
}

/// Deletes a project, with its records, and asks its runs to end. They do, whoever dies after the command; who works on
/// them in this process may be told to let go.
pub(crate) async fn delete(
    tx: &mut Tx,
    deed: &Deed,
    project: ProjectId,
) -> Result<Vec<Cancelled>, codecourier_store::Error> {
    let cancelled = cancel_all(tx, project, &deed.actor.to_string(), deed.at).await?;
    let deletion = Deletion {
        deleted_at: deed.at,
        purge_at: deed.at.plus_milliseconds(KEPT),
    };
    tx.set_project_deletion(project, Some(deletion), deed.at).await?;
    let done = Done {
        action: "project.delete",
        target: project,
    };
    let detail = serde_json::json!({ "purgeAt": deletion.purge_at });
    deed.audit(tx, project, done, &detail).await?;
    tell_members(tx, deed, project).await?;
    Ok(cancelled)
}
