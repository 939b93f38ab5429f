//! Throttles that survive a restart: one number for each thing that is throttled.
//!
//! The number is the moment at which it will be as if nothing had ever been asked. Each request moves it on by the
//! pace's interval; while it is further ahead than the pace's burst allows, requests are refused, and refused ones do
//! not move it. So a thing that is asked too often recovers at the pace, whatever those who ask do.

use codecourier_domain::time::Timestamp;

use crate::error::Result;
use crate::read::Reader;
use crate::sql::sql;
use crate::writer::Tx;

/// How often something may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many at once after a silence.
    pub burst: u32,
    /// One more each so many milliseconds.
    pub interval: i64,
}

/// Whether it may be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It was counted.
    Admitted,
    /// It was refused, and not counted.
    Refused {
        /// From when on it would be admitted.
        until: Timestamp,
    },
}

impl Pace {
    /// Where the number goes with one request more, or from when on there may be one.
    fn next(self, clear_at: Timestamp, now: Timestamp) -> Result<Timestamp, Timestamp> {
        let next = clear_at.max(now).plus_milliseconds(self.interval);
        let furthest = now.plus_milliseconds(self.interval.saturating_mul(i64::from(self.burst.max(1))));
        if next > furthest {
            Err(now.plus_milliseconds(next.since(furthest)))
        } else {
            Ok(next)
        }
    }
}

impl Tx {
    /// Counts a request of something, unless it was asked too often.
    pub async fn admit(&mut self, key: &str, pace: Pace, now: Timestamp) -> Result<Admission> {
        let clear_at = self.read().throttle_clear_at(key).await?;
        let next = match pace.next(clear_at.unwrap_or(now), now) {
            Ok(next) => next,
            Err(until) => return Ok(Admission::Refused { until }),
        };
        let statement = sql("INSERT INTO throttle (key, clear_at) VALUES ($1, $2) \
             ON CONFLICT (key) DO UPDATE SET clear_at = excluded.clear_at");
        self.execute("count a request", statement.bind(key).bind(next)).await?;
        Ok(Admission::Admitted)
    }

    /// Takes one request back: it turned out not to count.
    pub async fn readmit(&mut self, key: &str, pace: Pace) -> Result<()> {
        let statement = sql("UPDATE throttle SET clear_at = clear_at - $2 WHERE key = $1")
            .bind(key)
            .bind(pace.interval);
        self.execute("take a counted request back", statement).await.map(drop)
    }

    /// Forgets every request of something.
    pub async fn clear_throttle(&mut self, key: &str) -> Result<()> {
        let statement = sql("DELETE FROM throttle WHERE key = $1").bind(key);
        self.execute("clear a throttle", statement).await.map(drop)
    }

    /// Removes the throttles beyond a number, those first that clear first: whoever has many addresses to ask from must
    /// not fill the disk. Gives how many, at most `limit`.
    pub async fn trim_throttles(&mut self, most: u32, limit: u32) -> Result<u64> {
        let statement = sql("DELETE FROM throttle WHERE key IN \
             (SELECT key FROM throttle ORDER BY clear_at DESC LIMIT $2 OFFSET $1)")
        .bind(i64::from(most))
        .bind(i64::from(limit));
        self.execute("remove throttles beyond a number", statement).await
    }
}

impl Reader<'_> {
    async fn throttle_clear_at(&mut self, key: &str) -> Result<Option<Timestamp>> {
        let statement = sql("SELECT clear_at FROM throttle WHERE key = $1").bind(key);
        self.fetch_optional("read a throttle", statement)
            .await?
            .map(|row| row.time(0))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACE: Pace = Pace {
        burst: 3,
        interval: 1_000,
    };

    #[test]
    fn a_burst_is_admitted_then_one_at_a_time() {
        let mut clear_at = Timestamp(0);
        let mut admitted = Vec::new();
        for moment in (0..6_000).step_by(100) {
            if let Ok(next) = PACE.next(clear_at, Timestamp(moment)) {
                clear_at = next;
                admitted.push(moment);
            }
        }
        assert_eq!(admitted, [0, 100, 200, 1_000, 2_000, 3_000, 4_000, 5_000]);
    }

    proptest! {
        #[test]
        fn never_more_than_the_pace_allows_and_the_promised_moment_holds(
            gaps in prop::collection::vec(0_i64..3_000, 1..60)
        ) {
            let (mut clear_at, mut now, mut admitted) = (Timestamp(0), Timestamp(0), 0_i64);
            for gap in gaps {
                now = now.plus_milliseconds(gap);
                match PACE.next(clear_at, now) {
                    Ok(next) => {
                        clear_at = next;
                        admitted += 1;
                    }
                    Err(until) => {
                        prop_assert!(until > now);
                        prop_assert!(PACE.next(clear_at, until).is_ok());
                        prop_assert!(PACE.next(clear_at, until.plus_milliseconds(-1)).is_err());
                    }
                }
                prop_assert!(admitted <= 3 + now.0 / 1_000);
            }
        }
    }
}
