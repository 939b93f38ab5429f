//! What can be followed, by whom, and who sees which change of it.
//!
//! Invariant: nothing is followed without an [`Admission`]; a kind of change that this module does not know is shown to
//! nobody.

use std::sync::Arc;

use codecourier_domain::id::{RunId, SandboxId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::permission::{Permission, Resource};
use codecourier_store::changes::Scope;

use super::frame::Content;
use super::topic::Key;
use crate::Inner;
use crate::access::{Access, Principal, ProjectGrant, Standing};
use crate::error::{Error, ErrorCode};
use crate::sandboxes::Sandboxes;

/// What somebody wants to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// The changes of a project.
    Project {
        /// Its slug.
        project: String,
    },
    /// The events of a run.
    Run {
        /// Its project's slug.
        project: String,
        /// The run.
        run: RunId,
    },
    /// What a sandbox uses.
    Sandbox {
        /// Its project's slug.
        project: String,
        /// The sandbox.
        sandbox: SandboxId,
    },
    /// What concerns the person who asks and nobody else.
    User,
    /// The changes of the whole installation.
    Installation,
}

/// What somebody may follow, and what of it they see.
#[derive(Debug, Clone)]
pub(super) enum Admission {
    /// The changes of a project that go with a grant.
    Project(ProjectGrant),
    /// The events of a run.
    Run(ProjectGrant, RunId),
    /// What a sandbox uses.
    Sandbox(ProjectGrant, SandboxId),
    /// Everything of a scope.
    Whole(Scope),
}

impl Query {
    /// Asks whether somebody may follow it.
    pub(super) async fn admit(&self, engine: &Arc<Inner>, principal: &Principal) -> Result<Admission, Error> {
        match (self, principal) {
            (Self::Project { project }, _) => {
                let grant = access(engine).project(principal, project).await?;
                demand(principal, Permission::read(Resource::Project))?;
                Ok(Admission::Project(grant))
            }
            (Self::Run { project, run }, _) => {
                let grant = access(engine).project(principal, project).await?;
                demand(principal, Permission::read(Resource::Runs))?;
                match engine.store.read().await?.event_head(grant.project, *run).await {
                    Ok(_) => Ok(Admission::Run(grant, *run)),
                    Err(codecourier_store::Error::NotFound { .. }) => {
                        Err(Error::not_found(format!("There is no run {run}.")))
                    }
                    Err(error) => Err(error.into()),
                }
            }
            (Self::Sandbox { project, sandbox }, _) => {
                let grant = access(engine).project(principal, project).await?;
                demand(principal, Permission::read(Resource::Sandboxes))?;
                let sandboxes = Sandboxes {
                    engine: Arc::clone(engine),
                };
                sandboxes.step_of(&grant, *sandbox).await?;
                Ok(Admission::Sandbox(grant, *sandbox))
            }
            (Self::User, Principal::Person(person)) => Ok(Admission::Whole(Scope::User(person.user))),
            (Self::Installation, Principal::Person(person)) if person.standing == Standing::Operator => {
                Ok(Admission::Whole(Scope::Installation))
            }
            (Self::Installation, Principal::Person(_)) => Err(Error::new(
                ErrorCode::Forbidden,
                "Only operators of this server may follow the whole of it.",
            )),
            (Self::User | Self::Installation, Principal::ApiKey(_)) => Err(Error::new(
                ErrorCode::Forbidden,
                "Only a person who is signed in may follow this, not an API key.",
            )),
        }
    }
}

fn demand(principal: &Principal, wanted: Permission) -> Result<(), Error> {
    if principal.permits(wanted) {
        return Ok(());
    }
    let message = format!("This API key does not have the scope `{wanted}`.");
    Err(Error::new(ErrorCode::ScopeDenied, message))
}

fn access(engine: &Arc<Inner>) -> Access {
    Access {
        engine: Arc::clone(engine),
    }
}

impl Admission {
    pub(super) fn key(&self) -> Key {
        match self {
            Self::Project(grant) => Key::Changes(Scope::Project(grant.project)),
            Self::Run(grant, run) => Key::Events {
                project: grant.project,
                run: *run,
            },
            Self::Sandbox(_, sandbox) => Key::Usage(*sandbox),
            Self::Whole(scope) => Key::Changes(*scope),
        }
    }

