//! Blobs that nothing refers to: replaced logos, journals of purged projects, and what a crash left between the write
//! of a blob and the command that refers to it.
//!
//! Invariant: a blob is removed only when nobody has held it and nobody has written it for [`GRACE`]. Whoever writes a
//! blob that is there already begins its time anew, also while it is being looked at here.

use crate::Inner;
use crate::error::Error;

/// How long a blob is kept that nothing refers to. What is written is referred to within seconds.
const GRACE: i64 = 24 * 60 * 60 * 1000;
/// How many are looked up at once.
const AT_ONCE: usize = 200;

/// Removes them, and says how many they were.
pub(super) async fn collect(engine: &Inner) -> Result<u64, Error> {
    let before = engine.clock.now().plus_milliseconds(-GRACE);
    let mut removed = 0;
    for shelf in 0..=u8::MAX {
        let old = engine.blobs.untouched_since(shelf, before).await?;
        for names in old.chunks(AT_ONCE) {
            let unheld = engine.store.read().await?.unheld_blobs(names).await?;
            for name in unheld {
                removed += u64::from(engine.blobs.remove_if_untouched_since(name, before).await?);
            }
        }
    }
    Ok(removed)
}
