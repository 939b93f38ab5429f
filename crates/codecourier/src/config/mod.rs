//! What the environment says. The one place that reads it.
//!
//! Invariants: it is read once, at the start; keys are wrapped at once and shown by nothing; everything else of the
//! program takes values from here as arguments.
#![expect(
    clippy::disallowed_methods,
    reason = "this is the module that the lint points to: it reads the environment once"
)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use codecourier_forge::GitSettings;
use codecourier_gateway::{GatewayConfig, ProviderKey};

use crate::problem::Problem;

/// Where the key for the model came from. For people; the key itself is elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyOrigin {
    /// `ANTHROPIC_API_KEY`.
    ApiKey,
    /// `ANTHROPIC_AUTH_TOKEN`.
    AuthToken,
}

impl KeyOrigin {
    /// The name of the variable.
    pub(crate) const fn variable(self) -> &'static str {
        match self {
            Self::ApiKey => "ANTHROPIC_API_KEY",
            Self::AuthToken => "ANTHROPIC_AUTH_TOKEN",
        }
    }
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ColourWish {
    /// On a terminal.
    Automatic,
    /// Never.
    Never,
    /// Always.
    Always,
}

/// Whether the locale can show more than ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Characters {
    /// UTF-8.
    Unicode,
    /// Nothing but ASCII.
    Ascii,
}

/// The settings of this process.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The data directory, absolute.
    pub(crate) data_directory: PathBuf,
    /// The key for the model, and where it came from.
    pub(crate) key: Option<(KeyOrigin, ProviderKey)>,
    /// The texts that the log must never hold.
    pub(crate) secrets: Secrets,
    /// Where the model's API is, if it is not the provider's own.
    pub(crate) anthropic_base_url: Option<String>,
    /// The HTTP proxy for the way to the model.
    pub(crate) outbound_proxy: Option<String>,
    /// What the log holds.
    pub(crate) log_filter: Option<String>,
    /// The search path for programs.
    pub(crate) search_path: OsString,
    /// What Git gets of the environment.
    pub(crate) git_environment: Vec<(String, OsString)>,
    /// When to use colours.
    pub(crate) colours: ColourWish,
    /// What the locale can show.
    pub(crate) characters: Characters,
    /// Whether the terminal can move its cursor.
    pub(crate) has_dumb_terminal: bool,
}

/// Texts to keep out of the log.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Secrets({})", self.0.len())
    }
}

impl Secrets {
    /// The texts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    #[cfg(test)]
    pub(crate) fn of(texts: &[&str]) -> Self {
        Self(texts.iter().map(|text| (*text).to_owned()).collect())
    }
}

