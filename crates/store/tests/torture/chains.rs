//! The work that is tortured, and what must be true of it at the end.

use std::sync::Arc;

use codecourier_domain::id::{ProjectId, RunId, TaskId};
use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Timestamp;
use codecourier_store::events::{EventAppend, EventWindow, NewEvent};
use codecourier_store::projects::NewProject;
use codecourier_store::runs::NewRun;
use codecourier_store::tasks::{Fence, NewTask, Task, TaskClass, TaskStatus};
use codecourier_store::{Body, Error, Store, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::worker::now;

const PROJECTS: u128 = 4;
const RUNS_PER_PROJECT: u128 = 10;
const LINKS: u32 = 12;
/// Fewer than there are workers' hands, so that the limit bites.
const WORK_LIMIT: u32 = 4;

/// What a task of a chain knows.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Link {
    pub(crate) chain: u128,
    pub(crate) index: u32,
}

#[derive(Debug)]
pub(crate) struct Chains {
    runs: Vec<(ProjectId, RunId)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Observed {
    Ended,
    Going { ended: usize, of: usize },
}

impl Chains {
    pub(crate) async fn begin(store: &Store) -> Self {
        let runs = store
            .write(|tx| {
                Box::pin(async move {
                    let mut runs = Vec::new();
                    for project in 0..PROJECTS {
                        let id = ProjectId::from_uuid(Uuid::from_u128(project + 1));
                        tx.insert_project(&a_project(id, project)).await?;
                        for run in 0..RUNS_PER_PROJECT {
                            let chain = project * RUNS_PER_PROJECT + run;
                            let run = RunId::from_uuid(Uuid::from_u128(chain));
                            tx.insert_run(&a_run(id, run)).await?;
                            tx.insert_task(&a_link(id, run, Link { chain, index: 0 })?).await?;
                            runs.push((id, run));
                        }
                    }
                    Ok(runs)
                })
            })
            .await
            .unwrap();
        Self { runs }
    }

    /// Looks at every chain in one moment, and checks that no project passes its limit in it.
    pub(crate) async fn observe(&self, store: &Store) -> Observed {
        let mut snapshot = store.snapshot().await.unwrap();
        let mut ended = 0;
        let mut running: std::collections::HashMap<ProjectId, u32> = std::collections::HashMap::new();
        for &(project, run) in &self.runs {
            let tasks = snapshot.tasks(project, run).await.unwrap();
            ended +=
                usize::from(tasks.len() == LINKS as usize && tasks.iter().all(|task| task.status == TaskStatus::Done));
            let held = tasks.iter().filter(|task| task.status == TaskStatus::Running).count();
            *running.entry(project).or_default() += u32::try_from(held).unwrap();
        }
        assert!(
            running.values().all(|&count| count <= WORK_LIMIT),
            "a project passed its limit: {running:?}"
        );
        if ended == self.runs.len() {
            Observed::Ended
        } else {
            Observed::Going {
                ended,
                of: self.runs.len(),
            }
        }
    }

    /// Every chain has every number once and in order. Gives how many tasks were claimed more than once.
    pub(crate) async fn verify(&self, store: &Store, seed: u64) -> u32 {
        let mut reader = store.read().await.unwrap();
        let mut reclaimed = 0;
        for &(project, run) in &self.runs {
            let events = reader.events(project, run, EventWindow::After(0), 1000).await.unwrap();
            let numbers: Vec<u32> = events.iter().map(|event| event.body.read().unwrap()).collect();
            assert_eq!(
                numbers,
                (0..LINKS).collect::<Vec<_>>(),
                "seed {seed}: the history of {run} is broken"
            );
            let tasks = reader.tasks(project, run).await.unwrap();
            assert_eq!(
                tasks.len(),
                LINKS as usize,
                "seed {seed}: {run} has tasks that nobody inserted"
            );
            reclaimed += tasks.iter().map(|task| task.attempt - 1).sum::<u32>();
        }
        reclaimed
    }
}

/// Records a link and begins the next one, whole or not at all.
pub(crate) async fn advance(tx: &mut Tx, fence: Fence, task: &Task) -> Result<(), Error> {
    let link: Link = task.body.read()?;
    let run = task.run.ok_or(Error::NotFound { entity: "run" })?;
    let event = NewEvent {
        kind: Arc::from("link"),
        at: now(),
        body: Body::of(&link.index)?,
    };
    let append = EventAppend {
        project: task.project,
        run,
        step: None,
        cursor: None,
        events: vec![event],
    };
    tx.append_events(append).await?;
    tx.complete_task(fence, now()).await?;
    if link.index + 1 < LINKS {
        tx.insert_task(&a_link(
            task.project,
            run,
            Link {
                index: link.index + 1,
                ..link
            },
        )?)
        .await?;
    }
    Ok(())
}

fn a_link(project: ProjectId, run: RunId, link: Link) -> Result<NewTask, Error> {
    Ok(NewTask {
        id: TaskId::from_uuid(Uuid::from_u128((link.chain << 32) | u128::from(link.index))),
        project,
        run: Some(run),
        kind: "link".to_owned(),
        class: TaskClass::Work,
        priority: 0,
        due: now(),
        created_at: Timestamp(i64::from(link.index)),
        body: Body::of(&link)?,
    })
}

fn a_project(id: ProjectId, number: u128) -> NewProject {
    NewProject {
        id,
        slug: format!("project-{number}"),
        name: format!("Project {number}"),
        description: String::new(),
        work_limit: WORK_LIMIT,
        created_at: now(),
        body: Body::null(),
    }
}

fn a_run(project: ProjectId, id: RunId) -> NewRun {
    NewRun {
        id,
        project,
        status: RunStatus::Pending,
        workflow: "chain".to_owned(),
        prompt_preview: String::new(),
        created_at: now(),
        body: Body::null(),
        state: Body::null(),
    }
}
