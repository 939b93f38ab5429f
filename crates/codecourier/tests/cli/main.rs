//! What the real binary does with bad input and bad luck: its exit code, what it says, and that it leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a test whose ground gives way ends there")]

mod backup;
mod client;
mod config;
mod demo;
mod doctor;
mod serve;
mod spawn;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use codecourier_domain::time::Timestamp;
use codecourier_store::lock::DataDirLock;
use codecourier_testkit::repository::RepositoryBuilder;
use tempfile::TempDir;

use spawn::{codecourier, codecourier_with};

const KEY: (&str, &str) = ("ANTHROPIC_API_KEY", "sk-ant-canary-0123456789");

/// A place with a data directory that is not there yet, a repository and a cassette.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let _repository = RepositoryBuilder::new()
            .file("README.md", "# Sample\n")
            .commit("Begin")
            .build(directory.path().join("repository"));
        std::fs::write(
            directory.path().join("cassette.json"),
            r#"{"codecourier_cassette": 1} {"lane": "designer#1", "say": "Nothing to do."}"#,
        )
        .unwrap();
        Self { directory }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn text(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, more: &[&str]) -> spawn::Ended {
        let (repository, cassette) = (self.text("repository"), self.text("cassette.json"));
        let mut arguments = vec!["run", "--repo", &repository, "--replay", &cassette];
        arguments.extend_from_slice(more);
        codecourier(&self.data(), &arguments)
    }
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let place = Place::new();
    let missing = place.text("missing");
    codecourier_with(&place.data(), &["run", "--repo", &missing, "do it"], &[KEY], "").refused(
        2,
        &[
            &format!("There is no directory `{missing}`"),
            "a Git URL such as",
            "REPOSITORY",
        ],
    );
    assert!(!place.data().exists(), "nothing was started");
}

#[test]
fn a_directory_that_is_no_repository_is_refused() {
    let place = Place::new();
    let plain = place.text("plain");
    std::fs::create_dir(&plain).unwrap();
    codecourier_with(&place.data(), &["run", "--repo", &plain, "do it"], &[KEY], "")
        .refused(2, &[&plain, "not a Git repository"]);
}

#[test]
fn a_url_that_git_must_not_be_given_is_refused() {
    let place = Place::new();
    for url in ["ext::sh -c touch% /tmp/owned", "https://user:secret@host/a.git"] {
        let ended = codecourier_with(&place.data(), &["run", "--repo", url, "do it"], &[KEY], "");
        assert_eq!(ended.code, 2, "{url}: {}", ended.stderr);
        assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    }
}

#[test]
fn an_empty_prompt_is_refused_from_wherever_it_comes() {
    let place = Place::new();
    place.run(&["  "]).refused(2, &["A run needs a prompt", "VALIDATION"]);
    let repository = place.text("repository");
    let arguments = ["run", "--repo", &repository, "-"];
    codecourier_with(&place.data(), &arguments, &[KEY], "\n").refused(2, &["A run needs a prompt"]);
    let ended = codecourier_with(&place.data(), &arguments, &[KEY], &"x".repeat(300_000));
    ended.refused(2, &["at most"]);
}

#[test]
fn values_out_of_range_are_refused_by_name() {
    let place = Place::new();
    place
        .run(&["--memory-mb", "1", "do it"])
        .refused(2, &["MemoryMb must be between 256 and 8192"]);
    place
        .run(&["--timeout", "5h", "do it"])
        .refused(2, &["TimeoutSeconds must be between 60 and 14400"]);
    place
        .run(&["--max-iterations", "11", "do it"])
        .refused(2, &["--max-iterations", "between 1 and 10"]);
    place.run(&["--budget", "free", "do it"]).refused(2, &["--budget"]);
    place
        .run(&["--base", "..", "do it"])
        .refused(2, &["--base", "cannot name a branch"]);
    place
        .run(&["--check", "a=x", "--check", "a=y", "do it"])
        .refused(2, &["Two checks are called `a`"]);
    place
        .run(&["--workflow", "single", "--max-iterations", "2", "do it"])
        .refused(2, &["belongs to the workflow designer-checker"]);
}

#[test]
fn a_workflow_that_is_none_is_refused_with_those_there_are() {
    let place = Place::new();
    place
        .run(&["--workflow", "wishful", "do it"])
        .refused(2, &["wishful", "single", "designer-checker"]);
}

#[test]
fn without_a_key_nothing_is_started() {
    let place = Place::new();
    let repository = place.text("repository");
    codecourier(&place.data(), &["run", "--repo", &repository, "do it"]).refused(
        4,
        &[
            "There is no key for the model",
            "ANTHROPIC_API_KEY",
            "codecourier demo",
            "PROVIDER_AUTH",
        ],
    );
    assert!(!place.data().exists(), "nothing was started");
}

