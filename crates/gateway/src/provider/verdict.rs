//! What a provider's error answer means, and the hints in its headers on when to come back. Pure.

use std::time::Duration;

use codecourier_domain::time::Timestamp;
use http::HeaderMap;

use crate::observer::Complaint;

/// An error answer, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderVerdict {
    pub(crate) complaint: Complaint,
    /// The provider's own words, not yet scrubbed or cut.
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) resets_at: Option<Timestamp>,
}

/// When the provider says to come back: `retry-after` in seconds, and the latest reset among the limits that are used
/// up (or, if none is, that are named).
pub(crate) fn hint_of_limits(headers: &HeaderMap) -> (Option<Duration>, Option<Timestamp>) {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let retry_after = text("retry-after-ms")
        .and_then(|value| {
            value
                .parse()
                .ok()
                .filter(|ms: &f64| ms.is_finite() && *ms >= 0.0)
                .map(|ms| ms / 1000.0)
        })
        .or_else(|| text("retry-after").and_then(|value| value.parse().ok()))
        .filter(|seconds: &f64| seconds.is_finite() && (0.0..=366.0 * 86_400.0).contains(seconds))
        .map(Duration::from_secs_f64);
    let dated_retry = text("retry-after").and_then(http_date);
    let mut used_up = None;
    let mut named = None;
    for (name, value) in headers {
        let Some(limit) = name
            .as_str()
            .strip_prefix("anthropic-ratelimit-")
            .and_then(|rest| rest.strip_suffix("-reset"))
        else {
            continue;
        };
        let Some(reset) = value.to_str().ok().and_then(moment) else {
            continue;
        };
        named = named.max(Some(reset));
        let is_used_up = text(&format!("anthropic-ratelimit-{limit}-remaining")) == Some("0")
            || text(&format!("anthropic-ratelimit-{limit}-status")) == Some("rejected");
        if is_used_up {
            used_up = used_up.max(Some(reset));
        }
    }
    (retry_after, used_up.or(dated_retry).or(named))
}

/// RFC 3339, or seconds since the epoch.
fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>() {
        return seconds.checked_mul(1000).map(Timestamp);
    }
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(|timestamp| Timestamp(timestamp.as_millisecond()))
}

/// `Wed, 21 Oct 2026 07:28:00 GMT`.
fn http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp(zoned.as_millisecond()))
}

/// The moment in a sentence like `You will regain access on 2026-12-01 at 00:00 UTC.`
pub(crate) fn moment_in_sentence(sentence: &str) -> Option<Timestamp> {
    let rest = sentence.split("regain access on ").nth(1)?;
    let date: String = rest
        .chars()
        .take_while(|character| character.is_ascii_digit() || *character == '-')
        .collect();
    let time = rest[date.len()..]
        .strip_prefix(" at ")
        .and_then(|time| time.get(..5))
        .unwrap_or("00:00");
    moment(&format!("{date}T{time}:00Z"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_reset_of_the_used_up_limit_wins() {
        let (retry_after, resets_at) = hint_of_limits(&headers(&[
            ("retry-after", "12"),
            ("anthropic-ratelimit-requests-remaining", "40"),
            ("anthropic-ratelimit-requests-reset", "2026-11-22T12:00:00Z"),
            ("anthropic-ratelimit-tokens-remaining", "0"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-22T11:00:00Z"),
        ]));
        assert_eq!(retry_after, Some(Duration::from_secs(12)));
        assert_eq!(resets_at, Some(Timestamp(1_795_345_200_000)));
        let (_, unified) = hint_of_limits(&headers(&[
            ("anthropic-ratelimit-unified-status", "rejected"),
            ("anthropic-ratelimit-unified-reset", "1795345200"),
        ]));
        assert_eq!(unified, Some(Timestamp(1_795_345_200_000)));
    }

    #[test]
    fn odd_hints_are_ignored() {
        for value in ["soon", "-1", "NaN", "1e300", ""] {
            let headers: HeaderMap = [("retry-after".parse().unwrap(), HeaderValue::from_str(value).unwrap())]
                .into_iter()
                .collect();
            assert_eq!(hint_of_limits(&headers), (None, None), "{value}");
        }
        let (_, date) = hint_of_limits(&headers(&[("retry-after", "Sun, 22 Nov 2026 11:00:00 GMT")]));
        assert_eq!(date, Some(Timestamp(1_795_345_200_000)));
    }

    #[test]
    fn a_date_in_a_sentence_is_found() {
        let sentence =
            "You have reached your specified API usage limits. You will regain access on 2026-11-22 at 11:00 UTC.";
        assert_eq!(moment_in_sentence(sentence), Some(Timestamp(1_795_345_200_000)));
        assert_eq!(moment_in_sentence("You will regain access on ünïcode"), None);
        assert_eq!(moment_in_sentence(""), None);
    }
}
