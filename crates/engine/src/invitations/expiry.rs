//! Invitations that nobody answered: ended when their time is over, and told to those who see them.
//!
//! A reconciler: takes no input, runs now and then, is idempotent. Nothing waits for it: whoever reads or answers an
//! invitation looks at its time, too.

use std::sync::Arc;
use std::time::Duration;

use codecourier_store::invitations::InvitationStatus as Status;
use tokio_util::sync::CancellationToken;

use super::{Invitations, tell};
use crate::Inner;
use crate::deed::Deed;
use crate::error::{Error, chain};

const PERIOD: Duration = Duration::from_secs(60 * 60);
/// How many are ended at once.
const AT_ONCE: u32 = 100;

/// Ends what is over, every hour until told to stop.
pub(crate) async fn run(engine: Arc<Inner>, stop: CancellationToken) {
    let invitations = Invitations { engine };
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
        if let Err(error) = invitations.expire().await {
            tracing::warn!("expired invitations stay until the next round: {}", chain(&error));
        }
    }
}

impl Invitations {
    /// Ends the invitations whose time is over, and says how many they were.
    pub async fn expire(&self) -> Result<usize, Error> {
        let deed = Deed::of_platform(self.engine.clock.now());
        let mut ended = 0;
        loop {
            let expire = self.engine.store.write(move |tx| {
                Box::pin(async move {
                    let expired = tx.expire_invitations(deed.at, AT_ONCE).await?;
                    for invitation in &expired {
                        tell(tx, &deed, invitation, Status::Expired).await?;
                    }
                    Ok(expired.len())
                })
            });
            match expire.await? {
                0 => return Ok(ended),
                some => ended += some,
            }
        }
    }
}
