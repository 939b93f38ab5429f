//! "A project with members has an owner", kept by the databases themselves: here nobody goes through the store.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use codecourier_domain::member::MemberRole;
use codecourier_store::{Store, StoreConfig};
use codecourier_testkit::postgres::Server;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

const SETUP: &str = "\
    INSERT INTO account (id, name, standing, created_at, updated_at) \
        VALUES ('ada', 'Ada', 'user', 0, 0), ('bob', 'Bob', 'user', 0, 0), ('eve', 'Eve', 'user', 0, 0), \
               ('cyd', 'Cyd', 'user', 0, 0); \
    INSERT INTO project (id, slug, name, work_limit, created_at, updated_at, body) \
        VALUES ('prj_1', 'one', 'One', 1, 0, 0, '{}'), ('prj_2', 'two', 'Two', 1, 0, 0, '{}'); \
    INSERT INTO membership (project, user_id, role, joined_at, owner, owner_role) \
        VALUES ('prj_1', 'ada', 'owner', 0, 'ada', 'owner'), ('prj_1', 'bob', 'member', 0, 'ada', 'owner'), \
               ('prj_2', 'eve', 'owner', 0, 'eve', 'owner');";

/// What would leave project 1 without an owner, each in another way.
const REFUSED: &[&str] = &[
    "UPDATE membership SET role = 'admin' WHERE project = 'prj_1' AND user_id = 'ada'",
    "UPDATE membership SET role = 'admin' WHERE project = 'prj_1'",
    "DELETE FROM membership WHERE project = 'prj_1' AND user_id = 'ada'",
    "UPDATE membership SET owner = 'bob' WHERE project = 'prj_1'",
    "UPDATE membership SET owner = 'eve' WHERE project = 'prj_1'",
    "UPDATE membership SET owner_role = 'member', role = 'member' WHERE project = 'prj_1'",
    "UPDATE membership SET role = 'king' WHERE project = 'prj_1' AND user_id = 'bob'",
    "INSERT INTO membership (project, user_id, role, joined_at, owner, owner_role) \
        VALUES ('prj_1', 'cyd', 'admin', 0, 'cyd', 'owner')",
];

const ALLOWED: &[&str] = &[
    "UPDATE membership SET role = 'owner' WHERE project = 'prj_1' AND user_id = 'bob'",
    "UPDATE membership SET owner = 'bob' WHERE project = 'prj_1' AND owner = 'ada'",
    "UPDATE membership SET role = 'admin' WHERE project = 'prj_1' AND user_id = 'ada'",
    "DELETE FROM membership WHERE project = 'prj_1'",
];

#[tokio::test]
async fn sqlite_refuses_to_lose_the_last_owner() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = Store::open(StoreConfig::Sqlite { path: path.clone() }).await.unwrap();
    store.close().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = SqliteConnection::connect_with(&options.foreign_keys(true))
        .await
        .unwrap();
    sqlx::raw_sql(SETUP).execute(&mut connection).await.unwrap();
    for statement in REFUSED {
        let refused = sqlx::raw_sql(*statement).execute(&mut connection).await;
        assert!(refused.is_err(), "{statement}");
    }
    for statement in ALLOWED {
        sqlx::raw_sql(*statement).execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn postgres_refuses_to_lose_the_last_owner() {
    let url = new_postgres().await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(SETUP).execute(&mut connection).await.unwrap();
    for statement in REFUSED {
        let refused = sqlx::raw_sql(*statement).execute(&mut connection).await;
        assert!(refused.is_err(), "{statement}");
    }
    for statement in ALLOWED {
        sqlx::raw_sql(*statement).execute(&mut connection).await.unwrap();
    }
}

/// Without the lock that orders the store's own writers: only the schema decides.
#[tokio::test(flavor = "multi_thread")]
async fn postgres_lets_one_of_two_simultaneous_demotions_win() {
    const TRIES: usize = 200;
    let url = new_postgres().await;
    let mut ada = PgConnection::connect(&url).await.unwrap();
    let mut bob = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(SETUP).execute(&mut ada).await.unwrap();
    sqlx::raw_sql("SET deadlock_timeout = '10ms'")
        .execute(&mut ada)
        .await
        .unwrap();
    sqlx::raw_sql("SET deadlock_timeout = '10ms'")
        .execute(&mut bob)
        .await
        .unwrap();
    for _ in 0..TRIES {
        sqlx::raw_sql("UPDATE membership SET role = 'owner' WHERE project = 'prj_1'")
            .execute(&mut ada)
            .await
            .unwrap();
        let (first, second) = tokio::join!(demote(&mut ada, "ada", "bob"), demote(&mut bob, "bob", "ada"));
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let owners = sqlx::query("SELECT user_id FROM membership WHERE project = 'prj_1' AND role = $1")
            .bind(MemberRole::Owner.as_str())
            .fetch_all(&mut ada)
            .await
            .unwrap();
        assert_eq!(owners.len(), 1);
    }
}

async fn demote(connection: &mut PgConnection, user: &str, heir: &str) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for (text, values) in [
        (
            "UPDATE membership SET owner = $2 WHERE project = 'prj_1' AND owner = $1",
            [user, heir],
        ),
        (
            "UPDATE membership SET role = $2 WHERE project = 'prj_1' AND user_id = $1",
            [user, "member"],
        ),
    ] {
        let query = sqlx::query(text).bind(values[0]).bind(values[1]);
        query.execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

async fn new_postgres() -> String {
    let url = Server::shared().create_database();
    let store = Store::open(StoreConfig::Postgres { url: url.clone() }).await.unwrap();
    store.close().await;
    url
}
