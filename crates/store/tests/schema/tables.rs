//! The tables of a database and every row in them, read past the store.

use codecourier_store::StoreConfig;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};

/// Every row of every table, as text; an empty one for a table without rows.
pub(crate) async fn dump(config: StoreConfig) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    match config {
        StoreConfig::Sqlite { path } => {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
            let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1";
            let tables = sqlx::query_scalar::<_, String>(tables).fetch_all(&mut connection).await;
            for table in tables.unwrap() {
                let all = AssertSqlSafe(format!("SELECT * FROM {table}"));
                let found = sqlx::query(all).fetch_all(&mut connection).await.unwrap();
                rows.push((table.clone(), String::new()));
                rows.extend(found.iter().map(|row| {
                    let columns = (0..row.len()).map(|column| row.get_unchecked::<Option<String>, _>(column));
                    (table.clone(), format!("{:?}", columns.collect::<Vec<_>>()))
                }));
            }
        }
        StoreConfig::Postgres { url } => {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            let tables = "SELECT tablename::text FROM pg_catalog.pg_tables WHERE schemaname = 'public' ORDER BY 1";
            let tables = sqlx::query_scalar::<_, String>(tables).fetch_all(&mut connection).await;
            for table in tables.unwrap() {
                let all = AssertSqlSafe(format!("SELECT t::text FROM {table} t"));
                let found = sqlx::query_scalar::<_, String>(all)
                    .fetch_all(&mut connection)
                    .await
                    .unwrap();
                rows.push((table.clone(), String::new()));
                rows.extend(found.into_iter().map(|row| (table.clone(), row)));
            }
        }
    }
    rows
}
