//! Measures the store and prints one JSON object per line. `cargo xtask bench` runs it in release mode.
//!
//! `bench_store [--directory DIR] [--postgres URL] [--seconds N]`: on SQLite in a new file in the directory (the
//! one for temporary files otherwise), or on the PostgreSQL database, which must be empty.
//! Everything is durable: SQLite with `synchronous=FULL`, PostgreSQL with `synchronous_commit=on`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first failure, and prints"
)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use codecourier_domain::id::{BootId, ProjectId, RunId, StepId, TaskId};
use codecourier_domain::role::Role;
use codecourier_domain::run::RunStatus;
use codecourier_domain::time::Timestamp;
use codecourier_store::changes::{ChangeOp, NewChange, Scope};
use codecourier_store::events::{CursorAdvance, EventAppend, JournalCursor, NewEvent, OutputAppend};
use codecourier_store::projects::NewProject;
use codecourier_store::runs::{NewRun, RunList};
use codecourier_store::steps::{Step, StepStatus};
use codecourier_store::tasks::{ClaimRequest, Fence, NewTask, TaskClass};
use codecourier_store::{Body, Store, StoreConfig};
use futures::future::join_all;
use serde_json::json;
use uuid::Uuid;

const NOON: Timestamp = Timestamp(1_800_000_000_000);
const RUNS: usize = 50;
const EVENT_BYTES: usize = 300;
const EVENTS_PER_APPEND: usize = 50;
const CALLERS: usize = 64;
const OUTPUT_STEPS: usize = 500;
const LISTED_RUNS: usize = 100_000;
const BACKLOG: usize = 100_000;

struct Options {
    directory: PathBuf,
    postgres: Option<String>,
    seconds: u64,
}

#[tokio::main]
async fn main() {
    let options = options();
    // Made in the directory, not merely named after it, so that the disk is the one that was asked for.
    let place = tempfile::Builder::new()
        .prefix("bench-store-")
        .tempdir_in(&options.directory)
        .unwrap();
    let (name, config) = match &options.postgres {
        Some(url) => ("postgres", StoreConfig::Postgres { url: url.clone() }),
        None => (
            "sqlite",
            StoreConfig::Sqlite {
                path: place.path().join("store.db"),
            },
        ),
    };
    let store = Store::open(config).await.unwrap();
    let bench = Bench {
        store,
        name,
        time: Duration::from_secs(options.seconds),
        project: id(1),
    };
    bench
        .store
        .write(|tx| Box::pin(async move { tx.insert_project(&a_project(id(1))).await }))
        .await
        .unwrap();
    let runs = bench.insert_runs(RUNS).await;
    bench.events(&runs, place.path()).await;
    bench.output().await;
    bench.single_commits().await;
    bench.group_commits().await;
    bench.tasks().await;
    bench.backlog().await;
    bench.listing().await;
    bench.store.close().await;
}

fn options() -> Options {
    let mut options = Options {
        directory: std::env::temp_dir(),
        postgres: None,
        seconds: 5,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().expect("a value after each option");
        match argument.as_str() {
            "--directory" => options.directory = PathBuf::from(value),
            "--postgres" => options.postgres = Some(value),
            "--seconds" => options.seconds = value.parse().expect("a number of seconds"),
            other => panic!("unknown option `{other}`"),
        }
    }
    options
}

struct Bench {
    store: Store,
    name: &'static str,
    time: Duration,
    project: ProjectId,
}

impl Bench {
    fn print(&self, what: &str, method: &str, mut numbers: serde_json::Value) {
        let fields = numbers.as_object_mut().unwrap();
        let mut line = serde_json::Map::new();
        line.insert("bench".to_owned(), json!(what));
        line.insert("store".to_owned(), json!(self.name));
        line.append(fields);
        line.insert("method".to_owned(), json!(method));
        println!("{}", serde_json::Value::Object(line));
    }

