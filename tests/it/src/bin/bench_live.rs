//! Measures live updates over real sockets and prints one JSON object per line. `cargo xtask bench` runs it in release
//! mode.
//!
//! The server, its API, the store and the sockets are real; the clients are in this process, so what they take of the
//! machine is in the figures.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first failure, and prints"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use codecourier_domain::id::{ProjectId, RunId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::pipeline::Pipeline;
use codecourier_it::live::LiveServer;
use codecourier_it::live::client::Client;
use codecourier_store::changes::Scope;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::{Act, Gate, designer_and_checker, script};
use codecourier_testkit::people::TestPerson;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Connections of one person: below the number that one may have.
const PER_PERSON: usize = 100;
const IDLE: usize = 1_000;
const RUNS: usize = 50;
const LINES_PER_SECOND: u64 = 100;
const SECONDS: u64 = 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    idle().await;
    fan_out(500, 100).await;
    fan_out(2_000, 20).await;
    agent_lines(500).await;
}

/// A server with a project `shop` and a crowd of its members.
struct Scene {
    world: World,
    server: LiveServer,
    project: ProjectId,
    crowd: Vec<TestPerson>,
}

impl Scene {
    async fn open(world: World, subscribers: usize) -> Self {
        let server = LiveServer::start(&world).await;
        let owner = server.people.sign_up("owner").await;
        let project = server.people.create_project("shop", owner.user).await;
        let mut crowd = Vec::new();
        for number in 0..subscribers.div_ceil(PER_PERSON) {
            let person = server.people.sign_up(&format!("person-{number}")).await;
            server.people.join(project, person.user, MemberRole::Member).await;
            crowd.push(person);
        }
        Self {
            world,
            server,
            project,
            crowd,
        }
    }

    async fn client(&self, number: usize) -> Client {
        let token = self.crowd[number / PER_PERSON].token.expose();
        Client::connect(self.server.address, token).await.unwrap()
    }
}

/// What a connection that follows a project costs the server.
async fn idle() {
    let scene = Scene::open(World::new(designer_and_checker()), IDLE).await;
    // The first hundred warm up what is there once.
    let mut streams = Vec::new();
    for number in 0..100 {
        streams.push(bare(&scene, number).await);
    }
    let before = resident_kilobytes();
    for number in 100..IDLE {
        streams.push(bare(&scene, number).await);
    }
    let grown = resident_kilobytes().saturating_sub(before);
    print(
        "idle",
        "sockets that follow one project and hear nothing; growth of the process per socket, with a client that is no \
         more than a TCP stream, and without the kernel's buffers",
        &[
            ("sockets", as_f64(IDLE)),
            ("kilobytes_per_subscriber", as_f64(grown) / as_f64(IDLE - 100)),
        ],
    );
    drop(streams);
    scene.server.stop().await;
}

