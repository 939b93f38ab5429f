//! Looking at a repository of this machine before anything is fetched from it.
//!
//! Invariant: nothing that the repository configures is run (no hook, no file system monitor, no filter) and nothing in it
//! is written, so looking at somebody else's repository is safe.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::git::Git;
use crate::source::{DIRTY_FILES_SHOWN, Head, LocalRepository, SourceState, WorkTree};
use crate::spawn::GitCommand;

/// What is worth telling about the repository at a path, or the reason why it cannot be a source.
pub async fn inspect_local(git: &Git, path: &Path) -> Result<SourceState, Error> {
    let repository = locate(git, path).await?;
    let operation = "read the configuration of the source";
    let names = in_source(git, operation, repository.root())
        .args(["config", "--list", "--name-only", "-z"])
        .output()
        .await?;
    let names: Vec<String> = String::from_utf8_lossy(&names).split('\0').map(str::to_owned).collect();
    let is_promise = |name: &String| {
        name == "extensions.partialclone" || (name.starts_with("remote.") && name.ends_with(".promisor"))
    };
    if names.iter().any(is_promise) {
        return Err(Error::SourcePartial {
            source_name: format!("`{}`", path.display()),
        });
    }
    let dirty = match repository.work_tree {
        WorkTree::Present => changed_files(git, repository.root(), &names).await?,
        WorkTree::Bare => Vec::new(),
    };
    let head = head(git, repository.root()).await?;
    Ok(SourceState {
        root: Some(repository.root),
        head,
        dirty_count: dirty.len(),
        dirty_files: dirty.into_iter().take(DIRTY_FILES_SHOWN).collect(),
    })
}

/// The repository that a path is in.
pub(crate) async fn locate(git: &Git, path: &Path) -> Result<LocalRepository, Error> {
    let path = std::path::absolute(path).map_err(Error::files("resolve", path))?;
    if !path.is_dir() {
        return Err(Error::SourceMissing { path });
    }
    let finished = in_source(git, "look at the source", &path)
        .args(["rev-parse", "--path-format=absolute"])
        .args([
            "--git-dir",
            "--is-shallow-repository",
            "--is-inside-work-tree",
            "--show-toplevel",
        ])
        .finish()
        .await?;
    let text = String::from_utf8_lossy(&finished.output).into_owned();
    let mut lines = text.lines();
    // The last question fails where there is no work tree; the others have been answered by then.
    let (Some(git_directory), Some(shallow), Some(inside)) = (lines.next(), lines.next(), lines.next()) else {
        if finished.detail.contains("not a git repository") {
            return Err(Error::SourceNotRepository { path });
        }
        return Err(finished.failed());
    };
    if shallow == "true" {
        return Err(Error::SourceShallow {
            source_name: format!("`{}`", path.display()),
        });
    }
    match (inside, lines.next()) {
        ("true", Some(top)) => Ok(LocalRepository {
            root: PathBuf::from(top),
            work_tree: WorkTree::Present,
        }),
        _ => Ok(LocalRepository {
            root: PathBuf::from(git_directory),
            work_tree: WorkTree::Bare,
        }),
    }
}

/// A command in a repository that may belong to another user, as a path given on the command line may.
pub(crate) fn in_source(git: &Git, operation: &'static str, root: &Path) -> GitCommand {
    git.command(operation, root)
        .config("safe.directory=*")
        .config("safe.bareRepository=all")
}

async fn head(git: &Git, root: &Path) -> Result<Head, Error> {
    let operation = "read HEAD of the source";
    let symbolic = in_source(git, operation, root)
        .args(["symbolic-ref", "-q", "HEAD"])
        .finish()
        .await?;
    if symbolic.status.success() {
        let name = String::from_utf8_lossy(&symbolic.output).trim_end().to_owned();
        let branch = name.strip_prefix("refs/heads/").and_then(|name| name.parse().ok());
        return Ok(branch.map_or(Head::Unknown, Head::Branch));
    }
    let commit = in_source(git, operation, root)
        .args(["rev-parse", "-q", "--verify", "HEAD^{commit}"])
        .finish()
        .await?;
    Ok(crate::commit::CommitId::from_output(&commit.output).map_or(Head::Unknown, Head::Detached))
}

async fn changed_files(git: &Git, root: &Path, configured: &[String]) -> Result<Vec<String>, Error> {
    let mut command = in_source(git, "look for uncommitted changes", root).time_limit(Duration::from_secs(60));
    // A filter is a program named by the repository; an empty one is none.
    for name in configured {
        let Some(rest) = name.strip_prefix("filter.") else {
            continue;
        };
        let Some((driver, _)) = rest.rsplit_once('.') else {
            continue;
        };
        for entry in ["clean=", "smudge=", "process=", "required=false"] {
            command = command.config(format!("filter.{driver}.{entry}"));
        }
    }
    let output = command
        .args(["status", "--porcelain=v1", "-z", "--no-renames"])
        .args(["--untracked-files=normal", "--ignore-submodules=dirty"])
        .output()
        .await?;
    let entries = output.split(|byte| *byte == 0);
    Ok(entries
        .filter_map(|entry| entry.get(3..))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect())
}