    /// The project whose members it is for.
    pub(super) const fn grant(&self) -> Option<&ProjectGrant> {
        match self {
            Self::Project(grant) | Self::Run(grant, _) | Self::Sandbox(grant, _) => Some(grant),
            Self::Whole(_) => None,
        }
    }

    /// Whether it shows something.
    pub(super) fn shows(&self, content: &Content, principal: &Principal) -> bool {
        let (Self::Project(grant), Content::Change(change)) = (self, content) else {
            return true;
        };
        audience(&change.kind)
            .is_some_and(|(role, permission)| grant.role.includes(role) && principal.permits(permission))
    }
}

/// Who is shown a kind of change in a project: the least role, and what a key must be allowed to read.
fn audience(kind: &str) -> Option<(MemberRole, Permission)> {
    let (role, resource) = match kind {
        "project" => (MemberRole::Member, Resource::Project),
        "member" => (MemberRole::Member, Resource::Members),
        "run" | "step" => (MemberRole::Member, Resource::Runs),
        "workflow" => (MemberRole::Member, Resource::Workflows),
        "sandbox" => (MemberRole::Member, Resource::Sandboxes),
        "invitation" => (MemberRole::Admin, Resource::Members),
        "settings" | "variable" | "provider_key" => (MemberRole::Admin, Resource::Settings),
        "api_key" => (MemberRole::Admin, Resource::Keys),
        _ => return None,
    };
    Some((role, Permission::read(resource)))
}

#[cfg(test)]
mod tests {
    use codecourier_domain::actor::Actor;
    use codecourier_domain::id::{ApiKeyId, ProjectId, UserId};
    use codecourier_domain::time::Timestamp;
    use codecourier_store::Body;
    use codecourier_store::changes::{Change, ChangeOp};
    use uuid::Uuid;

    use super::*;
    use crate::access::{KeyHolder, Person};

    const PROJECT: ProjectId = ProjectId::from_uuid(Uuid::nil());

    fn seen(role: MemberRole, principal: &Principal) -> Vec<&'static str> {
        let admission = Admission::Project(ProjectGrant {
            project: PROJECT,
            slug: "demo".parse().unwrap(),
            role,
            actor: Actor::System,
            address: None,
        });
        let kinds = [
            "project",
            "member",
            "run",
            "step",
            "workflow",
            "invitation",
            "settings",
            "variable",
            "provider_key",
            "api_key",
            "brand_new",
        ];
        let content = |kind: &str| {
            Content::Change(Arc::new(Change {
                scope: Scope::Project(PROJECT),
                seq: 1,
                kind: kind.to_owned(),
                id: String::new(),
                op: ChangeOp::Put,
                actor: String::new(),
                at: Timestamp(0),
                body: Body::null(),
            }))
        };
        kinds
            .into_iter()
            .filter(|kind| admission.shows(&content(kind), principal))
            .collect()
    }

    #[test]
    fn members_see_everything_but_the_settings() {
        let person = Principal::Person(Person {
            user: UserId::from_uuid(Uuid::nil()),
            session: None,
            standing: Standing::User,
        });
        let of_members = ["project", "member", "run", "step", "workflow"];
        assert_eq!(seen(MemberRole::Member, &person), of_members);
        let admin = seen(MemberRole::Admin, &person);
        assert_eq!(admin[..5], of_members);
        assert_eq!(
            admin[5..],
            ["invitation", "settings", "variable", "provider_key", "api_key"]
        );
        assert_eq!(seen(MemberRole::Owner, &person), admin);
    }

    #[test]
    fn a_key_sees_what_it_may_read() {
        let key = |permissions: &[&str]| {
            Principal::ApiKey(KeyHolder {
                key: ApiKeyId::from_uuid(Uuid::nil()),
                project: PROJECT,
                permissions: permissions.iter().map(|scope| scope.parse().unwrap()).collect(),
            })
        };
        assert_eq!(seen(MemberRole::Admin, &key(&["runs:read"])), ["run", "step"]);
        assert_eq!(
            seen(MemberRole::Admin, &key(&["settings:write"])),
            ["settings", "variable", "provider_key"]
        );
        assert!(seen(MemberRole::Admin, &key(&[])).is_empty());
    }
}
