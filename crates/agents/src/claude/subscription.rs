//! A Claude subscription: a login that must not pass a gateway, handed to the unmodified CLI.
//!
//! Invariants: the token is in a file of the sandbox's memory until the CLI's process takes it over, and then in that
//! process alone; it is no argument and no part of what the sandbox is told to start; nothing of the gateway is left in
//! such a session, so that neither of the two can be used in the other's place.

use crate::common::{private_file, words};
use crate::launch::Launch;
use crate::path::SandboxPath;

/// Where the login waits for its process: on a file system in memory.
pub const LOGIN_FILE: &str = "/dev/shm/codecourier-login";
/// Takes the token over, removes the file, and becomes the CLI.
const TAKE_OVER: &str =
    r#"CLAUDE_CODE_OAUTH_TOKEN=$(cat "$0") && rm -f "$0" && export CLAUDE_CODE_OAUTH_TOKEN && exec "$@""#;

/// The launch of the same session with a subscription's login in the place of the gateway. `login` is [`LOGIN_FILE`].
#[must_use]
pub fn with_subscription(mut launch: Launch, login: SandboxPath, token: &str) -> Launch {
    let is_gateways = |name: &str| name.starts_with("ANTHROPIC_");
    launch.env.retain(|(name, _)| !is_gateways(name));
    let mut command = words(&["/bin/sh", "-c", TAKE_OVER, login.as_str()]);
    launch.files.push(private_file(login, token));
    command.append(&mut launch.command);
    launch.command = command;
    launch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_in_the_file_alone_and_the_gateway_nowhere() {
        let env = [
            ("ANTHROPIC_API_KEY", "cc_step_1"),
            ("ANTHROPIC_BASE_URL", "http://gateway"),
            ("DISABLE_AUTOUPDATER", "1"),
        ];
        let launch = Launch {
            files: Vec::new(),
            command: words(&["/usr/local/bin/claude", "--print"]),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            directory: "/home/user/project".parse().unwrap(),
            initial_input: Vec::new(),
        };
        let launch = with_subscription(launch, LOGIN_FILE.parse().unwrap(), "sk-ant-oat01-canary");
        assert_eq!(launch.env, [("DISABLE_AUTOUPDATER".to_owned(), "1".to_owned())]);
        assert!(!launch.command.concat().contains("canary"), "{:?}", launch.command);
        assert_eq!(launch.command[3..], [LOGIN_FILE, "/usr/local/bin/claude", "--print"]);
        let [file] = launch.files.as_slice() else {
            panic!("{:?}", launch.files)
        };
        assert_eq!((file.path.as_str(), file.mode), (LOGIN_FILE, 0o600));
        assert_eq!(file.contents, b"sk-ant-oat01-canary");
    }
}
