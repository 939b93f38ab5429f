//! The soak: many subscribers, some slow, all of them leaving and coming back at random, writers that never rest, and a
//! server that is ended and started again, or two of them on one PostgreSQL. In the end everybody has seen every change
//! once, in order.
//!
//! Started by `cargo xtask soak`; a small one is a test. The seed decides who does what and for how long, not how the
//! machine interleaves it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use codecourier_domain::id::ProjectId;
use codecourier_domain::member::MemberRole;
use codecourier_store::changes::{ChangeOp, ChangesAfter, NewChange, Scope};
use codecourier_store::{Body, Store};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::designer_and_checker;
use codecourier_testkit::people::TestPerson;
use codecourier_testkit::postgres::Server;
use codecourier_wire::live::{LiveDelta, ServerMessage};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::LiveServer;
use super::client::{Client, Heard, NoConnection};

/// Subscribers of one person: below the number of connections that one may have.
const PER_PERSON: usize = 50;
/// How many things the writers change.
const THINGS: u64 = 200;
const PROJECTS: usize = 5;
/// How often each server is ended and started again.
const RESTARTS: u64 = 3;

/// Who serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    /// One, on SQLite.
    One,
    /// Two, on one PostgreSQL database. Subscribers go from one to the other.
    Two,
}

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Who serves.
    pub servers: Servers,
    /// Who follows.
    pub subscribers: usize,
    /// Changes that are written.
    pub writes: u64,
    /// How long all of it may take.
    pub patience: Duration,
    /// Who does what.
    pub seed: u64,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    /// Changes told to subscribers.
    pub told: u64,
    /// Times that a subscriber left or was left.
    pub reconnects: u64,
    /// How long it took.
    pub took: Duration,
}

/// What a log comes to: the last value of each thing, how many changes there were, and all of them in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct State {
    seq: u64,
    changes: u64,
    things: BTreeMap<String, Value>,
    order: u64,
}

