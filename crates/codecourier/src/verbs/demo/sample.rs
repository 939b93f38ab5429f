//! The sample repository: made by the real Git with fixed names and dates, and merged into at the end.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use codecourier_domain::check::Requirement;
use codecourier_domain::failure::FailureClass;
use codecourier_engine::ErrorCode;
use codecourier_forge::Git;

use crate::config::Config;
use crate::exit::Exit;
use crate::problem::Problem;
use crate::spawn;
use crate::verbs::run::parse_check;

/// The files of its first commit.
const FILES: [(&str, &str); 4] = [
    (".gitignore", include_str!("../../../demo/repository/gitignore")),
    ("README.md", include_str!("../../../demo/repository/README.md")),
    ("duration.py", include_str!("../../../demo/repository/duration.py")),
    (
        "test_duration.py",
        include_str!("../../../demo/repository/test_duration.py"),
    ),
];

/// What the agents are asked to do.
pub(super) const TASK: &str = include_str!("../../../demo/task.md");
/// The check that CodeCourier runs itself.
pub(super) const CHECK: &str = "tests=python3 -m unittest -q";
/// The answers of the model.
const CASSETTE: &str = include_str!("../../../demo/cassette.json");

/// The same commit on every machine.
const FIXED: [(&str, &str); 8] = [
    ("GIT_AUTHOR_NAME", "CodeCourier Demo"),
    ("GIT_AUTHOR_EMAIL", "demo@codecourier.invalid"),
    ("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z"),
    ("GIT_COMMITTER_NAME", "CodeCourier Demo"),
    ("GIT_COMMITTER_EMAIL", "demo@codecourier.invalid"),
    ("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
];

/// A sample that was made.
pub(super) struct Sample {
    /// The repository.
    pub(super) repository: PathBuf,
    /// The cassette beside it.
    pub(super) cassette: PathBuf,
}

impl Sample {
    /// As the engine takes it.
    pub(super) fn of_engine(&self) -> codecourier_engine::runs::sample::Sample {
        codecourier_engine::runs::sample::Sample {
            repository: self.repository.clone(),
            cassette: self.cassette.clone(),
            task: TASK.trim().to_owned(),
            check: parse_check(CHECK, Requirement::Required),
        }
    }
}

/// Makes the repository and puts the cassette beside it.
pub(super) fn make(config: &Config, directory: &Path) -> Result<Sample, Problem> {
    let repository = directory.join("repository");
    std::fs::create_dir_all(&repository).map_err(|error| Problem::file("make", &repository, &error))?;
    for (name, content) in FILES {
        write(&repository.join(name), content)?;
    }
    let cassette = directory.join("cassette.json");
    write(&cassette, CASSETTE)?;
    git(config, &repository, &["init", "--quiet", "--initial-branch=main"])?;
    git(config, &repository, &["add", "--all"])?;
    let message = "Read hours, minutes and seconds\n\nOne test fails: an unknown unit is not refused yet.";
    git(config, &repository, &["commit", "--quiet", "--message", message])?;
    Ok(Sample { repository, cassette })
}

/// Merges the run's branch into `main`, as a person would.
pub(super) fn merge(config: &Config, repository: &Path, branch: &str) -> Result<(), Problem> {
    git(config, repository, &["merge", "--quiet", "--no-edit", branch]).map(drop)
}

/// The newest commits of `main`, one line each.
pub(super) fn history(config: &Config, repository: &Path) -> Result<String, Problem> {
    git(config, repository, &["log", "--oneline", "--no-decorate", "-5", "main"])
}

fn write(path: &Path, content: &str) -> Result<(), Problem> {
    std::fs::write(path, content)
        .and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(0o644)))
        .map_err(|error| Problem::file("write", path, &error))
}

fn git(config: &Config, repository: &Path, arguments: &[&str]) -> Result<String, Problem> {
    let program = Git::find(config.git())?;
    let ended = spawn::run(program.program(), arguments, repository, &config.search_path, &FIXED)
        .map_err(|error| Problem::file("start", program.program(), &error))?;
    if ended.is_success {
        return Ok(ended.stdout);
    }
    Err(Problem::new(
        Exit::Failed,
        ErrorCode::Classed(FailureClass::Repository),
        format!(
            "`git {}` failed in {}: {}",
            arguments.first().copied().unwrap_or_default(),
            repository.display(),
            ended.stderr.trim()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use codecourier_gateway::Cassette;

    use super::*;

    #[test]
    fn the_cassette_can_be_read_and_says_who_wrote_it() {
        let cassette = Cassette::parse("demo", CASSETTE.as_bytes()).unwrap();
        assert!(cassette.description().contains("written by the CodeCourier team"));
        let lanes: Vec<&str> = cassette
            .exchanges()
            .iter()
            .map(|exchange| exchange.lane.as_str())
            .collect();
        for lane in ["designer#1", "checker#1", "designer#2", "checker#2"] {
            assert!(lanes.contains(&lane), "{lane}");
        }
        assert!(cassette.exchanges().iter().all(|exchange| !exchange.is_recorded()));
    }

    #[test]
    fn the_repository_is_the_same_commit_every_time() {
        let config = Config::read(crate::config::Invocation {
            data_directory: Some("/nonexistent".into()),
            ..crate::config::Invocation::default()
        })
        .unwrap();
        let make_one = || {
            let directory = tempfile::tempdir().unwrap();
            let sample = make(&config, directory.path()).unwrap();
            git(&config, &sample.repository, &["rev-parse", "main"]).unwrap()
        };
        assert_eq!(make_one(), make_one());
    }
}
