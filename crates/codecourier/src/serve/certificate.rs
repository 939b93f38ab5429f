//! Until when a certificate is good.
//!
//! `doctor` asks. Invariant: what has not the shape of a certificate gives nothing, never a panic: the bytes are a file's.

use codecourier_domain::time::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::config::Config;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// The version of a certificate, which old ones leave out.
const VERSION: u8 = 0xa0;

/// The time in which a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// From when on.
    pub(crate) from: Timestamp,
    /// Until when.
    pub(crate) until: Timestamp,
}

impl Certificate {
    /// The one that the configuration names. `None` if there is none, or nothing can be said of it.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let path = config.settings.tls_certificate.as_ref()?;
        // The first one of the file is the server's own.
        let own = CertificateDer::pem_file_iter(path).ok()?.next()?.ok()?;
        Self::read(&own)
    }

    fn read(der: &[u8]) -> Option<Self> {
        let mut signed = Der(Der(der).expect(SEQUENCE)?);
        let mut body = Der(signed.expect(SEQUENCE)?);
        // The version, the serial number, the algorithm and the issuer come before.
        let (tag, _) = body.next()?;
        let before = if tag == VERSION { 3 } else { 2 };
        for _ in 0..before {
            body.next()?;
        }
        let mut validity = Der(body.expect(SEQUENCE)?);
        Some(Self {
            from: time(validity.next()?)?,
            until: time(validity.next()?)?,
        })
    }
}

/// Values one after the other, each with its tag and its length.
struct Der<'d>(&'d [u8]);

impl<'d> Der<'d> {
    fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x84 => {
                let (digits, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                digits
                    .iter()
                    .fold(0, |length, digit| (length << 8) | usize::from(*digit))
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn expect(&mut self, tag: u8) -> Option<&'d [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, value)| value)
    }
}

fn time((tag, value): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(value).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let mut parts = [0_i8; 5];
    for (index, part) in parts.iter_mut().enumerate() {
        *part = rest.get(index * 2..index * 2 + 2)?.parse().ok()?;
    }
    let [month, day, hour, minute, second] = parts;
    let moment = jiff::civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let moment = moment.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp(moment.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(until: i32) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 1, 2);
        parameters.not_after = rcgen::date_time_ymd(until, 3, 4);
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_says_until_when_it_is_good() {
        for (year, until) in [(2027, "2027-03-04T00:00:00Z"), (2051, "2051-03-04T00:00:00Z")] {
            let certificate = Certificate::read(&certificate(year)).unwrap();
            assert_eq!(crate::terminal::time::rfc3339(certificate.from), "2026-01-02T00:00:00Z");
            assert_eq!(crate::terminal::time::rfc3339(certificate.until), until);
        }
    }

    #[test]
    fn what_is_no_certificate_says_nothing() {
        let whole = certificate(2027);
        for length in 0..whole.len().min(200) {
            assert_eq!(Certificate::read(&whole[..length]), None);
        }
        for index in 0..whole.len().min(200) {
            let mut changed = whole.clone();
            for value in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                changed[index] = value;
                let _ = Certificate::read(&changed);
            }
        }
        assert_eq!(time((UTC_TIME, b"991332000000Z")), None);
        assert_eq!(time((UTC_TIME, "2\u{e9}0101000000Z".as_bytes())), None);
    }
}