/// What Git may get of the environment: SSH agents, proxies and certificates.
const FOR_GIT: [&str; 8] = [
    "SSH_AUTH_SOCK",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Where programs are looked for when nothing says.
const STANDARD_SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Config {
    /// Reads the environment. `data_directory` is the one from the command line, if it names one.
    pub(crate) fn read(data_directory: Option<&Path>) -> Result<Self, Problem> {
        Self::from(data_directory, &|name| {
            std::env::var_os(name).filter(|value| !value.is_empty())
        })
    }

    fn from(data_directory: Option<&Path>, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Problem> {
        let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        let secret = |name: &str| {
            text(name)
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        let api_key = secret("ANTHROPIC_API_KEY");
        let auth_token = secret("ANTHROPIC_AUTH_TOKEN");
        let secrets = Secrets(api_key.iter().chain(&auth_token).cloned().collect());
        let key = match (api_key, auth_token) {
            (Some(key), _) => Some((KeyOrigin::ApiKey, ProviderKey::api_key(key))),
            (None, Some(token)) => Some((KeyOrigin::AuthToken, ProviderKey::bearer(token))),
            (None, None) => None,
        };
        let anthropic_base_url = text("ANTHROPIC_BASE_URL").map(|url| base_url(&url)).transpose()?;
        let outbound_proxy = outbound_proxy(anthropic_base_url.as_deref(), &text);
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| text(name));
        Ok(Self {
            data_directory: data_directory_of(data_directory, variable)?,
            key,
            secrets,
            anthropic_base_url,
            outbound_proxy,
            log_filter: text("CODECOURIER_LOG"),
            search_path: variable("PATH").unwrap_or_else(|| OsString::from(STANDARD_SEARCH_PATH)),
            git_environment: FOR_GIT
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), variable(name)?)))
                .collect(),
            colours: match (variable("NO_COLOR"), text("CLICOLOR_FORCE").as_deref()) {
                (Some(_), _) => ColourWish::Never,
                (None, Some("0") | None) => ColourWish::Automatic,
                (None, Some(_)) => ColourWish::Always,
            },
            // No locale at all is what containers and service managers give; their terminals are UTF-8 all the same.
            characters: match locale {
                Some(locale) if !locale.to_ascii_lowercase().replace('-', "").contains("utf8") => Characters::Ascii,
                Some(_) | None => Characters::Unicode,
            },
            has_dumb_terminal: text("TERM").is_some_and(|terminal| terminal == "dumb"),
        })
    }

    /// The gateway's settings.
    pub(crate) fn gateway(&self) -> Result<GatewayConfig, Problem> {
        let mut gateway =
            GatewayConfig::new().map_err(|error| Problem::internal("Reading the built-in price list", &error))?;
        if let Some(url) = &self.anthropic_base_url {
            gateway.anthropic_base_url.clone_from(url);
        }
        gateway.outbound_proxy.clone_from(&self.outbound_proxy);
        Ok(gateway)
    }

    /// How to find and run Git.
    pub(crate) fn git(&self) -> GitSettings {
        GitSettings {
            search_path: Some(self.search_path.clone()),
            environment: self.git_environment.clone(),
            ..GitSettings::default()
        }
    }
}

