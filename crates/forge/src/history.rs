//! Reading commits and what each of them changed, by one call of `git log`. For `diff` and `receive`.

use serde::{Deserialize, Serialize};

use crate::bundle::{RUN_TRAILER, STEP_TRAILER};
use crate::commit::CommitId;
use crate::error::Error;
use crate::spawn::GitCommand;

/// A commit as its maker wrote it. Names and subject are a stranger's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitInfo {
    /// Its name.
    pub id: CommitId,
    /// Its parents.
    pub parents: Vec<CommitId>,
    /// Author's name.
    pub author_name: String,
    /// Author's address.
    pub author_email: String,
    /// When it was written, in seconds since 1970, as its maker claims.
    pub authored_at: i64,
    /// Committer's name.
    pub committer_name: String,
    /// Committer's address.
    pub committer_email: String,
    /// When it was committed, in seconds since 1970, as its maker claims.
    pub committed_at: i64,
    /// The runs that its trailers name.
    pub runs: Vec<String>,
    /// The steps that its trailers name.
    pub steps: Vec<String>,
    /// The first line of its message.
    pub subject: String,
}

/// One entry of a tree that a commit changed against one of its parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeChange {
    pub(crate) old_mode: String,
    pub(crate) new_mode: String,
    /// The new object.
    pub(crate) object: String,
    pub(crate) path: Vec<u8>,
}

/// A commit with all it changed.
#[derive(Debug, Clone)]
pub(crate) struct CommitWithChanges {
    pub(crate) commit: CommitInfo,
    pub(crate) changes: Vec<TreeChange>,
}

/// Commits reachable from `tip` and from none of `without`, oldest first, at most `count` of the newest.
pub(crate) async fn commits(
    command: GitCommand,
    without: &[CommitId],
    tip: &CommitId,
    count: usize,
    output_limit: u64,
) -> Result<Vec<CommitInfo>, Error> {
    let output = log(command, without, tip, count)
        .arg("--no-patch")
        .arg("--")
        .output_limit(output_limit)
        .output()
        .await?;
    let read = parse(&output).ok_or_else(|| Error::unreadable("list the commits", "a log that is not one"))?;
    Ok(read.into_iter().map(|read| read.commit).collect())
}

/// The same with every entry that each of them changed, against each of its parents.
pub(crate) async fn commits_with_changes(
    command: GitCommand,
    without: &[CommitId],
    tip: &CommitId,
    count: usize,
    output_limit: u64,
) -> Result<Vec<CommitWithChanges>, Error> {
    let output = log(command, without, tip, count)
        .args(["--raw", "--no-abbrev", "--no-renames", "-m", "--root", "--"])
        .output_limit(output_limit)
        .output()
        .await?;
    parse(&output).ok_or_else(|| Error::unreadable("list the commits", "a log that is not one"))
}

fn log(command: GitCommand, without: &[CommitId], tip: &CommitId, count: usize) -> GitCommand {
    let fields = ["%H", "%P", "%an", "%ae", "%at", "%cn", "%ce", "%ct"].join("%n");
    let trailer = |key: &str| format!("%(trailers:key={key},valueonly,separator=%x20)");
    let format = format!(
        "tformat:{fields}%n{}%n{}%n%s",
        trailer(RUN_TRAILER),
        trailer(STEP_TRAILER)
    );
    command
        .args([
            "log",
            "-z",
            "--topo-order",
            "--reverse",
            "--no-show-signature",
            "--no-notes",
            "--no-mailmap",
        ])
        .args([
            "--no-decorate",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--encoding=UTF-8",
        ])
        .arg(format!("--format={format}"))
        .arg(format!("--max-count={count}"))
        .arg(tip.as_str())
        .args(without.iter().map(|commit| format!("^{commit}")))
}

/// Records end with NUL: a commit's lines, then pairs of a raw entry and its path. A commit begins with a digit of its
/// name and an entry with a colon, so neither can be taken for the other, whatever a path or a subject holds.
fn parse(output: &[u8]) -> Option<Vec<CommitWithChanges>> {
    let mut fields = output.split(|byte| *byte == 0);
    let mut commits: Vec<CommitWithChanges> = Vec::new();
    while let Some(field) = fields.next() {
        // Git puts a line end between a commit and its first entry.
        let field = field.strip_prefix(b"\n").unwrap_or(field);
        if field.is_empty() {
            continue;
        }
        if let Some(entry) = field.strip_prefix(b":") {
            let path = fields.next()?.to_vec();
            commits.last_mut()?.changes.push(parse_entry(entry, path)?);
            continue;
        }
        let commit = parse_commit(&String::from_utf8_lossy(field))?;
        // A merge is printed once for each parent.
        if commits.last().is_none_or(|last| last.commit.id != commit.id) {
            commits.push(CommitWithChanges {
                commit,
                changes: Vec::new(),
            });
        }
    }
    Some(commits)
}

fn parse_commit(text: &str) -> Option<CommitInfo> {
    let mut lines = text.split('\n');
    let mut next = || lines.next().map(str::to_owned);
    let words = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    Some(CommitInfo {
        id: next()?.parse().ok()?,
        parents: words(next()?)
            .iter()
            .map(|parent| parent.parse().ok())
            .collect::<Option<_>>()?,
        author_name: next()?,
        author_email: next()?,
        authored_at: next()?.parse().unwrap_or(0),
        committer_name: next()?,
        committer_email: next()?,
        committed_at: next()?.parse().unwrap_or(0),
        runs: words(next()?),
        steps: words(next()?),
        subject: next()?,
    })
}

/// `100644 100644 <old> <new> M` without the colon before it.
fn parse_entry(entry: &[u8], path: Vec<u8>) -> Option<TreeChange> {
    let text = std::str::from_utf8(entry).ok()?;
    let mut words = text.split(' ').map(str::to_owned);
    let (old_mode, new_mode, _old, object) = (words.next()?, words.next()?, words.next()?, words.next()?);
    Some(TreeChange {
        old_mode,
        new_mode,
        object,
        path,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_output_makes_it_panic(output in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&output);
        }
    }
}
