//! The statements that end things. They run on a small project, since most of them run only when there is something.

use codecourier_domain::id::{InputId, ProjectId, RunId, StepId};
use codecourier_domain::role::Role;
use codecourier_domain::run::RunStatus;
use codecourier_domain::stillness::Stillness;
use codecourier_domain::time::Timestamp;
use uuid::Uuid;

use crate::blob_uses::BlobHolder;
use crate::blobs::BlobName;
use crate::projects::{Deletion, NewProject};
use crate::runs::NewRun;
use crate::step_inputs::{InputKind, InputStatus, StepInput};
use crate::steps::{Step, StepStatus};
use crate::{Body, Store, StoreConfig};

const NOW: Timestamp = Timestamp(1);

#[tokio::test]
async fn every_statement_that_ends_something_finds_its_rows_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = Store::open(StoreConfig::Sqlite { path }).await.unwrap();
    let project = ProjectId::from_uuid(Uuid::nil());
    let (run, step) = (RunId::from_uuid(Uuid::nil()), StepId::from_uuid(Uuid::nil()));
    let blob = BlobName::of(b"blob");
    let ended = store.write(move |tx| {
        Box::pin(async move {
            tx.insert_project(&NewProject {
                id: project,
                slug: "one".to_owned(),
                name: "One".to_owned(),
                description: String::new(),
                work_limit: 1,
                created_at: NOW,
                body: Body::null(),
            })
            .await?;
            tx.insert_run(&NewRun {
                id: run,
                project,
                status: RunStatus::Pending,
                workflow: "single".to_owned(),
                prompt_preview: String::new(),
                created_at: NOW,
                body: Body::null(),
                state: Body::null(),
            })
            .await?;
            tx.insert_step(&Step {
                id: step,
                project,
                run,
                ordinal: 1,
                attempt: 1,
                iteration: 1,
                lane: "designer#1".to_owned(),
                role: Role::Designer,
                status: StepStatus::Pending,
                sandbox: None,
                created_at: NOW,
                started_at: None,
                finished_at: None,
                body: Body::null(),
            })
            .await?;
            let input = StepInput {
                id: InputId::from_uuid(Uuid::from_u128(4)),
                project,
                run,
                step,
                kind: InputKind::Message,
                body: "Go on.".to_owned(),
                status: InputStatus::Waiting,
                actor: "operator".to_owned(),
                created_at: NOW,
                settled_at: None,
            };
            tx.insert_step_input(&input).await?;
            tx.read().waiting_step_inputs(project, step, 10).await?;
            tx.read().step_input(project, input.id).await?;
            tx.settle_step_input(project, input.id, InputStatus::Delivered, NOW)
                .await?;
            tx.drop_step_inputs(project, step, NOW).await?;
            let still = tx.read().stillness(project, step).await?;
            assert_eq!(still, Stillness::default());
            let paused = still.paused("ada", NOW);
            tx.save_stillness(project, step, &paused).await?;
            assert_eq!(tx.read().stillness(project, step).await?, paused);
            tx.hold_blob(project, BlobHolder::Journal(step), blob).await?;
            tx.read().holds_blob(project, BlobHolder::Journal(step), blob).await?;
            tx.read().unheld_blobs(&[blob]).await?;
            tx.read().sandboxes_of(project).await?;
            tx.read().unfinished_runs_of(project).await?;
            tx.read().next_purge().await?;
            let deletion = Deletion {
                deleted_at: NOW,
                purge_at: NOW,
            };
            tx.set_project_deletion(project, Some(deletion), NOW).await?;
            tx.begin_purge(project, NOW).await?;
            while tx.purge_rows(project, 100).await? > 0 {}
            tx.finish_purge(project).await?;
            tx.sweep_ended_work(NOW, 10).await?;
            tx.sweep_ended_access(NOW, 10).await
        })
    });
    ended.await.unwrap();
}
