//! What every process started here gets and how it ends, shown with scripts in the place of Git.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::*;
use crate::git::GitSettings;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn git(&self, script: &str) -> Git {
        let program = self.0.path().join("git");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Git::find(GitSettings {
            program: Some(program),
            environment: vec![
                ("SSH_AUTH_SOCK".to_owned(), "/run/agent".into()),
                ("ANTHROPIC_API_KEY".to_owned(), "secret".into()),
                ("GIT_DIR".to_owned(), "/elsewhere".into()),
            ],
            ..GitSettings::default()
        })
        .unwrap()
    }

    fn command(&self, script: &str) -> GitCommand {
        self.git(script).command("be tested", self.0.path())
    }
}

#[tokio::test]
async fn the_environment_is_empty_but_for_what_is_meant() {
    let place = Place::new();
    let output = place.command("/usr/bin/env").output().await.unwrap();
    let text = String::from_utf8(output).unwrap();
    let names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .collect();
    for name in [
        "GIT_DIR",
        "ANTHROPIC_API_KEY",
        "USER",
        "EDITOR",
        "XDG_CONFIG_HOME",
        "CARGO_MANIFEST_DIR",
    ] {
        assert!(!names.contains(&name), "{name} reached Git");
    }
    for line in [
        "GIT_CONFIG_NOSYSTEM=1",
        "GIT_CONFIG_GLOBAL=/dev/null",
        "GIT_TERMINAL_PROMPT=0",
        "GIT_ALLOW_PROTOCOL=",
        "SSH_AUTH_SOCK=/run/agent",
        "LC_ALL=C",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is missing in {text}");
    }
}

#[tokio::test]
async fn every_call_has_the_fixed_configuration() {
    let place = Place::new();
    let output = place
        .command("for word; do echo \"$word\"; done")
        .arg("status")
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output).unwrap();
    for entry in [
        "core.hooksPath=/dev/null",
        "core.fsmonitor=false",
        "protocol.ext.allow=never",
        "transfer.fsckObjects=true",
        "gc.auto=0",
        "credential.helper=",
    ] {
        assert!(text.lines().any(|word| word == entry), "{entry} is missing");
    }
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended() {
    let place = Place::new();
    let outcome = place
        .command("exec sleep 1000")
        .time_limit(Duration::from_millis(50))
        .output()
        .await;
    assert!(matches!(outcome, Err(Error::GitTimedOut { .. })), "{outcome:?}");
}

#[tokio::test]
async fn a_command_that_prints_too_much_is_ended() {
    let place = Place::new();
    let endless = "while :; do echo 0123456789; done";
    let outcome = place.command(endless).output_limit(1000).output().await;
    assert!(
        matches!(outcome, Err(Error::GitOutputTooLong { limit: 1000, .. })),
        "{outcome:?}"
    );
    let cut = place.command(endless).cut_output_at(1000).output().await.unwrap();
    assert_eq!(cut.len(), 1000);
}

#[tokio::test]
async fn what_it_complains_of_is_short_and_printable() {
    let place = Place::new();
    let script = "i=0; while [ $i -lt 5000 ]; do echo \"line $i\" >&2; i=$((i+1)); done\n\
                  printf 'hint: advice\\nfatal: it \\033[31mfailed\\n' >&2; exit 128";
    let error = place.command(script).output().await.unwrap_err().to_string();
    assert!(error.ends_with("fatal: it [31mfailed"), "{error}");
    assert!(
        error.len() < 700 && !error.contains('\u{1b}') && !error.contains("advice"),
        "{error}"
    );
}

#[tokio::test]
async fn no_transport_is_open_unless_it_is_named() {
    let place = Place::new();
    let git = Git::find(GitSettings::default()).unwrap();
    let list = |protocols| {
        git.command("be tested", place.0.path())
            .protocols(protocols)
            .args(["ls-remote", "--end-of-options", "/"])
            .output()
    };
    for protocols in [Protocols::None, Protocols::Network] {
        let error = list(protocols).await.unwrap_err().to_string();
        assert!(error.contains("transport 'file' not allowed"), "{error}");
    }
    let error = list(Protocols::LocalFiles).await.unwrap_err().to_string();
    assert!(error.contains("does not appear to be a git repository"), "{error}");
}

#[tokio::test]
async fn the_real_git_is_found_and_new_enough() {
    let git = Git::find(GitSettings::default()).unwrap();
    assert!(git.program().is_absolute());
    assert!(git.version().await.unwrap().starts_with("2."));
    let place = Place::new();
    let old = place.git("echo git version 2.20.1").version().await;
    assert!(matches!(old, Err(Error::GitTooOld { .. })), "{old:?}");
}

#[test]
fn a_git_that_is_not_there_or_relative_is_said_to_be_missing() {
    for program in ["/nowhere/git", "git", "./git"] {
        let found = Git::find(GitSettings {
            program: Some(program.into()),
            ..GitSettings::default()
        });
        assert!(matches!(found, Err(Error::GitMissing { .. })), "{program}");
    }
}
