//! Times, durations, counts and money as people read them.

use codecourier_domain::time::Timestamp;
use codecourier_domain::usage::Tokens;

/// A moment in the local time zone.
pub(crate) fn local(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.milliseconds()) {
        Ok(moment) => moment
            .to_zoned(jiff::tz::TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
        Err(_) => "an unknown time".to_owned(),
    }
}

/// A moment as part of a file name, to the millisecond, in UTC.
pub(crate) fn file_name(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.milliseconds()) {
        Ok(moment) => moment.strftime("%Y%m%d-%H%M%S-%3f").to_string(),
        Err(_) => at.milliseconds().to_string(),
    }
}

/// A moment as RFC 3339 in UTC, for programs.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.milliseconds()).map_or_else(|_| String::new(), |moment| moment.to_string())
}

/// A duration: `0.4 s`, `12 s`, `3:07`, `1:02:03`.
pub(crate) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds {
        0..10 => format!("{}.{} s", seconds, milliseconds % 1_000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60),
    }
}

/// How long it is from one moment to another.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> String {
    duration(u64::try_from(to.since(from)).unwrap_or(0))
}

/// A clock that counts up: `0:07`.
pub(crate) fn clock(seconds: u64) -> String {
    if seconds >= 3_600 {
        format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    } else {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    }
}

/// A count with separators: `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Tokens in words.
pub(crate) fn tokens(tokens: &Tokens) -> String {
    let Tokens {
        input,
        output,
        cache_read,
        cache_write_5m,
        cache_write_1h,
    } = *tokens;
    format!(
        "{} in, {} out, {} read from the cache, {} written to it",
        count(input),
        count(output),
        count(cache_read),
        count(cache_write_5m.saturating_add(cache_write_1h))
    )
}

/// `1 file`, `2 files`.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_counts_read_well() {
        assert_eq!(duration(430), "0.4 s");
        assert_eq!(duration(12_900), "12 s");
        assert_eq!(duration(187_000), "3:07");
        assert_eq!(duration(3_723_000), "1:02:03");
        assert_eq!(clock(7), "0:07");
        assert_eq!(
            (count(7), count(1_234), count(1_234_567)),
            ("7".into(), "1,234".into(), "1,234,567".into())
        );
        assert_eq!(plural(1, "file", "files"), "1 file");
        assert_eq!(file_name(Timestamp(61_007)), "19700101-000101-007");
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00Z");
    }
}