    /// Runs the work in that many loops at once and gives the rounds, the time, and the sorted latencies.
    async fn measure<F: Future<Output = ()> + Send>(&self, loops: usize, work: impl Fn(usize) -> F + Sync) -> Measured {
        let began = Instant::now();
        let rounds = (0..loops).map(|index| {
            let work = &work;
            async move {
                let mut latencies = Vec::new();
                while began.elapsed() < self.time {
                    let start = Instant::now();
                    work(index).await;
                    latencies.push(start.elapsed());
                }
                latencies
            }
        });
        let mut latencies: Vec<Duration> = join_all(rounds).await.into_iter().flatten().collect();
        let elapsed = began.elapsed();
        latencies.sort_unstable();
        Measured { elapsed, latencies }
    }

    async fn events(&self, runs: &[RunId], directory: &std::path::Path) {
        let text = "x".repeat(EVENT_BYTES - 40);
        let written = bytes_written();
        let measured = self
            .measure(runs.len(), |index| {
                let body = Body::of(&json!({ "kind": "text", "text": text })).unwrap();
                let event = NewEvent {
                    kind: Arc::from("text"),
                    at: NOON,
                    body,
                };
                let events = vec![event; EVENTS_PER_APPEND];
                let append = EventAppend {
                    project: self.project,
                    run: runs[index],
                    step: None,
                    cursor: None,
                    events,
                };
                async {
                    self.store
                        .write(move |tx| Box::pin(async move { tx.append_events(append).await }))
                        .await
                        .unwrap();
                }
            })
            .await;
        let events = measured.latencies.len() * EVENTS_PER_APPEND;
        let bytes = (events * EVENT_BYTES) as f64;
        let amplification = (self.name == "sqlite").then(|| (bytes_written() - written) as f64 / bytes);
        let stored = std::fs::metadata(directory.join("store.db"))
            .map(|file| file.len() as f64 / bytes)
            .ok();
        self.print(
            "durable_events",
            "50 runs append 50 events of about 300 bytes at a time; bytes_written is what the process had written, over the bytes of the events",
            json!({
                "events_per_second": measured.rate() * EVENTS_PER_APPEND as f64,
                "append_p50_ms": measured.percentile(50), "append_p99_ms": measured.percentile(99),
                "bytes_written_per_event_byte": amplification, "file_bytes_per_event_byte": stored,
            }),
        );
    }

    /// What the lines of agents cost: one event at a time from many steps, each in a command of its own and gathered.
    async fn output(&self) {
        let steps = self.insert_steps().await;
        let positions: Vec<AtomicU64> = steps.iter().map(|_| AtomicU64::new(0)).collect();
        let text = "x".repeat(EVENT_BYTES - 40);
        let body = Body::of(&json!({ "kind": "text", "text": text })).unwrap();
        let next = |index: usize| {
            let (fence, run, step) = steps[index];
            let from = positions[index].fetch_add(1, Ordering::Relaxed);
            let cursor = |position: u64| {
                JournalCursor(if position == 0 {
                    String::new()
                } else {
                    position.to_string()
                })
            };
            OutputAppend {
                fence,
                run,
                step,
                cursor: CursorAdvance {
                    expected: cursor(from),
                    new: cursor(from + 1),
                },
                events: vec![NewEvent {
                    kind: Arc::from("text"),
                    at: NOON,
                    body: body.clone(),
                }],
            }
        };
        let alone = self
            .measure(steps.len(), |index| {
                let output = next(index);
                async move {
                    let append = EventAppend {
                        project: self.project,
                        run: output.run,
                        step: Some(output.step),
                        cursor: Some(output.cursor),
                        events: output.events,
                    };
                    self.store
                        .write(move |tx| {
                            Box::pin(async move {
                                tx.heartbeat_tasks(&[output.fence], NOON).await?;
                                tx.append_events(append).await
                            })
                        })
                        .await
                        .unwrap();
                }
            })
            .await;
        let gathered = self
            .measure(steps.len(), |index| {
                let output = next(index);
                async move {
                    self.store.append_output(output).await.unwrap();
                }
            })
            .await;
        self.print(
            "step_output",
            "500 steps of 50 runs put out one event of about 300 bytes at a time, each waiting for its own to be durable: in a command each that also prolongs the lease, then gathered",
            json!({
                "alone_per_second": alone.rate(),
                "alone_p50_ms": alone.percentile(50), "alone_p99_ms": alone.percentile(99),
                "gathered_per_second": gathered.rate(),
                "gathered_p50_ms": gathered.percentile(50), "gathered_p99_ms": gathered.percentile(99),
                "gathered_over_alone": gathered.rate() / alone.rate(),
            }),
        );
    }

