//! Reading the settings of a project, and changing them.

use std::collections::BTreeMap;

use codecourier_domain::actor::Actor;
use codecourier_domain::agent::{AgentKind, Effort, ModelName};
use codecourier_domain::check::CheckSpec;
use codecourier_domain::id::ProjectId;
use codecourier_domain::limits::SandboxLimits;
use codecourier_domain::money::MicroUsd;
use codecourier_domain::revision::Revision;
use codecourier_domain::time::Timestamp;
use codecourier_store::changes::ChangeOp;
use codecourier_store::project_settings::ProjectSettings;
use codecourier_store::{Body, Error as StoreError};
use serde_json::json;

use super::document::{SessionConfig, SessionType, SettingsDocument};
use super::validate::validate;
use super::{OnRecord, Settings};
use crate::access::ProjectGrant;
use crate::agents::AcpAgent;
use crate::error::{Error, ErrorCode};
use crate::runs::spec::Author;

/// The settings of a project as they are now.
#[derive(Debug, Clone, PartialEq)]
pub struct SettingsView {
    /// The document.
    pub document: SettingsDocument,
    /// Which state of the document it is: what an editor must name to change it.
    pub revision: Revision,
    /// When it was saved last.
    pub updated_at: Option<Timestamp>,
    /// By whom.
    pub updated_by: Option<Actor>,
}

/// A change of settings: what is absent stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SettingsPatch {
    /// What agents are told about how to work; `Some(None)` for the default.
    pub sandbox_prompt: Option<Option<String>>,
    /// The content of the instructions file.
    pub instructions: Option<String>,
    /// What an agent is told that looks for issues; `Some(None)` for the default.
    pub discovery_prompt: Option<Option<String>>,
    /// Whose name commits carry.
    pub git_author: Option<Author>,
    /// The commands that the platform runs on every change.
    pub checks: Option<Vec<CheckSpec>>,
    /// Commands that prepare a fresh copy of the repository.
    pub setup_script: Option<String>,
    /// The agent.
    pub agent: Option<AgentKind>,
    /// The model; `Some(None)` for the default.
    pub model: Option<Option<ModelName>>,
    /// How hard it thinks; `Some(None)` for the agent's own default.
    pub effort: Option<Option<Effort>>,
    /// How the agent `acp` is started; `Some(None)` as the server says.
    pub acp: Option<Option<AcpAgent>>,
    /// What each sandbox may use.
    pub limits: Option<SandboxLimits>,
    /// What a run may cost.
    pub run_budget: Option<MicroUsd>,
    /// What differs for the runs that the platform itself starts: the types in it are replaced.
    pub session_types: Option<BTreeMap<SessionType, Option<SessionConfig>>>,
}

impl Settings {
    /// The settings of a project.
    pub async fn get(&self, grant: &ProjectGrant) -> Result<SettingsView, Error> {
        self.of_project(grant.project).await
    }

    /// Changes the settings over the revision that the caller has read.
    pub async fn update(
        &self,
        grant: &ProjectGrant,
        revision: Revision,
        patch: SettingsPatch,
    ) -> Result<SettingsView, Error> {
        let (project, actor, at) = (grant.project, grant.actor, self.engine.clock.now());
        let before = self.of_project(project).await?;
        if before.revision != revision {
            return Err(changed_meanwhile());
        }
        let (document, fields) = patch.applied_to(before.document.clone());
        validate(&document, self.engine.acp.as_ref())?;
        if document == before.document {
            return Ok(before);
        }
        let settings = ProjectSettings {
            project,
            revision: saved_as(revision),
            updated_at: at,
            updated_by: actor,
            body: Body::of(&document)?,
        };
        let detail = json!({ "fields": fields, "revision": revision.next() });
        let done = (ChangeOp::Put, "settings.update");
        let mut record = OnRecord::new(grant, at, ("settings", project.to_string()), done, detail);
        record.told = json!({ "revision": revision.next() });
        let saved = self.engine.store.write(move |tx| {
            Box::pin(async move {
                tx.save_project_settings(&settings).await?;
                record.write(tx).await
            })
        });
        match saved.await {
            Ok(()) => Ok(SettingsView {
                document,
                revision: revision.next(),
                updated_at: Some(at),
                updated_by: Some(actor),
            }),
            Err(StoreError::Stale { .. }) => Err(changed_meanwhile()),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn of_project(&self, project: ProjectId) -> Result<SettingsView, Error> {
        let saved = self.engine.store.read().await?.project_settings(project).await?;
        Ok(match saved {
            Some(saved) => SettingsView {
                document: saved.body.read()?,
                revision: Revision(saved.revision.saturating_add(1)),
                updated_at: Some(saved.updated_at),
                updated_by: Some(saved.updated_by),
            },
            None => SettingsView {
                document: SettingsDocument::default(),
                revision: Revision::FIRST,
                updated_at: None,
                updated_by: None,
            },
        })
    }
}

/// The first state of the document is the one before it was ever saved, for which the store has no row.
const fn saved_as(revision: Revision) -> u64 {
    revision.0.saturating_sub(1)
}

fn changed_meanwhile() -> Error {
    Error::new(
        ErrorCode::PreconditionFailed,
        "The settings were changed since you read them. Read them again and repeat your change.",
    )
}

impl SettingsPatch {
    /// The document with the change in it, and the names of the fields that are different.
    fn applied_to(self, mut document: SettingsDocument) -> (SettingsDocument, Vec<&'static str>) {
        let Self {
            sandbox_prompt,
            instructions,
            discovery_prompt,
            git_author,
            checks,
            setup_script,
            agent,
            model,
            effort,
            acp,
            limits,
            run_budget,
            session_types,
        } = self;
        let mut fields = Vec::new();
        let mut note = |name, is_different: bool| fields.extend(is_different.then_some(name));
        note("sandboxPrompt", replace(&mut document.sandbox_prompt, sandbox_prompt));
        note("instructions", replace(&mut document.instructions, instructions));
        note(
            "discoveryPrompt",
            replace(&mut document.discovery_prompt, discovery_prompt),
        );
        note("gitAuthor", replace(&mut document.git_author, git_author));
        note("checks", replace(&mut document.checks, checks));
        note("setupScript", replace(&mut document.setup_script, setup_script));
        note("agent", replace(&mut document.agent, agent));
        note("model", replace(&mut document.model, model));
        note("effort", replace(&mut document.effort, effort));
        note("acp", replace(&mut document.acp, acp));
        note("limits", replace(&mut document.limits, limits));
        note("runBudgetMicroUsd", replace(&mut document.run_budget, run_budget));
        let session_types = session_types.map(|changes| {
            let mut types = document.session_types.clone();
            for (kind, config) in changes {
                match config.filter(|config| *config != SessionConfig::default()) {
                    Some(config) => types.insert(kind, config),
                    None => types.remove(&kind),
                };
            }
            types
        });
        note("sessionTypes", replace(&mut document.session_types, session_types));
        (document, fields)
    }
}

/// Puts a new value in the place of an old one, and says whether it is different.
fn replace<T: PartialEq>(place: &mut T, new: Option<T>) -> bool {
    match new {
        Some(new) if new != *place => {
            *place = new;
            true
        }
        Some(_) | None => false,
    }
}
