//! Live updates as the API sees them: everything once and in order, whoever is slow or comes back, and nothing more for
//! whoever may not see it any more.

mod access;
mod following;
mod nodes;
mod retention;
mod runs;
mod usage;

use std::sync::Arc;

use codecourier_domain::id::ProjectId;
use codecourier_engine::Engine;
use codecourier_engine::access::Credential;
use codecourier_engine::live::{Content, Frame, Query, Told, Watch};
use codecourier_store::Store;
use codecourier_store::changes::Scope;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::designer_and_checker;
use codecourier_testkit::people::{People, TestPerson};
use codecourier_testkit::postgres::Server;

/// What every test begins with: a project `shop`, and its owner.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) engine: Engine,
    pub(crate) store: Store,
    pub(crate) people: People,
    pub(crate) project: ProjectId,
    pub(crate) owner: TestPerson,
}

/// Runs a test in an engine's world.
async fn in_shop<F: Future<Output = ()> + Send + 'static>(world: World, test: impl FnOnce(Shop) -> F + Send + 'static) {
    let engine = world.start().await;
    let store = engine.store();
    engine
        .ask(move |engine| async move {
            let people = People::new(store.clone());
            let owner = people.sign_up("owner").await;
            let project = people.create_project("shop", owner.user).await;
            let shop = Shop {
                engine,
                store,
                people,
                project,
                owner,
            };
            test(shop).await;
        })
        .await;
    engine.shut_down().await;
}

fn world() -> World {
    World::new(designer_and_checker())
}

/// Runs a test on both databases.
async fn on_both<F: Future<Output = ()> + Send + 'static>(test: fn(Shop) -> F) {
    in_shop(world(), test).await;
    in_shop(world().on_postgres(Server::shared().create_database()), test).await;
}

impl Shop {
    pub(crate) async fn watch(&self, person: &TestPerson) -> Watch {
        let credential = Credential::Session(person.token.clone());
        self.engine.live().watch(credential).await.unwrap()
    }

    /// A watch of the project.
    pub(crate) async fn following(&self, person: &TestPerson, after: Option<u64>) -> Watch {
        let mut watch = self.watch(person).await;
        watch.subscribe("a".into(), project(), after).await.unwrap();
        watch
    }

    /// Writes a change of a run, and gives its number.
    pub(crate) async fn change(&self) -> u64 {
        let scope = Scope::Project(self.project);
        self.people
            .change(scope, "run", "run_x", serde_json::json!({"x": 1}))
            .await
    }

    pub(crate) async fn head(&self) -> u64 {
        let mut reader = self.store.read().await.unwrap();
        reader.change_head(Scope::Project(self.project)).await.unwrap()
    }
}

fn project() -> Query {
    Query::Project {
        project: "shop".to_owned(),
    }
}

/// The number of the snapshot that comes next.
async fn opened(watch: &mut Watch) -> u64 {
    match watch.next().await {
        Told::Snapshot { snapshot, .. } => snapshot.seq,
        other => panic!("{other:?}"),
    }
}

async fn frames(watch: &mut Watch) -> Vec<Arc<Frame>> {
    match watch.next().await {
        Told::Frames { frames, .. } => frames,
        other => panic!("{other:?}"),
    }
}

/// The numbers of what comes next, until that many.
async fn numbers(watch: &mut Watch, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        numbers.extend(frames(watch).await.iter().filter_map(|frame| frame.seq()));
    }
    numbers
}

fn kind(frame: &Frame) -> String {
    match frame.content() {
        Content::Change(change) => change.kind.clone(),
        other => panic!("{other:?}"),
    }
}
