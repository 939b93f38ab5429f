//! Live updates over real sockets.

mod access;
mod following;
mod hostile;
mod soak;
mod stream;

use codecourier_domain::id::ProjectId;
use codecourier_it::live::LiveServer;
use codecourier_it::live::client::Client;
use codecourier_store::changes::Scope;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::designer_and_checker;
use codecourier_testkit::people::TestPerson;
use serde_json::json;

/// A server with a project `shop`, and its owner.
struct Shop {
    world: World,
    server: LiveServer,
    project: ProjectId,
    owner: TestPerson,
}

impl Shop {
    async fn open() -> Self {
        let world = World::new(designer_and_checker());
        let server = LiveServer::start(&world).await;
        let owner = server.people.sign_up("owner").await;
        let project = server.people.create_project("shop", owner.user).await;
        Self {
            world,
            server,
            project,
            owner,
        }
    }

    /// Ends the server, in order or not, and starts another one in its place.
    async fn restart(self, in_order: bool) -> Self {
        let address = self.server.address;
        if in_order {
            self.server.stop().await;
        } else {
            self.server.kill().await;
        }
        Self {
            server: LiveServer::start_at(&self.world, address).await,
            ..self
        }
    }

    async fn connect(&self, person: &TestPerson) -> Client {
        Client::connect(self.server.address, person.token.expose())
            .await
            .unwrap()
    }

    /// A client that follows the project as `a`, and has heard its snapshot.
    async fn following(&self, person: &TestPerson) -> (Client, u64) {
        let mut client = self.connect(person).await;
        client.follow("a", "shop", None).await;
        let seq = client.snapshot().await;
        (client, seq)
    }

    async fn change(&self) -> u64 {
        let scope = Scope::Project(self.project);
        self.server.people.change(scope, "run", "run_x", json!({"x": 1})).await
    }
}
