//! A host's name and a port, in the one form in which they are compared.

use std::fmt;
use std::str::FromStr;

/// The longest name of a host, without a dot at its end.
const LONGEST_NAME: usize = 253;
/// The longest part of a name between two dots.
const LONGEST_LABEL: usize = 63;

/// A host by its name, and a port. Two that mean the same are equal: the name is in lower case, and whatever else could
/// be written in two ways is refused (addresses in any notation, a dot at the end, names beyond ASCII or encoded so, a
/// user before the name).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    host: String,
    port: u16,
}

/// A text that is no destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be a host's name and a port, such as `api.example.org:443`, and no address")]
pub struct NotADestination;

impl Destination {
    /// Where Claude Code talks to its provider.
    pub(super) fn of_claude() -> Self {
        Self {
            host: "api.anthropic.com".to_owned(),
            port: 443,
        }
    }

    /// The name, in lower case.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port. Never 0.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for Destination {
    type Err = NotADestination;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').ok_or(NotADestination)?;
        if !is_name(host) || port.is_empty() || port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotADestination);
        }
        let port: u16 = port.parse().map_err(|_| NotADestination)?;
        if port == 0 {
            return Err(NotADestination);
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LONGEST_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
            && !label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"))
    };
    // The last part of an address is a number, in whatever base; that of a name begins with a letter.
    let ends_as_a_name = host
        .rsplit('.')
        .next()
        .is_some_and(|last| last.starts_with(|first: char| first.is_ascii_alphabetic()));
    host.len() <= LONGEST_NAME && ends_as_a_name && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_no_difference() {
        let one: Destination = "API.Example.ORG:443".parse().unwrap();
        assert_eq!(one, "api.example.org:443".parse().unwrap());
        assert_eq!(one.to_string(), "api.example.org:443");
        assert_ne!(one, "api.example.org:8443".parse().unwrap());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_none() {
        let odd = [
            "",
            ":443",
            "api.example.org",
            "api.example.org:",
            "api.example.org:0",
            "api.example.org:65536",
            "api.example.org:+443",
            "api.example.org:0x1bb",
            "api.example.org.:443",
            ".api.example.org:443",
            "api..example.org:443",
            "-api.example.org:443",
            "api-.example.org:443",
            "api_x.example.org:443",
            "user@api.example.org:443",
            "api.example.org:443@127.0.0.1:80",
            "api.example.org/../x:443",
            "api.example.org\u{3002}com:443",
            "\u{430}pi.example.org:443",
            "xn--pi-6kc.example.org:443",
            "XN--pi-6kc.example.org:443",
            "127.0.0.1:443",
            "127.1:80",
            "2130706433:80",
            "0x7f.1:80",
            "0x7f000001:80",
            "0177.0.0.1:80",
            "api.0x7f:80",
            "[::1]:443",
            "[::ffff:127.0.0.1]:443",
            "::1:443",
            "api.example.org :443",
            " api.example.org:443",
            "api.example.org\0:443",
        ];
        for text in odd {
            assert_eq!(text.parse::<Destination>(), Err(NotADestination), "{text:?}");
        }
        let long = format!("{}.example.org:443", "a".repeat(64));
        assert_eq!(long.parse::<Destination>(), Err(NotADestination));
    }

    #[test]
    fn no_text_panics_and_what_is_read_reads_again() {
        proptest::proptest!(|(text in "\\PC{0,80}")| {
            if let Ok(destination) = text.parse::<Destination>() {
                proptest::prop_assert_eq!(destination.to_string().parse(), Ok(destination));
            }
        });
    }
}