#[test]
fn a_cassette_that_cannot_be_read_is_refused() {
    let place = Place::new();
    let (repository, missing, broken) = (
        place.text("repository"),
        place.text("missing.json"),
        place.text("broken.json"),
    );
    std::fs::write(&broken, "{\"codecourier_cassette\": 99}").unwrap();
    let replay = |cassette: &str| {
        codecourier(
            &place.data(),
            &["run", "--repo", &repository, "--replay", cassette, "do it"],
        )
    };
    replay(&missing).refused(2, &["missing.json", "CASSETTE_MISMATCH"]);
    replay(&broken).refused(2, &["broken.json", "format 99"]);
}

#[test]
fn a_recording_never_overwrites() {
    let place = Place::new();
    let (repository, cassette) = (place.text("repository"), place.text("cassette.json"));
    let arguments = ["run", "--repo", &repository, "--record", &cassette, "do it"];
    codecourier_with(&place.data(), &arguments, &[KEY], "").refused(2, &["is there already"]);
}

#[test]
fn a_branch_that_is_not_there_is_refused_before_a_run_exists() {
    let place = Place::new();
    place
        .run(&["--allow-degraded", "--base", "no-such-branch", "do it"])
        .refused(2, &["no-such-branch", "REPOSITORY"]);
    let listed = codecourier(&place.data(), &["runs", "--json"]);
    assert_eq!((listed.code, listed.stdout.as_str()), (0, ""));
}

#[test]
fn the_second_process_on_a_data_directory_is_told_who_has_it() {
    let place = Place::new();
    // Makes the database, so that reading has something to read.
    place.run(&["--allow-degraded", "--base", "no-such-branch", "do it"]);
    let held = DataDirLock::acquire(&place.data(), "codecourier serve", Timestamp(1_767_225_600_000)).unwrap();
    let pid = format!("process {}", std::process::id());
    place.run(&["do it"]).refused(
        4,
        &[
            "is in use by",
            &pid,
            "`codecourier serve`",
            "since 202",
            "--data-dir",
            "DATA_DIRECTORY_IN_USE",
        ],
    );
    assert_eq!(codecourier(&place.data(), &["runs"]).code, 0, "reading works meanwhile");
    // Nobody serves the control socket here, and that is said rather than waited for.
    codecourier(&place.data(), &["cancel", "01234567"]).refused(4, &["does not answer"]);
    drop(held);
    codecourier(&place.data(), &["cancel", "01234567"]).refused(2, &["There is no run `01234567`"]);
}

#[test]
fn the_data_directory_is_private_and_has_to_be() {
    let place = Place::new();
    place.run(&["--allow-degraded", "--base", "no-such-branch", "do it"]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&place.data()), 0o700);
    assert_eq!(mode(&place.data().join("codecourier.log")), 0o600);
    std::fs::set_permissions(place.data(), std::fs::Permissions::from_mode(0o777)).unwrap();
    place.run(&["do it"]).refused(4, &["Other users may write", "chmod"]);
}

#[test]
fn reading_verbs_say_when_there_is_nothing_to_read() {
    let place = Place::new();
    for verb in [
        &["runs"][..],
        &["show", "x"],
        &["logs", "x"],
        &["diff", "x"],
        &["patch", "x"],
        &["resume"],
        &["cancel", "x"],
    ] {
        codecourier(&place.data(), verb).refused(2, &["There are no runs in", "codecourier demo"]);
    }
    assert!(!place.data().exists(), "reading makes nothing");
}

#[test]
fn a_key_is_seen_and_never_shown() {
    let place = Place::new();
    let ended = codecourier_with(&place.data(), &["doctor"], &[KEY], "");
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(said.contains("present, from ANTHROPIC_API_KEY"), "{said}");
    assert!(!said.contains("canary"), "{said}");
    let json = codecourier_with(
        &place.data(),
        &["doctor", "--json"],
        &[KEY, ("CODECOURIER_LOG", "trace")],
        "",
    );
    assert!(!format!("{}{}", json.stdout, json.stderr).contains("canary"));
    for line in json.stdout.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn an_error_is_an_object_for_programs() {
    let place = Place::new();
    let ended = place.run(&["--json", " "]);
    let error: serde_json::Value = serde_json::from_str(ended.stdout.trim()).unwrap();
    assert_eq!(error["error"]["code"], "VALIDATION");
    assert_eq!(error["exitCode"], 2);
}

#[test]
fn a_bad_environment_is_told_before_anything_else() {
    let place = Place::new();
    let arguments = ["runs"];
    let with = |variable| codecourier_with(&place.data(), &arguments, &[variable], "");
    with(("ANTHROPIC_BASE_URL", "ftp://host")).refused(2, &["ANTHROPIC_BASE_URL"]);
    with(("CODECOURIER_LOG", "no=such=level")).refused(2, &["CODECOURIER_LOG"]);
}

#[test]
fn help_version_and_completions_are_data() {
    let place = Place::new();
    let help = codecourier(&place.data(), &["--help"]);
    assert!(help.code == 0 && help.stdout.contains("Exit codes:"), "{}", help.stderr);
    let version = codecourier(&place.data(), &["--version"]);
    assert!(
        version
            .stdout
            .starts_with(concat!("codecourier ", env!("CARGO_PKG_VERSION")))
    );
    let script = codecourier(&place.data(), &["completions", "bash"]);
    assert!(script.code == 0 && script.stdout.contains("codecourier"));
}