    /// Steps that somebody holds the tasks of.
    async fn insert_steps(&self) -> Vec<(Fence, RunId, StepId)> {
        let runs = self.insert_runs(RUNS).await;
        let project = self.project;
        let mut steps = Vec::new();
        for (index, ordinal) in (0..OUTPUT_STEPS).zip(1..) {
            let run = runs[index % runs.len()];
            let id = StepId::from_uuid(Uuid::now_v7());
            let step = Step {
                id,
                project,
                run,
                ordinal,
                attempt: 1,
                iteration: 1,
                lane: format!("designer#{ordinal}"),
                role: Role::Designer,
                status: StepStatus::Pending,
                sandbox: None,
                created_at: NOON,
                started_at: None,
                finished_at: None,
                body: Body::null(),
            };
            // Numbers above those of the other tasks.
            let task = self.a_task((1 << 50) + u64::from(ordinal), NOON);
            let hold = self.store.write(move |tx| {
                Box::pin(async move {
                    tx.insert_step(&step).await?;
                    tx.insert_task(&task).await?;
                    tx.claim_tasks(claim(BootId::from_uuid(Uuid::now_v7()))).await
                })
            });
            let claimed = hold.await.unwrap().tasks;
            steps.push((claimed[0].fence, run, id));
        }
        steps
    }

    async fn append_change(&self) {
        let change = NewChange {
            scope: Scope::Project(self.project),
            kind: "run",
            id: "run".to_owned(),
            op: ChangeOp::Put,
            actor: "bench".to_owned(),
            at: NOON,
            body: Body::of(&"x".repeat(200)).unwrap(),
        };
        self.store
            .write(move |tx| Box::pin(async move { tx.append_change(change).await }))
            .await
            .unwrap();
    }

    async fn single_commits(&self) {
        let measured = self.measure(1, |_| self.append_change()).await;
        self.print(
            "single_commits",
            "one caller appends to the change log, one command at a time",
            json!({ "commands_per_second": measured.rate(), "p50_ms": measured.percentile(50), "p99_ms": measured.percentile(99) }),
        );
    }

    async fn group_commits(&self) {
        let measured = self.measure(CALLERS, |_| self.append_change()).await;
        self.print(
            "group_commits",
            "64 callers append to one scope of the change log (two statements per command)",
            json!({ "commands_per_second": measured.rate(), "p50_ms": measured.percentile(50), "p99_ms": measured.percentile(99) }),
        );
    }

    async fn tasks(&self) {
        let next = AtomicU64::new(0);
        let owner = BootId::from_uuid(Uuid::now_v7());
        let measured = self
            .measure(16, |_| {
                let task = self.a_task(next.fetch_add(1, Ordering::Relaxed), NOON);
                async move {
                    self.store
                        .write(move |tx| Box::pin(async move { tx.insert_task(&task).await }))
                        .await
                        .unwrap();
                    let claim = self
                        .store
                        .write(move |tx| Box::pin(async move { tx.claim_tasks(claim(owner)).await }));
                    for claimed in claim.await.unwrap().tasks {
                        let fence = claimed.fence;
                        let complete = self
                            .store
                            .write(move |tx| Box::pin(async move { tx.complete_task(fence, NOON).await }));
                        complete.await.unwrap();
                    }
                }
            })
            .await;
        self.print(
            "task_round_trips",
            "16 workers insert, claim and complete one task at a time, each a durable command",
            json!({ "tasks_per_second": measured.rate(), "p50_ms": measured.percentile(50), "p99_ms": measured.percentile(99) }),
        );
    }

