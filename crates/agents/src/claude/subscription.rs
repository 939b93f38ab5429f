//! A Claude subscription: a login that must not pass a gateway, handed to the unmodified CLI.
//!
//! Invariants: the token is in a file of the sandbox's memory until the CLI's process takes it over, and then in that
//! process alone; it is no argument and no part of what the sandbox is told to start; nothing of the gateway is left in
//! such a session, so that neither of the two can be used in the other's place; nothing of a project's variables says
//! where the login is sent.

use crate::common::{private_file, words};
use crate::launch::Launch;
use crate::path::InvalidPath;

/// Where the login waits for its process: on a file system in memory.
pub const LOGIN_FILE: &str = "/dev/shm/codecourier-login";
/// Where the certificates are that the CLI trusts beside the usual ones, if there are any.
const CERTIFICATES_FILE: &str = "/dev/shm/codecourier-certificates.pem";
/// Takes the token over, removes the file, and becomes the CLI.
const TAKE_OVER: &str =
    r#"CLAUDE_CODE_OAUTH_TOKEN=$(cat "$0") && rm -f "$0" && export CLAUDE_CODE_OAUTH_TOKEN && exec "$@""#;
/// What servers in the sandbox itself are called, which no proxy reaches.
const NOT_BY_THE_PROXY: &str = "localhost,127.0.0.1,::1";
/// Variables, in upper case, that would send the login, or the CLI, somewhere else. A project's have no say in it.
const DIVERSIONS: &[&str] = &[
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "NODE_TLS_REJECT_UNAUTHORIZED",
];
/// The same by the beginnings of their names: the gateway's, and those that choose another login or provider.
const DIVERTING: &[&str] = &[
    "ANTHROPIC_",
    "CLAUDE_CODE_CUSTOM_OAUTH_",
    "CLAUDE_CODE_OAUTH_",
    "CLAUDE_CODE_PROXY_",
    "CLAUDE_CODE_USE_",
];

/// What a session with a subscription logs in with, and how it gets there.
pub struct SubscriptionLogin<'a> {
    /// The subscription's token.
    pub token: &'a str,
    /// The URL of the proxy that reaches the provider, with what it asks for.
    pub proxy: String,
    /// Certificates, as PEM, that the CLI is to trust beside the usual ones.
    pub certificates: Option<&'a str>,
}

/// The launch of the same session with a subscription's login in the place of the gateway.
///
/// # Errors
/// When the place of the login is none, which the tests exclude.
pub fn with_subscription(mut launch: Launch, login: &SubscriptionLogin<'_>) -> Result<Launch, InvalidPath> {
    launch.env.retain(|(name, _)| {
        let name = name.to_ascii_uppercase();
        !DIVERSIONS.contains(&name.as_str()) && !DIVERTING.iter().any(|start| name.starts_with(start))
    });
    let mut set = |name: &str, value: &str| launch.env.push((name.to_owned(), value.to_owned()));
    set("HTTPS_PROXY", &login.proxy);
    set("NO_PROXY", NOT_BY_THE_PROXY);
    if let Some(certificates) = login.certificates {
        launch.env.retain(|(name, _)| name != "NODE_EXTRA_CA_CERTS");
        let place = ("NODE_EXTRA_CA_CERTS".to_owned(), CERTIFICATES_FILE.to_owned());
        launch.env.push(place);
        launch
            .files
            .push(private_file(CERTIFICATES_FILE.parse()?, certificates));
    }
    let mut command = words(&["/bin/sh", "-c", TAKE_OVER, LOGIN_FILE]);
    launch.files.push(private_file(LOGIN_FILE.parse()?, login.token));
    command.append(&mut launch.command);
    launch.command = command;
    Ok(launch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(env: &[(&str, &str)]) -> Launch {
        Launch {
            files: Vec::new(),
            command: words(&["/usr/local/bin/claude", "--print"]),
            env: env
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            directory: "/home/user/project".parse().unwrap(),
            initial_input: Vec::new(),
        }
    }

    fn login(certificates: Option<&str>) -> SubscriptionLogin<'_> {
        SubscriptionLogin {
            token: "sk-ant-oat01-canary",
            proxy: "http://step:cc_step_1@127.0.0.1:4180".to_owned(),
            certificates,
        }
    }

    #[test]
    fn the_token_is_in_the_file_alone_and_the_gateway_nowhere() {
        let env = [
            ("ANTHROPIC_API_KEY", "cc_step_1"),
            ("ANTHROPIC_BASE_URL", "http://gateway"),
            ("DISABLE_AUTOUPDATER", "1"),
        ];
        let launch = with_subscription(launch(&env), &login(None)).unwrap();
        let env: Vec<_> = launch
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            env,
            [
                ("DISABLE_AUTOUPDATER", "1"),
                ("HTTPS_PROXY", "http://step:cc_step_1@127.0.0.1:4180"),
                ("NO_PROXY", "localhost,127.0.0.1,::1"),
            ]
        );
        assert!(!launch.command.concat().contains("canary"), "{:?}", launch.command);
        assert_eq!(launch.command[3..], [LOGIN_FILE, "/usr/local/bin/claude", "--print"]);
        let [file] = launch.files.as_slice() else {
            panic!("{:?}", launch.files)
        };
        assert_eq!((file.path.as_str(), file.mode), (LOGIN_FILE, 0o600));
        assert_eq!(file.contents, b"sk-ant-oat01-canary");
    }

    #[test]
    fn a_projects_variables_do_not_say_where_the_login_goes() {
        let env = [
            ("https_proxy", "http://evil"),
            ("All_Proxy", "socks5://evil"),
            ("no_proxy", "api.anthropic.com"),
            ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
            ("CLAUDE_CODE_CUSTOM_OAUTH_URL", "http://evil"),
            ("CLAUDE_CODE_PROXY_URL", "http://evil"),
            ("CLAUDE_CODE_USE_BEDROCK", "1"),
            ("NODE_EXTRA_CA_CERTS", "/home/user/own.pem"),
            ("CLAUDE_CODE_MAX_RETRIES", "3"),
        ];
        let names = |launch: Launch| {
            let names = launch.env.into_iter().map(|(name, _)| name);
            names.collect::<Vec<_>>()
        };
        let kept = with_subscription(launch(&env), &login(None)).unwrap();
        assert_eq!(
            names(kept),
            [
                "NODE_EXTRA_CA_CERTS",
                "CLAUDE_CODE_MAX_RETRIES",
                "HTTPS_PROXY",
                "NO_PROXY"
            ]
        );
        let trusted = with_subscription(launch(&env), &login(Some("-----BEGIN"))).unwrap();
        assert_eq!(trusted.files[0].contents, b"-----BEGIN");
        let place = ("NODE_EXTRA_CA_CERTS".to_owned(), CERTIFICATES_FILE.to_owned());
        assert_eq!(
            trusted
                .env
                .iter()
                .filter(|(name, _)| *name == place.0)
                .collect::<Vec<_>>(),
            [&place]
        );
    }
}
