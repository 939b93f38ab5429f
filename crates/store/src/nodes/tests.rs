//! Two stores on one real PostgreSQL: what one commits reaches the other, with hints, without them and after a cut line.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use codecourier_domain::id::{BootId, ProjectId, TaskId, UserId};
use codecourier_domain::time::Timestamp;
use codecourier_testkit::postgres::Server;
use uuid::Uuid;

use super::SweepPace;
use crate::changes::{ChangeFeed, ChangeOp, FollowedChange, NewChange, Observed, Scope};
use crate::open::Tuning;
use crate::projects::NewProject;
use crate::sql::Database;
use crate::tasks::{NewTask, TaskClass};
use crate::{Body, Store, StoreConfig};

const NOON: Timestamp = Timestamp(1_800_000_000_000);
const NEVER: SweepPace = SweepPace {
    wary: Duration::from_secs(3_600),
    calm: Duration::from_secs(3_600),
    deaf: Duration::from_secs(3_600),
};
/// A deadline, not a wait.
const DEADLINE: Duration = Duration::from_secs(30);

async fn open(url: &str, sweep_pace: SweepPace) -> Store {
    let tuning = Tuning {
        sweep_pace,
        ..Tuning::default()
    };
    let config = StoreConfig::Postgres { url: url.to_owned() };
    Store::open_tuned(config, tuning).await.unwrap()
}

async fn change(store: &Store, scope: Scope, kind: &'static str, id: &str) -> u64 {
    let change = NewChange {
        scope,
        kind,
        id: id.to_owned(),
        op: ChangeOp::Put,
        actor: "somebody".to_owned(),
        at: NOON,
        body: Body::null(),
    };
    let written = store.write(move |tx| Box::pin(async move { tx.append_change(change).await }));
    written.await.unwrap()
}

async fn next(feed: &mut ChangeFeed) -> (u64, String) {
    match tokio::time::timeout(DEADLINE, feed.next()).await.unwrap().unwrap() {
        FollowedChange::Change(change) => (change.seq, change.id.clone()),
        reset @ FollowedChange::Reset { .. } => panic!("{reset:?}"),
    }
}

/// Does something on a connection that tells nobody of it.
async fn silently(url: &str, text: String) {
    let database = Database::postgres(url, 1).unwrap();
    let mut connection = database.connect_writer().await.unwrap();
    connection
        .control_assembled("do something silently", text)
        .await
        .unwrap();
    connection.close().await;
}

async fn change_silently(url: &str, scope: Scope, seq: u64, kind: &str, id: &str, body: &str) {
    let text = format!(
        "BEGIN; INSERT INTO scope (scope, seq, trimmed) VALUES ('{scope}', {seq}, 0) \
         ON CONFLICT (scope) DO UPDATE SET seq = excluded.seq; \
         INSERT INTO change (scope, seq, kind, id, op, actor, at, body) \
         VALUES ('{scope}', {seq}, '{kind}', '{id}', 'put', 'somebody', 0, '{body}'); COMMIT"
    );
    silently(url, text).await;
}

