//! The end of projects: what runs in one when it is deleted, and what is left of it when its time is over, wherever the
//! server is killed.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use codecourier_domain::id::{ProjectId, SandboxId, UserId};
use codecourier_domain::run::RunStatus;
use codecourier_engine::access::ProjectGrant;
use codecourier_engine::projects::CreateProject;
use codecourier_engine::{Engine, ErrorCode};
use codecourier_store::audit::{AuditList, AuditScope};
use codecourier_store::blobs::BlobName;
use codecourier_store::changes::{ChangeOp, Observed};
use codecourier_store::runs::RunList;
use codecourier_store::steps::Step;
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::{Act, Gate, always};
use codecourier_testkit::postgres::Server;
use tokio::sync::Notify;

use crate::agents::{good, single};
use crate::team::{Team, on};

const DAY: i64 = 24 * 60 * 60 * 1000;
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR of the project";
const OTHER_PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR of the project before";

/// The project of a run from the command line, given to a person.
async fn adopted(team: &Team, owner: UserId) -> (ProjectGrant, String) {
    team.engine.members().adopt(owner).await.unwrap();
    let own = team.engine.projects().list(owner, None, 10).await.unwrap().items;
    let project = own.into_iter().next().unwrap();
    (team.grant(owner, &project.slug).await, project.name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_runs_in_a_project_ends_though_the_server_dies_with_its_deletion() {
    let gate = Gate::default();
    let world = World::new(always(vec![Act::Pass(gate.clone()), Act::Hang]));
    let engine = world.start().await;
    let run = engine.start_run(single(&world)).await.unwrap();
    gate.reached(1).await;
    // Nothing is killed before the server dies.
    let kill = Gate::default();
    world.backend.hold("destroy", kill.clone());
    on(&world, &engine, |team| async move {
        let ada = team.person("ada").await;
        let (grant, name) = adopted(&team, ada).await;
        let committed = Arc::new(Notify::new());
        let tell = Arc::clone(&committed);
        team.store.observe_changes(move |observed| match observed {
            Observed::Change(change) if (change.kind.as_str(), change.op) == ("project", ChangeOp::Delete) => {
                tell.notify_one();
            }
            Observed::Change(_) | Observed::UnknownAccess => {}
        });
        let projects = team.engine.projects();
        tokio::select! {
            biased;
            () = committed.notified() => {}
            deleted = projects.delete(&grant, &name) => deleted.unwrap(),
        }
    })
    .await;
    engine.kill().await;
    kill.open();
    let engine = world.start().await;
    assert_eq!(engine.wait(run).await, RunStatus::Cancelled);
    assert_eq!(world.backend.present(), []);
    engine.shut_down().await;
}

/// A project with a finished run, a logo and one from before, whose last sandbox is still there; deleted. Beside it a
/// project with the same logo.
struct Story {
    run: (ProjectId, codecourier_domain::id::RunId),
    slug: String,
    sandbox: SandboxId,
    journal: BlobName,
    ada: UserId,
}

async fn deleted_project(world: &World, engine: &TestEngine) -> Story {
    let run = engine.start_run(single(world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    let view = engine.view(run).await;
    let step = &view.steps[0];
    let sandbox = SandboxId::of_step(&step.row.id);
    let journal = step.memo.journal.as_ref().unwrap().parse().unwrap();
    let left = Step {
        sandbox: Some(sandbox),
        ..step.row.clone()
    };
    let (sender, story) = tokio::sync::oneshot::channel();
    on(world, engine, move |team| async move {
        let ada = team.person("ada").await;
        let (grant, name) = adopted(&team, ada).await;
        let projects = team.engine.projects();
        for picture in [OTHER_PICTURE, PICTURE] {
            projects.set_logo(&grant, Bytes::from_static(picture)).await.unwrap();
        }
        let other = team.project(ada, "Other").await;
        let other = team.grant(ada, &other.slug).await;
        projects.set_logo(&other, Bytes::from_static(PICTURE)).await.unwrap();
        // As if the removal of its sandbox had failed.
        let write = team
            .store
            .write(move |tx| Box::pin(async move { tx.save_step(&left).await }));
        write.await.unwrap();
        let slug = grant.slug.to_string();
        projects.delete(&grant, &name).await.unwrap();
        projects.restore(ada, &slug).await.unwrap();
        let grant = team.grant(ada, &slug).await;
        projects.delete(&grant, &name).await.unwrap();
        sender.send((slug, ada)).unwrap();
    })
    .await;
    let (slug, ada) = story.await.unwrap();
    assert!(mirror(world, run.0).exists());
    Story {
        run,
        slug,
        sandbox,
        journal,
        ada,
    }
}

fn mirror(world: &World, project: ProjectId) -> PathBuf {
    world.path().join("mirrors").join(format!("{project}.git"))
}

fn blob(world: &World, name: BlobName) -> PathBuf {
    let name = name.to_string();
    world.path().join("blobs").join(&name[..2]).join(&name[2..])
}

/// Nothing is left but the entry in the installation's log, and the slug is free.
async fn assert_purged(world: &World, engine: &TestEngine, story: Story) {
    let Story {
        run: (project, _),
        slug,
        journal,
        ada,
        ..
    } = story;
    assert!(!mirror(world, project).exists(), "the repository is gone");
    let swept = engine.ask(|engine: Engine| async move { engine.retention().sweep().await.unwrap() });
    assert!(swept.await.blobs >= 2);
    assert!(!blob(world, journal).exists());
    assert!(!blob(world, BlobName::of(OTHER_PICTURE)).exists());
    assert!(
        blob(world, BlobName::of(PICTURE)).exists(),
        "another project has the same"
    );
    on(world, engine, move |team| async move {
        let mut reader = team.store.read().await.unwrap();
        assert!(reader.project(project).await.unwrap().is_none());
        let all = RunList {
            status: None,
            after: None,
            limit: 10,
        };
        assert!(reader.runs(project, all).await.unwrap().items.is_empty());
        let list = AuditList {
            action: Some("project.purge".to_owned()),
            limit: 10,
            ..AuditList::default()
        };
        let purges = reader.audit_entries(AuditScope::Installation, &list).await.unwrap();
        let [purge] = purges.items.as_slice() else {
            panic!("{purges:?}");
        };
        assert_eq!(purge.target, project.to_string());
        assert!(purge.detail.as_str().contains(&slug), "{}", purge.detail.as_str());
        drop(reader);
        let projects = team.engine.projects();
        assert!(projects.list_deleted(ada, None, 10).await.unwrap().items.is_empty());
        let again = CreateProject {
            name: "Again".to_owned(),
            slug: Some(slug),
            ..CreateProject::default()
        };
        assert_ne!(projects.create(ada, again).await.unwrap().id, project);
        let other = team.grant(ada, "other").await;
        assert_eq!(&projects.logo(&other).await.unwrap().bytes[..], PICTURE);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_project_is_purged_when_its_time_is_over() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let story = deleted_project(&world, &engine).await;
    world.clock.advance(29 * DAY);
    let purged = engine.ask(|engine: Engine| async move { engine.projects().purge().await.unwrap() });
    assert_eq!(purged.await, 0, "it is too early");
    world.clock.advance(2 * DAY);
    let (ada, slug) = (story.ada, story.slug.clone());
    on(&world, &engine, move |team| async move {
        let late = team.engine.projects().restore(ada, &slug).await;
        assert_eq!(late.unwrap_err().code, ErrorCode::NotFound);
        assert_eq!(team.engine.projects().purge().await.unwrap(), 1);
        assert_eq!(team.engine.projects().purge().await.unwrap(), 0);
    })
    .await;
    assert_purged(&world, &engine, story).await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_that_is_killed_at_every_call_is_gone_on_with() {
    killed_at_every_call(World::new(always(good()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_that_is_killed_at_every_call_is_gone_on_with_on_postgres() {
    let database = Server::shared().create_database();
    killed_at_every_call(World::new(always(good())).on_postgres(database)).await;
}

/// The rows between two kills are the store's contract; here it is what is outside of the database.
async fn killed_at_every_call(world: World) {
    let mut engine = world.start().await;
    let story = deleted_project(&world, &engine).await;
    let sandbox = story.sandbox;
    world.clock.advance(31 * DAY);
    engine.kill().await;
    world.backend.stop_at_each();
    let mut kills = Vec::new();
    loop {
        engine = match world.start_unless_stopped().await {
            Ok(engine) => engine,
            Err(point) => {
                kills.push(point);
                continue;
            }
        };
        // The engine's own round is under way, too; both do the same.
        let (store, project) = (engine.store(), story.run.0);
        let purge = engine.ask(move |engine: Engine| async move {
            engine.projects().purge().await.unwrap();
            store.read().await.unwrap().project(project).await.unwrap().is_none()
        });
        tokio::select! {
            is_done = purge => if is_done { break },
            point = world.backend.stopped() => kills.push(point),
        }
        engine.kill().await;
    }
    let of_purge = kills.iter().filter(|point| point.contains("destroy")).count();
    assert_eq!(of_purge, 2, "before and after the removal of {sandbox}: {kills:?}");
    assert_purged(&world, &engine, story).await;
    engine.shut_down().await;
}
