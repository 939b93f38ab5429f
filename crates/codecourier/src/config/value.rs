//! The types that a setting may have: read from a text, whatever it came from, and shown again as text.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use codecourier_agents::AcpCommand;
use codecourier_agents::session::EnvName;
use codecourier_api::config::Network;
use codecourier_engine::templates::TemplateName;
use codecourier_gateway::Destination;

/// A type of settings.
pub(crate) trait Value: Sized {
    /// What may be written, in a few words: `a port`, `open, invitation or closed`.
    const FORM: &'static str;

    /// Reads it. `None` when the text has not the form.
    fn parse(text: &str) -> Option<Self>;

    /// The text for `config explain`.
    fn show(&self) -> String;
}

/// Any text that is not empty.
impl Value for String {
    const FORM: &'static str = "a text";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty() && !text.chars().any(char::is_control)).then(|| text.to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

impl Value for PathBuf {
    const FORM: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        std::path::absolute(text).ok()
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

/// A whole number within bounds that are part of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Between<const LEAST: u32, const MOST: u32>(u32);

impl<const LEAST: u32, const MOST: u32> Between<LEAST, MOST> {
    /// The number.
    pub(crate) const fn get(self) -> u32 {
        self.0
    }

    /// The number, which is not zero where the range has none.
    pub(crate) const fn at_least_one(self) -> NonZeroU32 {
        const { assert!(LEAST > 0, "a range with zero in it") };
        match NonZeroU32::new(self.0) {
            Some(number) => number,
            None => NonZeroU32::MIN,
        }
    }
}

impl<const LEAST: u32, const MOST: u32> Value for Between<LEAST, MOST> {
    const FORM: &'static str = "a whole number in its range";

    fn parse(text: &str) -> Option<Self> {
        text.parse()
            .ok()
            .filter(|number| (LEAST..=MOST).contains(number))
            .map(Self)
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// A list, separated by commas in the environment and on the command line, or a JSON array where a part has a comma.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T: Value> Value for List<T> {
    const FORM: &'static str = T::FORM;

    fn parse(text: &str) -> Option<Self> {
        if let Ok(parts) = serde_json::from_str::<Vec<String>>(text) {
            return parts.iter().map(|part| T::parse(part)).collect::<Option<_>>().map(Self);
        }
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(T::parse).collect::<Option<_>>().map(Self)
    }

    fn show(&self) -> String {
        self.0.iter().map(T::show).collect::<Vec<_>>().join(", ")
    }
}

/// A program and its arguments: a list of words, never a line for a shell.
impl Value for AcpCommand {
    const FORM: &'static str = "a program and its arguments as a list, such as [\"opencode\", \"acp\"]";

    fn parse(text: &str) -> Option<Self> {
        let words = match serde_json::from_str::<Vec<String>>(text) {
            Ok(words) => words,
            Err(_) => text.split(',').map(|word| word.trim().to_owned()).collect(),
        };
        words.try_into().ok()
    }

    fn show(&self) -> String {
        serde_json::to_string(self.words()).unwrap_or_default()
    }
}

impl Value for TemplateName {
    const FORM: &'static str = "`base`, `claude`, `opencode`, `codex` or `pi`";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Destination {
    const FORM: &'static str = "a list of NAME:PORT, such as api.example.org:443";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for SocketAddr {
    const FORM: &'static str = "an address and a port, such as 192.0.2.10:443 or [2001:db8::10]:443";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A variable of the environment with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
}

impl Value for Variable {
    const FORM: &'static str = "a list of NAME=VALUE";

    fn parse(text: &str) -> Option<Self> {
        let (name, value) = text.split_once('=')?;
        name.parse::<EnvName>().ok()?;
        Some(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }

    fn show(&self) -> String {
        format!("{}={}", self.name, self.value)
    }
}

/// A host and a port to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListenAddress(String);

impl ListenAddress {
    /// It, as a resolver takes it.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for ListenAddress {
    const FORM: &'static str = "HOST:PORT, such as 127.0.0.1:8717 or [::]:8717";

    fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let is_host = match host.strip_prefix('[') {
            Some(bracketed) => bracketed
                .strip_suffix(']')
                .is_some_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok()),
            None => !host.is_empty() && !host.contains([':', '/', ' ']),
        };
        (is_host && port.parse::<u16>().is_ok()).then(|| Self(text.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// An `http://` or `https://` URL without a slash at its end, credentials, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WebUrl(String);

impl WebUrl {
    /// It.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for WebUrl {
    const FORM: &'static str = "an http:// or https:// URL without credentials and query";

    fn parse(text: &str) -> Option<Self> {
        let url = text.trim_end_matches('/');
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
        let is_sound = !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.contains(['@', '?', '#', '\\'])
            && rest.chars().all(|character| character.is_ascii_graphic());
        is_sound.then(|| Self(url.to_owned()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// A proxy, or a range of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProxyRange {
    text: String,
    network: Network,
}

impl ProxyRange {
    /// The range.
    pub(crate) const fn network(&self) -> Network {
        self.network
    }
}

impl Value for ProxyRange {
    const FORM: &'static str = "an address or a range such as 10.0.0.0/8";

    fn parse(text: &str) -> Option<Self> {
        Some(Self {
            text: text.to_owned(),
            network: text.parse().ok()?,
        })
    }

    fn show(&self) -> String {
        self.text.clone()
    }
}

/// An amount in US dollars, in millionths, more than nothing and at most 10000 dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dollars(pub(crate) i64);

impl Value for Dollars {
    const FORM: &'static str = "dollars, such as 5 or 0.50, at most 10000";

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('$');
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |part: &str| part.chars().all(|character| character.is_ascii_digit());
        if whole.is_empty() && fraction.is_empty() || fraction.len() > 6 || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let fraction: i64 = format!("{fraction:0<6}").parse().ok()?;
        let micros = whole.checked_mul(1_000_000)?.checked_add(fraction)?;
        (1..=10_000_000_000).contains(&micros).then_some(Self(micros))
    }

    fn show(&self) -> String {
        let (whole, fraction) = (self.0 / 1_000_000, self.0 % 1_000_000);
        match format!("{fraction:06}").trim_end_matches('0') {
            "" => whole.to_string(),
            digits => format!("{whole}.{digits:0<2}"),
        }
    }
}

/// Makes an enum whose words are the settings.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident ($form:literal) { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl Value for $name {
            const FORM: &'static str = $form;

            fn parse(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn show(&self) -> String {
                match self {
                    $(Self::$variant => $word.to_owned(),)+
                }
            }
        }
    };
}

choice! {
    /// Who may make an account.
    SignUp ("`open`, `invitation` or `closed`") {
        /// Anybody.
        Open = "open",
        /// Whoever was invited into a project.
        Invitation = "invitation",
        /// Nobody.
        Closed = "closed",
    }
}

choice! {
    /// How mail is protected on its way to the mail server.
    SmtpSecurity ("`starttls`, `tls` or `none`") {
        /// Upgraded in the connection; refused when it cannot be.
        StartTls = "starttls",
        /// From the first byte.
        Tls = "tls",
        /// Not at all: for a mail server on the same machine.
        None = "none",
    }
}

choice! {
    /// How the log is written.
    LogFormat ("`auto`, `text` or `json`") {
        /// Text on a terminal, else JSON.
        Automatic = "auto",
        /// Text.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

/// A secret. Shown by nothing.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// Wraps it.
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }

    /// It, for the one place that uses it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_name_a_host_and_a_port() {
        for good in ["127.0.0.1:0", "[::]:8717", "localhost:80"] {
            assert!(ListenAddress::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "8717",
            ":8717",
            "::1:80",
            "host:99999",
            "host:",
            "[host]:1",
            "http://x:1",
        ] {
            assert!(ListenAddress::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn urls_carry_no_credentials() {
        assert_eq!(
            WebUrl::parse("https://a.example/x/").unwrap().as_str(),
            "https://a.example/x"
        );
        for bad in [
            "a.example",
            "https://",
            "https://u:p@a.example",
            "https://a?x=1",
            "ftp://a",
            "https://a b",
        ] {
            assert!(WebUrl::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn amounts_are_exact() {
        for (text, micros, shown) in [
            ("0.5", 500_000, "0.50"),
            ("$20", 20_000_000, "20"),
            (".000001", 1, "0.000001"),
        ] {
            let amount = Dollars::parse(text).unwrap();
            assert_eq!((amount.0, amount.show().as_str()), (micros, shown));
        }
        for bad in ["", "0", "-1", "1e3", "1.0000001", "10001", "x"] {
            assert!(Dollars::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_command_is_a_list_of_words() {
        let words = |text: &str| AcpCommand::parse(text).map(|command| command.words().join("|"));
        assert_eq!(words("opencode,acp").as_deref(), Some("opencode|acp"));
        assert_eq!(words(r#"["agent", "a, b", ""]"#).as_deref(), Some("agent|a, b|"));
        for bad in ["", "opencode acp", "[]", r#"["a b"]"#, "-x"] {
            assert_eq!(words(bad), None, "{bad}");
        }
        let list = List::<Variable>::parse(r#"["A=1,2", "B="]"#).unwrap();
        assert_eq!(list.show(), "A=1,2, B=");
        assert!(List::<Variable>::parse("A").is_none() && List::<Variable>::parse("1=2").is_none());
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret::new("canary".to_owned())), "Secret");
    }
}