const HANG_UP: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE datname = current_database() AND application_name = 'codecourier hints'";

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_one_node_reaches_followers_on_another_by_a_hint() {
    let url = Server::shared().create_database();
    let (here, there) = (open(&url, NEVER).await, open(&url, NEVER).await);
    let mut feed = there.follow_changes(Scope::Installation, 0);
    // Whether it listens by now or not: what came before is found when it begins.
    for number in 1..=20 {
        assert_eq!(
            change(&here, Scope::Installation, "run", &format!("run {number}")).await,
            number
        );
        assert_eq!(next(&mut feed).await, (number, format!("run {number}")));
    }
    // Both write, and both see one order.
    let mut own = here.follow_changes(Scope::Installation, 20);
    let writing = [&here, &there].map(|store| async move {
        for number in 0..50 {
            change(store, Scope::Installation, "run", &number.to_string()).await;
        }
    });
    futures::future::join_all(writing).await;
    for seq in 21..=120 {
        let (one, other) = (next(&mut feed).await, next(&mut own).await);
        assert_eq!((one.0, &one), (seq, &other));
    }
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_line_delays_and_loses_nothing() {
    let url = Server::shared().create_database();
    let (here, there) = (open(&url, NEVER).await, open(&url, NEVER).await);
    let mut feed = there.follow_changes(Scope::Installation, 0);
    change(&here, Scope::Installation, "run", "first").await;
    assert_eq!(next(&mut feed).await, (1, "first".to_owned()));
    for round in 0..5 {
        silently(&url, HANG_UP.to_owned()).await;
        for number in 0..4 {
            change(&here, Scope::Installation, "run", &number.to_string()).await;
        }
        for number in 0..4 {
            assert_eq!(next(&mut feed).await, (2 + round * 4 + number, number.to_string()));
        }
    }
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_hint_told_of_the_sweep_finds() {
    let url = Server::shared().create_database();
    let pace = SweepPace {
        wary: Duration::from_millis(10),
        calm: Duration::from_millis(40),
        deaf: Duration::from_millis(10),
    };
    let there = open(&url, pace).await;
    let mut feeds = Vec::new();
    // More scopes than the smaller lists of a statement have room for.
    for number in 0..70 {
        let scope = Scope::User(UserId::from_uuid(Uuid::from_u128(number)));
        feeds.push((scope, there.follow_changes(scope, 0)));
    }
    for seq in 1..=3 {
        for (scope, _) in &feeds {
            change_silently(&url, *scope, seq, "run", "x", "null").await;
        }
        for (_, feed) in &mut feeds {
            assert_eq!(next(feed).await, (seq, "x".to_owned()));
        }
    }
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_access_ended_elsewhere_is_known_before_anything_later_is_told() {
    let url = Server::shared().create_database();
    let there = open(&url, NEVER).await;
    let shown = Arc::<Mutex<Vec<(Scope, String)>>>::default();
    let showing = Arc::clone(&shown);
    there.observe_changes(move |observed| match observed {
        Observed::Change(change) => showing.lock().unwrap().push((change.scope, change.id.clone())),
        Observed::UnknownAccess => panic!("nothing was removed"),
    });
    let seen = || std::mem::take(&mut *shown.lock().unwrap());
    let project = Scope::Project(ProjectId::from_uuid(Uuid::from_u128(7)));
    let mut feed = there.follow_changes(Scope::Installation, 0);

    // No hint came, and this node's own next commit tells first of what was before it.
    change_silently(&url, Scope::Access, 1, "member", "one", &format!("\"{project}\"")).await;
    change(&there, Scope::Installation, "run", "own").await;
    assert_eq!(
        seen(),
        [(project, "one".to_owned()), (Scope::Installation, "own".to_owned())]
    );
    assert_eq!(next(&mut feed).await.1, "own");

    // What is read from the log is not given before either.
    change_silently(&url, Scope::Access, 2, "member", "two", &format!("\"{project}\"")).await;
    change_silently(&url, Scope::Installation, 2, "run", "foreign", "null").await;
    let mut late = there.follow_changes(Scope::Installation, 1);
    assert_eq!(next(&mut late).await.1, "foreign");
    assert_eq!(seen(), [(project, "two".to_owned())]);

    // Its own are shown once, and do not hide what comes from elsewhere.
    change(&there, project, "member", "three").await;
    assert_eq!(seen(), [(project, "three".to_owned())]);
    change_silently(&url, Scope::Access, 4, "session", "four", &format!("\"{project}\"")).await;
    there.hear_of_access().await.unwrap();
    there.hear_of_access().await.unwrap();
    assert_eq!(seen(), [(project, "four".to_owned())]);
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_name_the_changes_of_access_any_more_says_so() {
    let url = Server::shared().create_database();
    let there = open(&url, NEVER).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    there.observe_changes(move |observed| {
        let _ = tell.send(matches!(observed, Observed::UnknownAccess));
    });
    // In one transaction: the sweep that follows the first hearing of hints may come at any time.
    silently(
        &url,
        "BEGIN; INSERT INTO scope (scope, seq, trimmed) VALUES ('access', 3, 2); \
         INSERT INTO change (scope, seq, kind, id, op, actor, at, body) \
         VALUES ('access', 3, 'member', 'x', 'put', 'somebody', 0, '\"installation\"'); COMMIT"
            .to_owned(),
    )
    .await;
    there.hear_of_access().await.unwrap();
    assert_eq!(
        (told.try_recv(), told.try_recv(), told.try_recv().is_err()),
        (Ok(true), Ok(false), true)
    );
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_of_one_node_hear_of_tasks_of_another() {
    let url = Server::shared().create_database();
    let (here, there) = (open(&url, NEVER).await, open(&url, NEVER).await);
    let project = ProjectId::from_uuid(Uuid::from_u128(1));
    let new = NewProject {
        id: project,
        slug: "shop".to_owned(),
        name: "shop".to_owned(),
        description: String::new(),
        work_limit: 1,
        created_at: NOON,
        body: Body::null(),
    };
    let inserted = here.write(move |tx| Box::pin(async move { tx.insert_project(&new).await }));
    inserted.await.unwrap();
    let mut work = there.work_signal();
    let task = NewTask {
        id: TaskId::from_uuid(Uuid::from_u128(2)),
        project,
        run: None,
        kind: "prepare".to_owned(),
        class: TaskClass::Control,
        priority: 0,
        due: NOON,
        created_at: NOON,
        body: Body::null(),
    };
    let added = here.write(move |tx| Box::pin(async move { tx.insert_task(&task).await.map(drop) }));
    added.await.unwrap();
    let claimed = async {
        loop {
            work.moved().await.unwrap();
            let claim = there.write(|tx| {
                Box::pin(async move {
                    tx.claim_tasks(crate::tasks::ClaimRequest {
                        owner: BootId::from_uuid(Uuid::from_u128(3)),
                        class: TaskClass::Control,
                        limit: 1,
                        now: NOON,
                        lease_until: NOON.plus_milliseconds(1_000),
                    })
                    .await
                })
            });
            if !claim.await.unwrap().tasks.is_empty() {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, claimed).await.unwrap();
    here.close().await;
    there.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_store_leaves_no_connection_behind() {
    let url = Server::shared().create_database();
    let store = open(&url, NEVER).await;
    let mut feed = store.follow_changes(Scope::Installation, 0);
    change(&store, Scope::Installation, "run", "x").await;
    next(&mut feed).await;
    drop((feed, store));
    // The server itself says when the last one is gone: a database in use cannot be dropped.
    let admin = url.replace(url.split(['/', '?']).nth(3).unwrap(), "postgres");
    let name = url.split(['/', '?']).nth(3).unwrap().to_owned();
    let gone = async {
        let database = Database::postgres(&admin, 1).unwrap();
        let mut connection = database.connect_writer().await.unwrap();
        // The server waits some seconds for connections that are about to end.
        let drop_it = format!("DROP DATABASE {name}");
        connection.control_assembled("drop the database", drop_it).await
    };
    tokio::time::timeout(DEADLINE, gone).await.unwrap().unwrap();
}
