//! Starting a run.

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::run::{RunEvent, RunState};
use codecourier_store::runs::NewRun;
use codecourier_store::{Body, Error as StoreError};

use super::Runs;
use super::advance::{Move, RunRecord, advance};
use super::live::Notice;
use super::spec::RunSpec;
use crate::error::Error;
use crate::random::uuid_v7;

/// How much of a prompt lists show.
const PREVIEW: usize = 120;

impl Runs {
    /// Starts a run: pins what it was asked to do and orders its preparation. What it returns has been committed: from
    /// here on the run is carried to its end, through crashes and restarts.
    pub async fn start(&self, project: ProjectId, spec: RunSpec, actor: &str) -> Result<RunId, Error> {
        let spec = spec.with_reachable_models();
        spec.validate()?;
        let now = self.engine.clock.now();
        let id = RunId::from_uuid(uuid_v7(now));
        let record = RunRecord {
            machine: RunState::new(spec.pipeline.clone()),
            pinned: None,
            budget: None,
        };
        let first_line = spec.prompt.trim().lines().next().unwrap_or_default();
        let new = NewRun {
            id,
            project,
            status: record.machine.status(),
            workflow: spec.workflow.clone(),
            prompt_preview: first_line.chars().take(PREVIEW).collect(),
            created_at: now,
            body: Body::of(&spec)?,
            state: Body::of(&record)?,
        };
        let actor = actor.to_owned();
        self.engine
            .store
            .write(move |tx| {
                Box::pin(async move {
                    // Whoever asks has a grant, which may be from before the project was deleted.
                    let present = tx.read().project(project).await?;
                    let present = present.filter(|project| project.deletion.is_none());
                    present.ok_or(StoreError::NotFound { entity: "project" })?;
                    tx.insert_run(&new).await?;
                    advance(
                        tx,
                        project,
                        id,
                        Move {
                            event: RunEvent::Started,
                            pinned: None,
                            budget: None,
                            actor: &actor,
                            now,
                        },
                    )
                    .await
                })
            })
            .await?;
        self.engine.live.tell(id, Notice::Changed);
        Ok(id)
    }
}