impl State {
    fn take(&mut self, seq: u64, id: &str, body: Value) -> Result<(), String> {
        if seq != self.seq + 1 {
            return Err(format!("{seq} came after {}", self.seq));
        }
        self.seq = seq;
        self.changes += 1;
        // A number that depends on every change and on their order.
        for byte in format!("{seq} {id} {body}").bytes() {
            self.order = (self.order ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.things.insert(id.to_owned(), body);
        Ok(())
    }
}

/// What everybody needs to know.
struct Scene {
    addresses: Vec<SocketAddr>,
    told: AtomicU64,
    reconnects: AtomicU64,
    /// The heads of the logs once the writers have ended.
    finish: watch::Receiver<Option<Vec<u64>>>,
}

/// Runs it. Fails with what is wrong.
pub async fn soak(size: Size, say: impl Fn(String)) -> Result<Report, String> {
    let began = Instant::now();
    tokio::time::timeout(size.patience, run(size, began, say))
        .await
        .unwrap_or_else(|_| Err(format!("it is not over after {:?}", size.patience)))
}

async fn run(size: Size, began: Instant, say: impl Fn(String)) -> Result<Report, String> {
    let (world, nodes) = match size.servers {
        Servers::One => (World::new(designer_and_checker()), 1),
        Servers::Two => {
            let database = Server::shared().create_database();
            (World::new(designer_and_checker()).on_postgres(database), 2)
        }
    };
    let mut servers = Vec::new();
    for node in 0..nodes {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        servers.push(LiveServer::start_node(&world, &node_name(node), anywhere).await);
    }
    let addresses: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    let server = &servers[0];
    let owner = server.people.sign_up("owner").await;
    let mut projects = Vec::new();
    for number in 0..PROJECTS {
        projects.push(
            server
                .people
                .create_project(&format!("project-{number}"), owner.user)
                .await,
        );
    }
    let mut crowd = Vec::new();
    for number in 0..size.subscribers.div_ceil(PER_PERSON) {
        let person = server.people.sign_up(&format!("person-{number}")).await;
        for project in &projects {
            server.people.join(*project, person.user, MemberRole::Member).await;
        }
        crowd.push(person);
    }

    let (finished, finish) = watch::channel(None);
    let scene = Arc::new(Scene {
        addresses: addresses.clone(),
        told: AtomicU64::new(0),
        reconnects: AtomicU64::new(0),
        finish,
    });
    let mut subscribers = JoinSet::new();
    for number in 0..size.subscribers {
        let (scene, person) = (Arc::clone(&scene), crowd[number / PER_PERSON].clone());
        let random = StdRng::seed_from_u64(size.seed ^ number as u64);
        subscribers.spawn(async move { (number, subscribe(&scene, &person, number, random).await) });
    }

    // The writers go on while the server is away, as soon as there is another.
    let stores: Vec<watch::Sender<Option<Store>>> = servers
        .iter()
        .map(|server| watch::Sender::new(Some(server.engine().store())))
        .collect();
    let written = Arc::new(AtomicU64::new(0));
    let mut writers = JoinSet::new();
    for number in 0..4 {
        let random = StdRng::seed_from_u64(size.seed.wrapping_add(number));
        let store = stores[number as usize % nodes].subscribe();
        let (written, projects) = (Arc::clone(&written), projects.clone());
        writers.spawn(write(size.writes / 4, written, store, projects, random));
    }
    let restarts = RESTARTS * nodes as u64;
    for restart in 1..=restarts {
        let node = restart as usize % nodes;
        while written.load(Ordering::SeqCst) < size.writes * restart / (restarts + 1) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stores[node].send_replace(None);
        let server = servers.remove(node);
        let how = if restart % 3 == 2 { "killed" } else { "stopped" };
        if restart % 3 == 2 {
            server.kill().await;
        } else {
            server.stop().await;
        }
        servers.insert(
            node,
            LiveServer::start_node(&world, &node_name(node), addresses[node]).await,
        );
        stores[node].send_replace(Some(servers[node].engine().store()));
        say(format!(
            "node {} was {how} and started again after {} writes",
            node_name(node),
            written.load(Ordering::SeqCst)
        ));
    }
    while let Some(ended) = writers.join_next().await {
        ended.map_err(|error| error.to_string())?;
    }

    let truth = truth(&servers[0].engine().store(), &projects).await?;
    finished.send_replace(Some(truth.iter().map(|state| state.seq).collect()));
    while let Some(ended) = subscribers.join_next().await {
        let (number, states) = ended.map_err(|error| error.to_string())?;
        let states = states.map_err(|fault| format!("subscriber {number}: {fault}"))?;
        for (project, state) in states {
            if state != truth[project] {
                return Err(format!(
                    "subscriber {number} has another state of project {project} than the database"
                ));
            }
        }
    }
    for server in servers {
        server.stop().await;
    }
    Ok(Report {
        told: scene.told.load(Ordering::SeqCst),
        reconnects: scene.reconnects.load(Ordering::SeqCst),
        took: began.elapsed(),
    })
}

fn node_name(node: usize) -> String {
    (node + 1).to_string()
}

/// What the logs in the database come to.
async fn truth(store: &Store, projects: &[ProjectId]) -> Result<Vec<State>, String> {
    let mut states = Vec::new();
    for project in projects {
        let mut state = State::default();
        loop {
            let mut reader = store.read().await.map_err(|error| error.to_string())?;
            let page = reader.changes_after(Scope::Project(*project), state.seq, 500).await;
            let ChangesAfter::Changes(changes) = page.map_err(|error| error.to_string())? else {
                return Err("nothing was to be removed".to_owned());
            };
            if changes.is_empty() {
                break;
            }
            for change in changes {
                let body = change.body.read().map_err(|error| error.to_string())?;
                state.take(change.seq, &change.id, body)?;
            }
        }
        states.push(state);
    }
    Ok(states)
}

async fn write(
    count: u64,
    written: Arc<AtomicU64>,
    mut store: watch::Receiver<Option<Store>>,
    projects: Vec<ProjectId>,
    mut random: StdRng,
) {
    let mut done = 0;
    while done < count {
        let Ok(present) = store.wait_for(Option::is_some).await.map(|store| store.clone()) else {
            return;
        };
        let change = NewChange {
            scope: Scope::Project(projects[random.random_range(0..projects.len())]),
            kind: "run",
            id: format!("thing-{}", random.random_range(0..THINGS)),
            op: ChangeOp::Put,
            actor: "soak".to_owned(),
            at: codecourier_domain::time::Timestamp(0),
            body: Body::of(&json!({"value": random.random_range(0..1_000_000)})).expect("JSON"),
        };
        let Some(present) = present else { continue };
        // With a server that is killed it may have been written or not: the database knows.
        let writing = present.write(move |tx| Box::pin(async move { tx.append_change(change).await }));
        let wrote = tokio::select! {
            wrote = writing => wrote.is_ok(),
            _ = store.changed() => false,
        };
        if wrote {
            done += 1;
            written.fetch_add(1, Ordering::SeqCst);
        }
        if random.random_range(0..20) == 0 {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..8))).await;
        }
    }
}

