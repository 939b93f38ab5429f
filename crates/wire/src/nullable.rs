//! Fields of changes that can be absent, for what stays, and `null`, for what goes back to its default.

use serde::{Deserialize, Deserializer};

/// Reads a field that is there. Used with `default`, so that one that is absent is `None`.
pub(crate) fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