/// A client that is no more than a stream: the handshake and one message by hand.
async fn bare(scene: &Scene, number: usize) -> TcpStream {
    let SocketAddr::V4(address) = scene.server.address else {
        panic!("a loopback address")
    };
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = scene.crowd[number / PER_PERSON].token.expose();
    let request = format!(
        "GET /api/v1/live HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let text = br#"{"type":"subscribe","id":"a","query":"project.changes","args":{"project":"shop"}}"#;
    let length = u8::try_from(text.len()).unwrap();
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text);
    stream.write_all(&frame).await.unwrap();
    let mut heard = String::new();
    let mut buffer = [0; 1024];
    while !heard.contains("snapshot") {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    stream
}

/// From the call that writes a change to every client that follows.
async fn fan_out(subscribers: usize, writes_per_second: u64) {
    let scene = Scene::open(World::new(designer_and_checker()), subscribers).await;
    let writes = writes_per_second * SECONDS;
    let moments = Moments::new(writes);
    let mut clients = JoinSet::new();
    for number in 0..subscribers {
        let mut client = scene.client(number).await;
        client.follow("a", "shop", None).await;
        client.snapshot().await;
        clients.spawn(hear(client, "\"n\":", writes, Arc::clone(&moments)));
    }
    let mut tick = tokio::time::interval(Duration::from_nanos(1_000_000_000 / writes_per_second));
    for number in 0..writes {
        tick.tick().await;
        moments.begin(number);
        let scope = Scope::Project(scene.project);
        let body = json!({"n": number, "status": "running", "step": "designer#1", "padding": "x".repeat(200)});
        scene.server.people.change(scope, "run", "run_x", body).await;
    }
    let mut latencies = gather(clients).await;
    assert_eq!(
        latencies.len(),
        subscribers * usize::try_from(writes).unwrap(),
        "every message arrived"
    );
    let name = format!("fan_out_{subscribers}x{writes_per_second}");
    print_latencies(
        &name,
        "from the call that writes a change of 300 bytes, durably, to each client that follows the project over a socket \
         of its own",
        subscribers,
        writes_per_second,
        &mut latencies,
    );
    scene.server.stop().await;
}

/// From an agent's line to the clients that follow its run.
async fn agent_lines(subscribers: usize) {
    let lines = LINES_PER_SECOND * SECONDS;
    let gates: Arc<Vec<Gate>> = Arc::new((0..lines).map(|_| Gate::default()).collect());
    let opened = Arc::clone(&gates);
    let ready = Gate::default();
    let waiting = ready.clone();
    let mut world = World::new(script(move |_| {
        let lines = opened.iter().enumerate();
        let said = lines.flat_map(|(number, gate)| [Act::Pass(gate.clone()), Act::Say(format!("line {number};"))]);
        let mut acts = vec![Act::Pass(waiting.clone())];
        acts.extend(said);
        acts.push(Act::Hang);
        acts
    }));
    world.work_places = RUNS;
    let scene = Scene::open(world, subscribers).await;
    let mut runs: Vec<RunId> = Vec::new();
    for _ in 0..RUNS {
        let mut spec = scene.world.spec();
        spec.pipeline = Pipeline::single_designer();
        let project = scene.project;
        let started = scene
            .server
            .engine()
            .ask(move |engine| async move { engine.runs().start(project, spec, "bench").await });
        runs.push(started.await.unwrap());
    }
    ready.reached(u32::try_from(RUNS).unwrap()).await;
    let moments = Moments::new(lines);
    let mut clients = JoinSet::new();
    for number in 0..subscribers {
        let mut client = scene.client(number).await;
        let arguments = json!({"project": "shop", "run": runs[number % RUNS]});
        client
            .say(json!({"type": "subscribe", "id": "a", "query": "run.events", "args": arguments}))
            .await;
        client.snapshot().await;
        clients.spawn(hear(client, "\"line ", lines, Arc::clone(&moments)));
    }
    ready.open();
    let mut tick = tokio::time::interval(Duration::from_nanos(1_000_000_000 / LINES_PER_SECOND));
    for (number, gate) in (0..lines).zip(gates.iter()) {
        tick.tick().await;
        moments.begin(number);
        gate.open();
    }
    let mut latencies = gather(clients).await;
    assert_eq!(
        latencies.len(),
        subscribers * usize::try_from(lines).unwrap(),
        "every line arrived"
    );
    print_latencies(
        "agent_line",
        "from the moment an agent in a fake sandbox may write its line, over the journal, the adapter, the durable event \
         and the live tail, to each client that follows the run; 50 runs, 10 clients each",
        subscribers,
        LINES_PER_SECOND * as_u64(RUNS),
        &mut latencies,
    );
    scene.server.kill().await;
}

/// When each thing began.
struct Moments {
    start: Instant,
    began: Vec<AtomicU64>,
}

impl Moments {
    fn new(count: u64) -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            began: (0..count).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap()
    }

    fn begin(&self, number: u64) {
        self.began[usize::try_from(number).unwrap()].store(self.now(), Ordering::SeqCst);
    }

    fn since(&self, number: usize) -> u64 {
        self.now() - self.began[number].load(Ordering::SeqCst)
    }
}

/// How long after its beginning each thing was heard, in microseconds. The number stands behind `mark`.
async fn hear(mut client: Client, mark: &'static str, count: u64, moments: Arc<Moments>) -> Vec<u64> {
    let mut latencies = Vec::new();
    while as_u64(latencies.len()) < count {
        let text = client.raw().await.expect("the connection lasts");
        let Some((_, rest)) = text.split_once(mark) else {
            continue;
        };
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap();
        latencies.push(moments.since(rest[..digits].parse().unwrap()));
    }
    latencies
}

async fn gather(clients: JoinSet<Vec<u64>>) -> Vec<u64> {
    let all = tokio::time::timeout(Duration::from_secs(120), clients.join_all());
    all.await.expect("everything arrives").concat()
}

fn print_latencies(bench: &str, method: &str, subscribers: usize, per_second: u64, latencies: &mut [u64]) {
    latencies.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "latencies are small")]
    let percentile =
        |percent: usize| latencies[(latencies.len() * percent / 100).min(latencies.len() - 1)] as f64 / 1e3;
    #[expect(clippy::cast_precision_loss, reason = "rates are small")]
    let per_second = per_second as f64;
    print(
        bench,
        method,
        &[
            ("subscribers", as_f64(subscribers)),
            ("per_second", per_second),
            ("deliveries", as_f64(latencies.len())),
            ("p50_ms", percentile(50)),
            ("p95_ms", percentile(95)),
            ("p99_ms", percentile(99)),
        ],
    );
}

fn print(bench: &str, method: &str, figures: &[(&str, f64)]) {
    let mut line = json!({"bench": bench, "method": method});
    for (name, value) in figures {
        line[*name] = json!((value * 100.0).round() / 100.0);
    }
    println!("{line}");
}

fn as_u64(count: usize) -> u64 {
    count as u64
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark are small")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

fn resident_kilobytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
