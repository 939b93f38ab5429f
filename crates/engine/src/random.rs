//! Randomness and what is made of it: identifiers and step tokens. The one place in the engine that draws any.

use rand::rngs::SysRng;
use rand::{Rng as _, TryRng as _};
use uuid::Uuid;
use zeroize::Zeroizing;

use codecourier_domain::time::Timestamp;

/// A fresh UUIDv7 for this moment.
#[must_use]
pub fn uuid_v7(now: Timestamp) -> Uuid {
    let milliseconds = u64::try_from(now.milliseconds()).unwrap_or(0);
    let mut random = [0_u8; 10];
    rand::rng().fill_bytes(&mut random);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid()
}

/// A fresh token for a step: `cc_step_` and 256 random bits.
#[must_use]
pub fn step_token() -> String {
    let mut random = [0_u8; 32];
    rand::rng().fill_bytes(&mut random);
    format!("cc_step_{}", hex::encode(random))
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gives no random numbers")]
pub struct NoRandomness(#[source] rand::rngs::SysError);

/// Fresh bytes from the operating system's own generator, for keys and nonces.
pub fn os_bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; N]);
    SysRng.try_fill_bytes(&mut *bytes).map_err(NoRandomness)?;
    Ok(bytes)
}
