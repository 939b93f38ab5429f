//! Rows of work and of access that ended long ago.

use crate::Inner;
use crate::error::Error;

const DAY: i64 = 24 * 60 * 60 * 1000;
/// How long ended tasks, reservations and step tokens are kept: long enough to look into what went wrong.
const WORK_KEPT: i64 = 30 * DAY;
/// How long keys that are over and answered invitations are kept: whoever reviews access once a year finds them.
const ACCESS_KEPT: i64 = 400 * DAY;
/// No command removes more of one kind than that.
const AT_ONCE: u32 = 500;

/// Removes what is too old, and says how many rows that were.
pub(super) async fn sweep(engine: &Inner) -> Result<u64, Error> {
    let now = engine.clock.now();
    let (work, access) = (now.plus_milliseconds(-WORK_KEPT), now.plus_milliseconds(-ACCESS_KEPT));
    let mut removed = 0;
    loop {
        let sweep = engine.store.write(move |tx| {
            Box::pin(async move {
                let rows = tx.sweep_ended_work(work, AT_ONCE).await?;
                Ok(rows + tx.sweep_ended_access(access, AT_ONCE).await?)
            })
        });
        match sweep.await? {
            0 => return Ok(removed),
            some => removed += some,
        }
    }
}
