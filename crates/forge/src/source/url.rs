//! URLs of repositories that the platform will talk to: `https://`, `ssh://` and `user@host:path`.
//!
//! Invariant: a [`GitUrl`] holds no credential, no control character, nothing that Git or SSH would read as an option, and
//! no transport but these. It can be logged.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The URL of a repository. See the module for what it cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GitUrl(String);

/// A text that is not taken as the URL of a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a repository URL that can be used: {problem}")]
pub struct UrlRefused {
    /// The text without anything that may be a secret, cut.
    pub shown: String,
    /// Why.
    pub problem: UrlProblem,
}

/// Why a URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// A user name or password in an HTTPS URL, or a password in an SSH one.
    #[error("it has credentials in it; store them as a provider key and leave them out of the URL")]
    Credentials,
    /// A transport that is not allowed.
    #[error("only https://, ssh:// and user@host:path are allowed")]
    Scheme,
    /// No host, or one with characters that no host name has.
    #[error("its host name is not one")]
    Host,
    /// The user name of an SSH URL has characters beyond letters, digits, `.`, `_` and `-`.
    #[error("its user name is not one")]
    User,
    /// The port is no number from 1 to 65535.
    #[error("its port is not one")]
    Port,
    /// No path, or one that starts with a hyphen, or holds `..`, `?` or `#`.
    #[error("its path is not that of a repository")]
    Path,
    /// Spaces, control or invisible characters.
    #[error("it has spaces or control characters in it")]
    Characters,
    /// Longer than 2000 bytes.
    #[error("it is too long")]
    Length,
}

impl GitUrl {
    /// The URL as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GitUrl {
    type Err = UrlRefused;

    fn from_str(text: &str) -> Result<Self, UrlRefused> {
        match check(text) {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(problem) => Err(UrlRefused {
                shown: redacted(text),
                problem,
            }),
        }
    }
}

impl TryFrom<String> for GitUrl {
    type Error = UrlRefused;

    fn try_from(text: String) -> Result<Self, UrlRefused> {
        text.parse()
    }
}

impl From<GitUrl> for String {
    fn from(url: GitUrl) -> Self {
        url.0
    }
}

impl fmt::Display for GitUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

fn check(text: &str) -> Result<(), UrlProblem> {
    if text.len() > 2000 {
        return Err(UrlProblem::Length);
    }
    if !text
        .chars()
        .all(|character| character.is_alphanumeric() || character.is_ascii_punctuation())
    {
        return Err(UrlProblem::Characters);
    }
    if let Some(rest) = text.strip_prefix("https://") {
        return check_authority(rest, Users::Refused);
    }
    if let Some(rest) = text.strip_prefix("ssh://") {
        return check_authority(rest, Users::Allowed);
    }
    // `ext::sh -c …` and its like name a transport helper.
    if text.contains("::") || text.contains("://") {
        return Err(UrlProblem::Scheme);
    }
    let (authority, path) = text.split_once(':').ok_or(UrlProblem::Scheme)?;
    let (user, host) = authority.split_once('@').ok_or(UrlProblem::Scheme)?;
    check_user(user)?;
    check_host(host)?;
    check_path(path)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Users {
    Allowed,
    Refused,
}

/// `[user@]host[:port]/path`
fn check_authority(rest: &str, users: Users) -> Result<(), UrlProblem> {
    let (authority, path) = rest.split_once('/').ok_or(UrlProblem::Path)?;
    let host_and_port = match (authority.rsplit_once('@'), users) {
        (None, _) => authority,
        (Some(_), Users::Refused) => return Err(UrlProblem::Credentials),
        (Some((user, _)), Users::Allowed) if user.contains(':') => return Err(UrlProblem::Credentials),
        (Some((user, host)), Users::Allowed) => {
            check_user(user)?;
            host
        }
    };
    let (host, port) = match host_and_port.rsplit_once(':') {
        // The last colon of `[::1]` is inside the brackets.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    check_host(host)?;
    if let Some(port) = port {
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        match port.parse::<u16>() {
            Ok(1..) if is_number => {}
            _ => return Err(UrlProblem::Port),
        }
    }
    check_path(path)
}

fn check_user(user: &str) -> Result<(), UrlProblem> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if user.is_empty() || user.starts_with('-') || !user.bytes().all(is_allowed) {
        return Err(UrlProblem::User);
    }
    Ok(())
}

fn check_host(host: &str) -> Result<(), UrlProblem> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
    let sound = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.contains(':') && address.bytes().all(is_address),
        None => !host.is_empty() && !host.starts_with(['-', '.']) && host.bytes().all(is_name),
    };
    if sound { Ok(()) } else { Err(UrlProblem::Host) }
}

