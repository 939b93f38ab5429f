//! A moment as clients see it: RFC 3339 in UTC, to the millisecond.

use codecourier_domain::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-23T02:53:31.120Z"))]
pub struct Time(pub Timestamp);

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = jiff::Timestamp::from_millisecond(self.0.milliseconds()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        serializer.collect_str(&moment.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment: jiff::Timestamp = text
            .parse()
            .map_err(|_| serde::de::Error::custom("a time is written as 2026-11-23T02:53:31Z"))?;
        Ok(Self(Timestamp(moment.as_millisecond())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rfc_3339_to_the_millisecond() {
        let text = |milliseconds| serde_json::to_string(&Time(Timestamp(milliseconds))).unwrap();
        assert_eq!(text(0), r#""1970-01-01T00:00:00.000Z""#);
        assert_eq!(text(1_795_000_411_120), r#""2026-11-18T11:13:31.120Z""#);
    }

    #[test]
    fn a_time_is_read_with_any_offset() {
        let read: Time = serde_json::from_str(r#""1970-01-01T01:00:00.5+01:00""#).unwrap();
        assert_eq!(read, Time(Timestamp(500)));
        for text in [r#""yesterday""#, r#""1970-01-01""#, "0", r#""1970-01-01T00:00:00""#] {
            assert!(serde_json::from_str::<Time>(text).is_err(), "{text}");
        }
    }
}
