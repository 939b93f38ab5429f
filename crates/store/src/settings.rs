//! Settings of the installation, and the record of each start of the server.
//!
//! Called by the engine. Invariant: a setting's value is JSON that its reader understands; there are no secrets here.

use codecourier_domain::id::BootId;
use codecourier_domain::time::Timestamp;

use crate::body::Body;
use crate::error::Result;
use crate::read::Reader;
use crate::sql::sql;
use crate::writer::Tx;

impl Tx {
    /// Sets a setting, new or not.
    pub async fn put_setting(&mut self, key: &str, value: &Body, at: Timestamp) -> Result<()> {
        let statement = sql("INSERT INTO setting (key, value, updated_at) VALUES ($1, $2, $3) \
             ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at");
        self.execute("save a setting", statement.bind(key).bind(value).bind(at))
            .await
            .map(drop)
    }

    /// Notes a start of the server, of one node. `body` says what is worth knowing of it later: version, host, process.
    pub async fn insert_boot(&mut self, boot: BootId, node: &str, body: &Body, at: Timestamp) -> Result<()> {
        let statement = sql("INSERT INTO boot (id, node, started_at, body) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (id) DO NOTHING");
        let statement = statement.bind(boot).bind(node).bind(at).bind(body);
        self.execute("note the start", statement).await.map(drop)
    }
}

impl Reader<'_> {
    /// The value of a setting, if it was ever set.
    pub async fn setting(&mut self, key: &str) -> Result<Option<Body>> {
        let statement = sql("SELECT value FROM setting WHERE key = $1").bind(key);
        self.fetch_optional("read a setting", statement)
            .await?
            .map(|row| row.body(0))
            .transpose()
    }
}
