//! What a provider's error answer means, and the hints in its headers on when to come back. Pure.

use std::time::Duration;

use codecourier_domain::time::Timestamp;
use http::HeaderMap;

use crate::observer::Complaint;

/// A wait longer than a year is none.
const LONGEST_WAIT_SECONDS: f64 = 366.0 * 86_400.0;

/// An error answer, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProviderVerdict {
    pub(crate) complaint: Complaint,
    /// The provider's own words, not yet scrubbed or cut.
    pub(crate) message: String,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) resets_at: Option<Timestamp>,
}

/// From this wait on, a limit is a quota: waiting it out inside one request makes no sense.
const QUOTA_WAIT: Duration = Duration::from_secs(15 * 60);

/// A verdict with a long wait for a rate limit taken for what it is: a quota.
pub(super) fn settled(verdict: ProviderVerdict) -> ProviderVerdict {
    let is_long = verdict.retry_after.is_some_and(|wait| wait >= QUOTA_WAIT);
    match verdict.complaint {
        Complaint::RateLimit if is_long => ProviderVerdict {
            complaint: Complaint::Quota,
            ..verdict
        },
        _ => verdict,
    }
}

/// The wait in the headers of OpenAI's limits, such as `x-ratelimit-reset-tokens: 6m0s`: the longest among those that
/// are used up.
pub(super) fn wait_of_used_up_limits(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: String| headers.get(name).and_then(|value| value.to_str().ok());
    ["requests", "tokens", "input-tokens", "output-tokens"]
        .iter()
        .filter(|limit| text(format!("x-ratelimit-remaining-{limit}")).is_none_or(|left| left.trim() == "0"))
        .filter_map(|limit| go_duration(text(format!("x-ratelimit-reset-{limit}"))?))
        .max()
}

/// `20ms`, `1.5s`, `6m0s`, `1h2m3s`: how OpenAI writes a duration.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|character: char| !character.is_ascii_digit() && character != '.')?;
        let (number, after) = rest.split_at(digits);
        let number: f64 = number.parse().ok()?;
        let letters = after
            .find(|character: char| !character.is_ascii_alphabetic())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        seconds += number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = after;
    }
    (seconds <= LONGEST_WAIT_SECONDS).then(|| Duration::from_secs_f64(seconds))
}

/// The wait in a sentence like `Please try again in 1.5s.` or `in 6m0s.`
pub(super) fn wait_in_sentence(sentence: &str) -> Option<Duration> {
    let rest = sentence.split("try again in ").nth(1)?;
    let word = rest.split_whitespace().next()?;
    go_duration(word.trim_end_matches(['.', ',', ')']))
}

/// The moment in a header of milliseconds since the epoch, as OpenRouter's `x-ratelimit-reset`.
pub(super) fn moment_in_milliseconds(text: &str) -> Option<Timestamp> {
    let milliseconds: i64 = text.trim().parse().ok()?;
    // Seconds would be a moment in 1970.
    (milliseconds > 100_000_000_000).then_some(Timestamp(milliseconds))
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
        .filter(|seconds: &f64| seconds.is_finite() && (0.0..=LONGEST_WAIT_SECONDS).contains(seconds))
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

/// How long it is until a moment, by the provider's own clock: its answer's `date`.
pub(crate) fn wait_until(moment: Timestamp, headers: &HeaderMap) -> Option<Duration> {
    let now = http_date(headers.get(http::header::DATE)?.to_str().ok()?)?;
    u64::try_from(moment.since(now)).ok().map(Duration::from_millis)
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
    fn openais_waits_are_read() {
        let seconds = |text| go_duration(text).map(|wait| wait.as_secs_f64());
        assert_eq!(seconds("20s"), Some(20.0));
        assert_eq!(seconds("6m0s"), Some(360.0));
        assert_eq!(seconds("1h2m3.5s"), Some(3723.5));
        assert_eq!(seconds("20ms"), Some(0.02));
        for text in ["", "s", "5", "5x", "-1s", "9999999999h", "1.2.3s"] {
            assert_eq!(seconds(text), None, "{text:?}");
        }
        let used_up = headers(&[
            ("x-ratelimit-remaining-requests", "12"),
            ("x-ratelimit-reset-requests", "1h"),
            ("x-ratelimit-remaining-tokens", "0"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]);
        assert_eq!(wait_of_used_up_limits(&used_up), Some(Duration::from_secs(360)));
        assert_eq!(
            wait_in_sentence("Rate limit reached. Please try again in 1.5s. Visit"),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(wait_in_sentence("try again in ünïcode"), None);
        assert_eq!(
            moment_in_milliseconds("1795345200000"),
            Some(Timestamp(1_795_345_200_000))
        );
        assert_eq!(moment_in_milliseconds("60"), None);
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
    fn a_moment_is_a_wait_by_the_providers_clock() {
        let headers = headers(&[("date", "Sun, 22 Nov 2026 11:00:00 GMT")]);
        let later = Timestamp(1_795_345_200_000 + 20_000);
        assert_eq!(wait_until(later, &headers), Some(Duration::from_secs(20)));
        assert_eq!(wait_until(Timestamp(0), &headers), None);
        assert_eq!(wait_until(later, &HeaderMap::new()), None);
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