/// The data directory: from the command line, the environment, or the place that is usual for the user.
fn data_directory_of(given: Option<&Path>, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<PathBuf, Problem> {
    let absolute = |path: PathBuf| {
        std::path::absolute(&path).map_err(|error| Problem::file("find the data directory", &path, &error))
    };
    if let Some(path) = given {
        return absolute(path.to_owned());
    }
    if let Some(path) = variable("CODECOURIER_DATA_DIR") {
        return absolute(PathBuf::from(path));
    }
    // The standard says to ignore a relative one.
    let shared = variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    if let Some(path) = shared {
        return Ok(path.join("codecourier"));
    }
    let home = variable("HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    match home {
        Some(home) => Ok(home.join(".local/share/codecourier")),
        None if rustix::process::getuid().is_root() => Ok(PathBuf::from("/var/lib/codecourier")),
        None => Err(Problem::usage(
            "There is no HOME to keep data in. Name a directory with --data-dir or CODECOURIER_DATA_DIR.",
        )),
    }
}

/// A base URL as the gateway takes it.
fn base_url(text: &str) -> Result<String, Problem> {
    let url = text.trim().trim_end_matches('/').trim_end_matches("/v1");
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_sound = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.chars().all(|character| character.is_ascii_graphic());
    if !is_sound {
        return Err(Problem::usage(
            "ANTHROPIC_BASE_URL is not an http:// or https:// URL. Unset it to use Anthropic's own API.",
        ));
    }
    if rest.is_some_and(|rest| rest.split('/').next().is_some_and(|host| host.contains('@'))) {
        return Err(Problem::usage(
            "ANTHROPIC_BASE_URL holds credentials. Put the key into ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN instead.",
        ));
    }
    Ok(url.to_owned())
}

/// The proxy for the way to the model, by the usual variables.
fn outbound_proxy(base_url: Option<&str>, text: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let url = base_url.unwrap_or("https://api.anthropic.com");
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if host == "localhost" || host.starts_with("127.") || host == "::1" {
        return None;
    }
    let exceptions = text("NO_PROXY").or_else(|| text("no_proxy")).unwrap_or_default();
    let is_excepted = exceptions.split(',').map(str::trim).any(|entry| {
        let entry = entry.trim_start_matches('.');
        entry == "*" || (!entry.is_empty() && (host == entry || host.ends_with(&format!(".{entry}"))))
    });
    if is_excepted {
        return None;
    }
    // `HTTP_PROXY` in capitals is left out on purpose, as everywhere else: a CGI request could set it.
    let names: &[&str] = match scheme {
        "https" => &["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => &["http_proxy", "ALL_PROXY", "all_proxy"],
    };
    names.iter().find_map(|name| text(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, Problem> {
        Config::from(None, &|name| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn the_data_directory_has_its_usual_places() {
        let place = |variables: &[(&str, &str)]| read(variables).unwrap().data_directory;
        assert_eq!(place(&[("HOME", "/h")]), Path::new("/h/.local/share/codecourier"));
        assert_eq!(
            place(&[("HOME", "/h"), ("XDG_DATA_HOME", "/x")]),
            Path::new("/x/codecourier")
        );
        assert_eq!(
            place(&[("HOME", "/h"), ("XDG_DATA_HOME", "relative")]),
            Path::new("/h/.local/share/codecourier")
        );
        assert_eq!(
            place(&[("HOME", "/h"), ("CODECOURIER_DATA_DIR", "/d")]),
            Path::new("/d")
        );
    }

    #[test]
    fn a_key_is_found_and_never_shown() {
        let config = read(&[
            ("HOME", "/h"),
            ("ANTHROPIC_API_KEY", " sk-ant-canary "),
            ("ANTHROPIC_AUTH_TOKEN", "t0ken-canary"),
        ])
        .unwrap();
        assert_eq!(config.key.as_ref().unwrap().0, KeyOrigin::ApiKey);
        assert!(!format!("{config:?}").contains("canary"));
        assert_eq!(
            config.secrets.texts().collect::<Vec<_>>(),
            ["sk-ant-canary", "t0ken-canary"]
        );
        assert!(read(&[("HOME", "/h")]).unwrap().key.is_none());
    }

    #[test]
    fn a_base_url_is_brought_into_shape_or_refused() {
        let url = |text| read(&[("HOME", "/h"), ("ANTHROPIC_BASE_URL", text)]);
        assert_eq!(
            url("http://127.0.0.1:9/v1/").unwrap().anthropic_base_url.as_deref(),
            Some("http://127.0.0.1:9")
        );
        assert!(url("ftp://x").is_err());
        let problem = url("https://user:canary@host").unwrap_err();
        assert!(!problem.message.contains("canary"));
    }

    #[test]
    fn the_proxy_is_for_hosts_outside() {
        let proxy = |variables: &[(&str, &str)]| {
            let mut all = vec![("HOME", "/h")];
            all.extend_from_slice(variables);
            read(&all).unwrap().outbound_proxy
        };
        let set = ("HTTPS_PROXY", "http://proxy:3128");
        assert_eq!(proxy(&[set]).as_deref(), Some("http://proxy:3128"));
        assert_eq!(proxy(&[set, ("NO_PROXY", "localhost, .anthropic.com")]), None);
        assert_eq!(proxy(&[set, ("ANTHROPIC_BASE_URL", "https://localhost:1")]), None);
    }

    #[test]
    fn colours_follow_the_usual_variables() {
        let wish = |variables: &[(&str, &str)]| {
            let mut all = vec![("HOME", "/h")];
            all.extend_from_slice(variables);
            read(&all).unwrap().colours
        };
        assert_eq!(wish(&[]), ColourWish::Automatic);
        assert_eq!(wish(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), ColourWish::Never);
        assert_eq!(wish(&[("CLICOLOR_FORCE", "1")]), ColourWish::Always);
    }
}
