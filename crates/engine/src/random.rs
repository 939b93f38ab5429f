//! Randomness and what is made of it: identifiers and step tokens. The one place in the engine that draws any.

use parking_lot::Mutex;
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

/// A fresh UUIDv7 that comes after those that this function gave for the same moment before: what is made of it sorts in
/// the order in which it was made. Up to 4096 in a millisecond; after that chance decides.
#[must_use]
pub fn ordered_uuid_v7(now: Timestamp) -> Uuid {
    static LAST: Mutex<(i64, u16)> = Mutex::new((i64::MIN, 0));
    let number = {
        let mut last = LAST.lock();
        *last = if last.0 == now.milliseconds() {
            (last.0, last.1.saturating_add(1).min(0x0FFF))
        } else {
            (now.milliseconds(), 0)
        };
        last.1
    };
    let milliseconds = u64::try_from(now.milliseconds()).unwrap_or(0);
    let mut random = [0_u8; 10];
    rand::rng().fill_bytes(&mut random);
    // The twelve bits after the time and the version.
    random[..2].copy_from_slice(&number.to_be_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_one_moment_keep_their_order() {
        let made: Vec<Uuid> = (0..1000)
            .map(|_| ordered_uuid_v7(Timestamp(1_800_000_000_000)))
            .collect();
        assert!(made.is_sorted());
        assert!(made.iter().all(|id| id.get_version_num() == 7));
        assert!(ordered_uuid_v7(Timestamp(1_800_000_000_001)) > made[999]);
    }
}