fn check_path(path: &str) -> Result<(), UrlProblem> {
    let is_climbing = path.split('/').any(|part| part == "..");
    let is_forbidden = |character: char| {
        matches!(
            character,
            '?' | '#' | '\\' | '"' | '\'' | '`' | '$' | '|' | ';' | '<' | '>'
        )
    };
    if path.trim_matches('/').is_empty() || path.starts_with('-') || is_climbing || path.contains(is_forbidden) {
        return Err(UrlProblem::Path);
    }
    Ok(())
}

/// Scheme and what follows the last `@`, so that no part that may be a secret is repeated.
pub(crate) fn redacted(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            (format!("{scheme}://"), rest)
        }
        _ => (String::new(), text),
    };
    let shown = match rest.rsplit_once('@') {
        Some((_, after)) => format!("…@{after}"),
        None => rest.to_owned(),
    };
    let without_query = shown.split(['?', '#']).next().unwrap_or_default();
    scheme
        .chars()
        .chain(without_query.chars())
        .filter(|character| !character.is_control())
        .take(120)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_people_paste_are_taken() {
        for text in [
            "https://github.com/rust-lang/log.git",
            "https://git.example.org:8443/~ada/x_y.git",
            "https://[::1]:8443/x.git",
            "ssh://git@github.com/rust-lang/log.git",
            "ssh://git@example.org:2222/srv/x.git",
            "ssh://example.org/x",
            "git@github.com:rust-lang/log.git",
            "ada@host:projects/x",
        ] {
            assert_eq!(text.parse::<GitUrl>().map(String::from), Ok(text.to_owned()));
        }
    }

    #[test]
    fn each_trick_is_refused_for_its_reason() {
        use UrlProblem as P;
        for (text, problem) in [
            ("https://token@github.com/a/b", P::Credentials),
            ("https://ada:secret@github.com/a/b", P::Credentials),
            ("https://ada:p@ss@github.com/a/b", P::Credentials),
            ("ssh://ada:secret@example.org/a", P::Credentials),
            ("http://github.com/a/b", P::Scheme),
            ("git://github.com/a/b", P::Scheme),
            ("file:///etc", P::Scheme),
            ("ext::sh -c id", P::Characters),
            ("ext::sh", P::Scheme),
            ("fd::17", P::Scheme),
            ("/srv/git/x", P::Scheme),
            ("--upload-pack=id", P::Scheme),
            ("-oProxyCommand=id@host:x", P::User),
            ("ssh://-oProxyCommand=id/x", P::Host),
            ("ssh://git@-oProxyCommand=id/x", P::Host),
            ("git@-oProxyCommand:x", P::Host),
            ("git@host:-x", P::Path),
            ("git@host:--upload-pack=id", P::Path),
            ("https://host", P::Path),
            ("https://host/", P::Path),
            ("https:///path", P::Host),
            ("https://host/a/../../b", P::Path),
            ("https://host/a?token=secret", P::Path),
            ("https://host:0/a", P::Port),
            ("https://host:99999/a", P::Port),
            ("https://host:+1/a", P::Port),
            ("https://host/a b", P::Characters),
            ("https://host/a\nb", P::Characters),
            ("https://host/a\u{202e}b", P::Characters),
            ("https://ho%73t/a", P::Host),
            ("git@host:a;id", P::Path),
            ("", P::Scheme),
        ] {
            assert_eq!(
                text.parse::<GitUrl>().map_err(|refused| refused.problem),
                Err(problem),
                "{text}"
            );
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_the_secret() {
        for text in [
            "https://ada:hunter2@github.com/a/b",
            "https://hunter2@github.com/a",
            "https://host/a?token=hunter2",
            "https://host/a#hunter2",
            "hunter2@host/x y",
            "http://ada:hunter2@x@y/",
        ] {
            let refused = text.parse::<GitUrl>().unwrap_err();
            assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn a_taken_url_is_no_option_and_has_one_of_three_shapes(text in "(https://|ssh://|git@|-|ext::)?[a-z@:/.-]{0,30}") {
            if let Ok(url) = text.parse::<GitUrl>() {
                let text = url.as_str();
                prop_assert!(!text.starts_with('-'));
                prop_assert!(text.starts_with("https://") || text.starts_with("ssh://") || text.contains('@'));
                prop_assert!(!text.contains("/-o") || !text.starts_with("ssh://-"));
                if text.starts_with("https://") {
                    prop_assert!(!text.split('/').nth(2).unwrap_or_default().contains('@'));
                }
            }
        }
    }
}
