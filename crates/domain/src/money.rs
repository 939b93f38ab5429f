//! Money in whole micro-dollars, so that sums are exact on every store and in every order.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// Millionths of a US dollar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MicroUsd(pub i64);

impl MicroUsd {
    /// No money.
    pub const ZERO: Self = Self(0);
}

impl Add for MicroUsd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for MicroUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for MicroUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for MicroUsd {
    /// Dollars with four decimals, as people read the price of a step: `$0.0124`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let ten_thousandths = (self.0.unsigned_abs() + 50) / 100;
        write!(
            formatter,
            "{sign}${}.{:04}",
            ten_thousandths / 10_000,
            ten_thousandths % 10_000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_shown_rounded_to_four_decimals() {
        let shown = |micros| MicroUsd(micros).to_string();
        assert_eq!(shown(0), "$0.0000");
        assert_eq!(shown(12_349), "$0.0123");
        assert_eq!(shown(12_350), "$0.0124");
        assert_eq!(shown(3_000_000), "$3.0000");
        assert_eq!(shown(-1_500_000), "-$1.5000");
    }
}