/// How somebody behaves.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Quick,
    /// Takes a while for each message.
    Slow,
    /// Now and then does not listen at all.
    Absent,
}

/// Follows two projects until both are told to their ends.
async fn subscribe(
    scene: &Scene,
    person: &TestPerson,
    number: usize,
    mut random: StdRng,
) -> Result<Vec<(usize, State)>, String> {
    let manner = match number % 10 {
        0 => Manner::Slow,
        1 => Manner::Absent,
        _ => Manner::Quick,
    };
    let followed = [
        number % PROJECTS,
        (number + 1 + number / PROJECTS % (PROJECTS - 1)) % PROJECTS,
    ];
    let mut states: Vec<(usize, State)> = followed.iter().map(|project| (*project, State::default())).collect();
    let mut finish = scene.finish.clone();
    let mut visits = number;
    loop {
        // Every time at the next server.
        let address = scene.addresses[visits % scene.addresses.len()];
        visits += 1;
        let mut client = match Client::connect(address, person.token.expose()).await {
            Ok(client) => client,
            Err(NoConnection::Refused(status)) if status.is_client_error() => return Err(format!("refused: {status}")),
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(random.random_range(5..50))).await;
                continue;
            }
        };
        for (project, state) in &states {
            client
                .follow(&project.to_string(), &format!("project-{project}"), Some(state.seq))
                .await;
        }
        let mut patience = random.random_range(1..2_000_u32);
        loop {
            if is_finished(&finish, &states) {
                return Ok(states);
            }
            let heard = tokio::select! {
                heard = client.hear() => heard,
                _ = finish.changed() => continue,
            };
            let message = match heard {
                Heard::Message(message) => *message,
                Heard::Closed(1012, _) | Heard::Gone => break,
                Heard::Closed(code, word) => return Err(format!("closed with {code}, {word}")),
            };
            match message {
                ServerMessage::Delta { id, delta } => take(&mut states, &id, delta)?,
                other => return Err(format!("heard {other:?}")),
            }
            scene.told.fetch_add(1, Ordering::Relaxed);
            patience -= 1;
            if patience == 0 {
                break;
            }
            match manner {
                Manner::Quick => {}
                Manner::Slow if random.random_range(0..20) == 0 => {
                    tokio::time::sleep(Duration::from_millis(random.random_range(1..20))).await;
                }
                Manner::Absent if random.random_range(0..300) == 0 => {
                    tokio::time::sleep(Duration::from_millis(random.random_range(200..2_000))).await;
                }
                Manner::Slow | Manner::Absent => {}
            }
        }
        scene.reconnects.fetch_add(1, Ordering::Relaxed);
    }
}

fn take(states: &mut [(usize, State)], id: &str, delta: LiveDelta) -> Result<(), String> {
    let state = states.iter_mut().find(|(project, _)| project.to_string() == id);
    let (_, state) = state.ok_or_else(|| format!("nobody follows {id}"))?;
    let change = delta.change.ok_or("a change was to come")?;
    state.take(delta.seq, &change.id, change.body)
}

fn is_finished(finish: &watch::Receiver<Option<Vec<u64>>>, states: &[(usize, State)]) -> bool {
    let heads = finish.borrow();
    heads
        .as_ref()
        .is_some_and(|heads| states.iter().all(|(project, state)| state.seq == heads[*project]))
}
