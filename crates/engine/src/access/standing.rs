//! What a grant is worth at the moment of a command: it was made before, and much may have happened since.
//!
//! Use cases that depend on roles call this inside their write command, where nothing can change any more.

use codecourier_domain::actor::Actor;
use codecourier_domain::member::MemberRole;
use codecourier_store::Tx;
use codecourier_store::projects::Project;

use super::ProjectGrant;
use super::project::no_such_project;
use crate::error::{Error, ErrorCode};

/// The project and the role of whoever holds the grant, now. The project is as good as not there for a member who was
/// removed since, and after its deletion.
pub(crate) async fn present(tx: &mut Tx, grant: &ProjectGrant) -> Result<(Project, MemberRole), Error> {
    let project = tx.read().project(grant.project).await?;
    let project = project.filter(|project| project.deletion.is_none());
    let project = project.ok_or_else(no_such_project)?;
    let role = match grant.actor {
        Actor::User(user) => {
            let membership = tx.read().membership(grant.project, user).await?;
            membership.ok_or_else(no_such_project)?.role
        }
        Actor::ApiKey(_) | Actor::Operator | Actor::System => grant.role,
    };
    Ok((project, role))
}

/// Refuses whoever has not that role any more.
pub(crate) fn demand(role: MemberRole, least: MemberRole) -> Result<(), Error> {
    if role.includes(least) {
        return Ok(());
    }
    let message = format!("This needs the role `{least}` in the project, and yours is `{role}`.");
    Err(Error::new(ErrorCode::Forbidden, message))
}
