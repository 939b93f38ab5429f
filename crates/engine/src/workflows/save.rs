//! Saving and deleting a project's own workflows.

use codecourier_domain::pipeline::Pipeline;
use codecourier_domain::revision::Revision;
use codecourier_store::Body;
use codecourier_store::Error as StoreError;
use codecourier_store::workflows::WorkflowUpdate;
use serde_json::json;

use super::{Kept, Workflow, Workflows, is_shipped};
use crate::access::ProjectGrant;
use crate::deed::{Deed, Done};
use crate::error::{Error, ErrorCode};
use crate::runs::request::SANDBOX_WORKFLOW;

/// The longest name.
const MAX_NAME: usize = 64;

impl Workflows {
    /// Saves a workflow under a name: a new one, or over the revision that the author saw.
    pub async fn save(
        &self,
        grant: &ProjectGrant,
        name: &str,
        over: Option<Revision>,
        description: String,
        pipeline: Pipeline,
    ) -> Result<Workflow, Error> {
        check_name(name)?;
        let kept = Kept { description, pipeline };
        let update = WorkflowUpdate {
            name: name.to_owned(),
            over,
            at: self.engine.clock.now(),
            actor: grant.actor,
            body: Body::of(&kept)?,
        };
        let (project, deed) = (grant.project, self.deed(grant));
        let saved = self.engine.store.write(move |tx| {
            Box::pin(async move {
                let revision = tx.save_workflow(project, &update).await?;
                let done = Done {
                    action: "workflow.save",
                    target: &update.name,
                };
                deed.audit(tx, project, done, &json!({ "revision": revision })).await?;
                let told = json!({ "name": &update.name, "revision": revision });
                deed.put(tx, project, ("workflow", &update.name), &told).await
            })
        });
        saved.await.map_err(|error| refused(error, name))?;
        self.get(grant, name).await
    }

    /// Deletes a workflow as its author saw it. Runs that were started from it go on.
    pub async fn delete(&self, grant: &ProjectGrant, name: &str, seen: Revision) -> Result<(), Error> {
        if is_shipped(name) {
            return Err(shipped_stays(name));
        }
        // Told apart before: whoever deletes what is not there is told so.
        self.get(grant, name).await?;
        let (project, deed) = (grant.project, self.deed(grant));
        let owned = name.to_owned();
        let deleted = self.engine.store.write(move |tx| {
            Box::pin(async move {
                tx.delete_workflow(project, &owned, seen).await?;
                let done = Done {
                    action: "workflow.delete",
                    target: &owned,
                };
                deed.audit(tx, project, done, &json!({ "revision": seen })).await?;
                deed.gone(tx, project, ("workflow", &owned)).await
            })
        });
        deleted.await.map_err(|error| refused(error, name))
    }

    fn deed(&self, grant: &ProjectGrant) -> Deed {
        Deed::by(grant, self.engine.clock.now())
    }
}

/// Names are part of addresses.
fn check_name(name: &str) -> Result<(), Error> {
    let is_sound = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.len() > MAX_NAME || !name.split('-').all(is_sound) {
        let message =
            format!("A workflow's name has 1 to {MAX_NAME} letters a to z, digits, and single hyphens between them.");
        return Err(Error::validation(message).of_field("name"));
    }
    // An address of the API's own, and what stands for a workflow where there is none.
    if name == "validate" || name == SANDBOX_WORKFLOW {
        return Err(Error::validation("This name is reserved.").of_field("name"));
    }
    if is_shipped(name) {
        return Err(shipped_stays(name));
    }
    Ok(())
}

fn shipped_stays(name: &str) -> Error {
    let message =
        format!("The workflow `{name}` ships with CodeCourier and stays as it is. Save yours under another name.");
    Error::new(ErrorCode::Conflict, message)
}

fn refused(error: StoreError, name: &str) -> Error {
    match error {
        StoreError::Taken { .. } => Error::new(
            ErrorCode::PreconditionRequired,
            format!("The project has a workflow `{name}`. Send `If-Match` with its `ETag` to change it."),
        ),
        StoreError::Stale { .. } => Error::new(
            ErrorCode::PreconditionFailed,
            "The workflow was changed or deleted since you read it. Read it again.",
        ),
        other => other.into(),
    }
}
