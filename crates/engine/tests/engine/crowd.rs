//! Many runs at once: every one ends, and no project takes more than its places.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use codecourier_domain::run::RunStatus;
use codecourier_engine::runs::spec::RepositorySource;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Gate, always, script};
use codecourier_testkit::repository::RepositoryBuilder;

use crate::agents::{good, single};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_takes_no_more_than_its_places() {
    let (gate, alive, most) = (
        Gate::default(),
        Arc::new(AtomicUsize::new(0)),
        Arc::new(AtomicUsize::new(0)),
    );
    let mut world = World::new(always(Vec::new()));
    let backend = Arc::downgrade(&world.backend);
    let (held, seen) = (gate.clone(), Arc::clone(&most));
    world.backend.play(script(move |_| {
        let present = backend.upgrade().map_or(0, |backend| backend.present().len());
        seen.fetch_max(present, Ordering::SeqCst);
        alive.fetch_add(1, Ordering::SeqCst);
        let mut acts = vec![Act::Pass(held.clone())];
        acts.extend(good());
        acts
    }));
    world.work_places = 16;
    let engine = world.start().await;
    let mut runs = Vec::new();
    for _ in 0..10 {
        runs.push(engine.start_run(single(&world)).await.unwrap());
    }
    gate.reached(4).await;
    gate.open();
    for run in runs {
        assert_eq!(engine.wait(run).await, RunStatus::Completed);
    }
    assert_eq!(most.load(Ordering::SeqCst), 4, "the places were all used, and no more");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_runs_of_five_projects_all_end() {
    let mut world = World::new(always(good()));
    // Fewer places than there are runs that could take one: a place that becomes free must wake the worker.
    world.work_places = 6;
    let engine = world.start().await;
    let mut runs = Vec::new();
    for project in 0..5 {
        let repository = RepositoryBuilder::new()
            .file("a.txt", format!("{project}\n"))
            .commit("Begin")
            .build(world.path().join(format!("project-{project}")));
        for _ in 0..10 {
            let mut spec = single(&world);
            spec.repository = RepositorySource::LocalPath {
                path: repository.path().to_owned(),
            };
            runs.push(engine.start_run(spec).await.unwrap());
        }
    }
    for run in runs {
        let status = engine.wait(run).await;
        assert_eq!(
            status,
            RunStatus::Completed,
            "{:?}",
            engine.view(run).await.state.failure()
        );
    }
    assert_eq!(world.backend.present(), []);
    assert_eq!(world.backend.created().len(), 50);
    engine.shut_down().await;
}