    async fn backlog(&self) {
        for first in (0..BACKLOG as u64).step_by(1000) {
            // Numbers above those of the round trips.
            let tasks: Vec<NewTask> = (first..first + 1000)
                .map(|number| self.a_task(number + (1 << 40), NOON))
                .collect();
            let insert = self.store.write(move |tx| {
                Box::pin(async move {
                    for task in &tasks {
                        tx.insert_task(task).await?;
                    }
                    Ok(())
                })
            });
            insert.await.unwrap();
        }
        let owner = BootId::from_uuid(Uuid::now_v7());
        // The first claim wakes all that are due.
        let start = Instant::now();
        let first = self
            .store
            .write(move |tx| Box::pin(async move { tx.claim_tasks(claim(owner)).await }));
        first.await.unwrap();
        let woken = start.elapsed();
        let measured = self
            .measure(1, |_| async {
                let claim = self
                    .store
                    .write(move |tx| Box::pin(async move { tx.claim_tasks(claim(owner)).await }));
                claim.await.unwrap();
            })
            .await;
        self.print(
            "claim_from_backlog",
            "one worker claims one task at a time from 100,000 ready ones of one project; those claimed stay running",
            json!({ "first_ms": woken.as_secs_f64() * 1e3, "p50_ms": measured.percentile(50), "p99_ms": measured.percentile(99) }),
        );
    }

    async fn listing(&self) {
        self.insert_runs(LISTED_RUNS).await;
        let measured = self
            .measure(1, |_| async {
                let mut reader = self.store.read().await.unwrap();
                let list = RunList {
                    status: Some(RunStatus::Pending),
                    after: None,
                    limit: 50,
                };
                let page = reader.runs(self.project, list).await.unwrap();
                let list = RunList {
                    after: page.next,
                    ..list
                };
                assert_eq!(reader.runs(self.project, list).await.unwrap().items.len(), 50);
            })
            .await;
        self.print(
            "list_runs",
            "two pages of 50 runs of one status out of 100,000; time per page",
            json!({ "p50_ms": measured.percentile(50) / 2.0, "p99_ms": measured.percentile(99) / 2.0 }),
        );
    }

    async fn insert_runs(&self, count: usize) -> Vec<RunId> {
        let runs: Vec<RunId> = (0..count).map(|_| RunId::from_uuid(Uuid::now_v7())).collect();
        for chunk in runs.chunks(1000) {
            let new: Vec<NewRun> = chunk.iter().zip(0..).map(|(&run, at)| self.a_run(run, at)).collect();
            let insert = self.store.write(move |tx| {
                Box::pin(async move {
                    for run in &new {
                        tx.insert_run(run).await?;
                    }
                    Ok(())
                })
            });
            insert.await.unwrap();
        }
        runs
    }

    fn a_run(&self, id: RunId, at: i64) -> NewRun {
        NewRun {
            id,
            project: self.project,
            status: RunStatus::Pending,
            workflow: "designer-checker".to_owned(),
            prompt_preview: "Fix the clock".to_owned(),
            created_at: NOON.plus_milliseconds(at),
            body: Body::of(&"x".repeat(2000)).unwrap(),
            state: Body::of(&"x".repeat(500)).unwrap(),
        }
    }

    fn a_task(&self, number: u64, due: Timestamp) -> NewTask {
        NewTask {
            id: TaskId::from_uuid(Uuid::from_u128(u128::from(number))),
            project: self.project,
            run: None,
            kind: "execute_step".to_owned(),
            class: TaskClass::Work,
            priority: 0,
            due,
            created_at: NOON,
            body: Body::null(),
        }
    }
}

struct Measured {
    elapsed: Duration,
    latencies: Vec<Duration>,
}

impl Measured {
    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> f64 {
        let index = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[index].as_secs_f64() * 1e3
    }
}

/// What the kernel says this process caused to be written to disks.
fn bytes_written() -> u64 {
    let text = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn id(number: u128) -> ProjectId {
    ProjectId::from_uuid(Uuid::from_u128(number))
}

fn claim(owner: BootId) -> ClaimRequest {
    ClaimRequest {
        owner,
        class: TaskClass::Work,
        limit: 1,
        now: NOON,
        lease_until: NOON.plus_milliseconds(60_000),
    }
}

fn a_project(id: ProjectId) -> NewProject {
    NewProject {
        id,
        slug: "bench".to_owned(),
        name: "Bench".to_owned(),
        description: String::new(),
        work_limit: 1_000_000,
        created_at: NOON,
        body: Body::null(),
    }
}
