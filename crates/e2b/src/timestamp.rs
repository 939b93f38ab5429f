//! RFC 3339 text of a point in time, as proto3 JSON writes `Timestamp`.

use std::fmt::Write as _;

const SECONDS_PER_DAY: i64 = 86_400;

/// `2026-11-22T23:03:00.5Z`: seconds since 1970 and nanoseconds, without trailing zeros in the fraction.
#[must_use]
pub fn format_timestamp(seconds: i64, nanoseconds: u32) -> String {
    let days = seconds.div_euclid(SECONDS_PER_DAY);
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let (year, month, day) = civil_date(days);
    let mut text = format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    if nanoseconds > 0 {
        let fraction = format!("{nanoseconds:09}");
        // Writing to a string cannot fail.
        let _ = write!(text, ".{}", fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// Year, month and day of a day number, in the proleptic Gregorian calendar. Years are counted from March, so that the
/// leap day is the last of its year; 400 years have a fixed number of days.
fn civil_date(days_since_1970: i64) -> (i64, i64, i64) {
    const DAYS_OF_400_YEARS: i64 = 146_097;
    const DAYS_FROM_0000_03_01: i64 = 719_468;
    let days = days_since_1970.saturating_add(DAYS_FROM_0000_03_01);
    let era = days.div_euclid(DAYS_OF_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_OF_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / (DAYS_OF_400_YEARS - 1)) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_read_as_expected() {
        assert_eq!(format_timestamp(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(format_timestamp(951_782_399, 0), "2000-02-28T23:59:59Z");
        assert_eq!(format_timestamp(951_782_400, 120_000_000), "2000-02-29T00:00:00.12Z");
        assert_eq!(format_timestamp(1_700_000_000, 1), "2023-11-14T22:13:20.000000001Z");
        assert_eq!(format_timestamp(-1, 0), "1969-12-31T23:59:59Z");
        assert_eq!(format_timestamp(4_102_444_800, 0), "2100-01-01T00:00:00Z");
    }
}
