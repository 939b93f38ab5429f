//! What a process takes from its surroundings: the usual variables of a Unix system, each under its usual rules.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use codecourier_gateway::{Destination, OutboundProxy};

use super::file::nearest;
use super::given::Variables;
use super::settings::{ALIASES, SETTINGS};
use super::table::Kind;
use crate::problem::Problem;

/// Where programs are looked for when nothing says.
pub(super) const STANDARD_SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What Git gets of the environment.
pub(super) fn git_environment(variable: Variables<'_>) -> Vec<(String, OsString)> {
    codecourier_forge::GIT_VARIABLES
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), variable(name)?)))
        .collect()
}

/// The data directory: the one that is given, or the place that is usual for the user.
pub(super) fn data_directory_of(given: Option<&Path>, variable: Variables<'_>) -> Result<PathBuf, Problem> {
    let absolute = |path: PathBuf| {
        std::path::absolute(&path).map_err(|error| Problem::file("find the data directory", &path, &error))
    };
    if let Some(path) = given {
        return absolute(path.to_owned());
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

/// The base URL that a setting names, as the gateway takes it.
pub(super) fn base_url(setting: &str, text: &str) -> Result<String, Problem> {
    let url = text.trim().trim_end_matches('/').trim_end_matches("/v1");
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_sound = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && url.chars().all(|character| character.is_ascii_graphic());
    if !is_sound {
        return Err(Problem::usage(format!(
            "`{setting}` is not an http:// or https:// URL. Unset it to use the provider's own API.",
        )));
    }
    if rest.is_some_and(|rest| rest.split('/').next().is_some_and(|host| host.contains('@'))) {
        return Err(Problem::usage(format!(
            "`{setting}` holds credentials. Put the key into the setting for the key instead.",
        )));
    }
    Ok(url.to_owned())
}

/// The proxy for the way to the model, by the usual variables.
pub(super) fn outbound_proxy(base_url: Option<&str>, text: &dyn Fn(&str) -> Option<String>) -> Option<String> {
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

/// The proxies for hosts that are reached past the gateway, by the same variables.
pub(super) fn egress_proxies(
    hosts: &[Destination],
    text: &dyn Fn(&str) -> Option<String>,
) -> Result<HashMap<Destination, OutboundProxy>, Problem> {
    let named = hosts
        .iter()
        .filter_map(|host| Some((host.clone(), outbound_proxy(Some(&format!("https://{host}")), text)?)));
    named
        .map(|(host, proxy)| match proxy.parse() {
            Ok(proxy) => Ok((host, proxy)),
            Err(problem) => Err(Problem::usage(format!(
                "The proxy that `HTTPS_PROXY` or `ALL_PROXY` names cannot be used: {problem}."
            ))),
        })
        .collect()
}

/// Where a client keeps its credentials.
pub(super) fn credentials_file(variable: Variables<'_>) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let directory = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(directory.join("codecourier/credentials.toml"))
}

/// Variables of the product's own that are no settings.
const OTHERS: [&str; 4] = [
    "CODECOURIER_CONFIG",
    "CODECOURIER_URL",
    "CODECOURIER_API_KEY",
    "CODECOURIER_PROJECT",
];

/// Variables that look like settings and are none, with what may be meant. They are told of and never refused: a
/// cluster, for one, makes variables of its own from the name of a service.
pub(super) fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<(String, Option<String>)> {
    let known: Vec<String> = SETTINGS
        .iter()
        .flat_map(|setting| match setting.kind {
            Kind::Value | Kind::Optional => vec![setting.variable()],
            Kind::Secret => ["", "_FILE", "_COMMAND"].map(|end| setting.variable() + end).to_vec(),
        })
        .chain(ALIASES.iter().map(|(_, alias)| (*alias).to_owned()))
        .chain(OTHERS.iter().map(|name| (*name).to_owned()))
        .collect();
    let unknown = names.filter(|name| name.starts_with("CODECOURIER_") && !known.contains(name));
    let mut unknown: Vec<_> = unknown
        .map(|name| {
            let meant = nearest(&name, known.iter().cloned());
            (name, meant)
        })
        .collect();
    unknown.sort();
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_nearly_a_setting_is_told_of() {
        let names = [
            "CODECOURIER_SERVER_LISTN",
            "CODECOURIER_SERVER_LISTEN",
            "CODECOURIER_PORT_80_TCP",
            "HOME",
        ];
        let found = unknown_variables(names.iter().map(|name| (*name).to_owned()));
        assert_eq!(
            found,
            [
                ("CODECOURIER_PORT_80_TCP".to_owned(), None),
                (
                    "CODECOURIER_SERVER_LISTN".to_owned(),
                    Some("CODECOURIER_SERVER_LISTEN".to_owned())
                ),
            ]
        );
    }
}
