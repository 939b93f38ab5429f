//! What changed between two commits: for people (unified text, mail patches) and for machines (files, counts).

mod parse;

use codecourier_domain::branch::BranchName;
use serde::{Deserialize, Serialize};

use crate::commit::CommitId;
use crate::error::Error;
use crate::history::{self, CommitInfo};
use crate::mirror::Mirror;
use crate::spawn::{Cut, Finished, GitCommand};

pub(crate) use parse::parse_raw_and_numbers;

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileChange {
    /// Its path; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// Where it was before, if it was renamed or copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_path: Option<String>,
    /// What happened to it.
    pub status: FileStatus,
    /// Lines added; absent for a binary file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additions: Option<u64>,
    /// Lines removed; absent for a binary file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletions: Option<u64>,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// It is new.
    Added,
    /// Its content or its executable bit changed.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another path.
    Renamed,
    /// It was made from another that is still there.
    Copied,
    /// It became another kind of thing: a file a symbolic link, or the other way round.
    TypeChanged,
}

/// The sums of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diffstat {
    /// Files that differ.
    pub files: u64,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
}

impl Diffstat {
    /// The sums of these files.
    #[must_use]
    pub fn of(files: &[FileChange]) -> Self {
        Self {
            files: files.len() as u64,
            additions: files.iter().filter_map(|file| file.additions).sum(),
            deletions: files.iter().filter_map(|file| file.deletions).sum(),
        }
    }
}

/// The difference of two commits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diff {
    /// The files, by path.
    pub files: Vec<FileChange>,
    /// Their sums.
    pub diffstat: Diffstat,
    /// The text of `git diff`, binary files only named; bytes that are no UTF-8 are replaced.
    pub unified: String,
    /// The text is cut: it was longer than asked for.
    pub truncated: bool,
}

impl Diff {
    fn of(files: Vec<FileChange>, text: Finished) -> Result<Self, Error> {
        let truncated = text.cut == Cut::Cut;
        let bytes = text.success()?;
        Ok(Self {
            diffstat: Diffstat::of(&files),
            files,
            unified: String::from_utf8_lossy(&bytes).into_owned(),
            truncated,
        })
    }
}

/// A patch to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// What it is.
    pub format: PatchFormat,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// How a patch is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchFormat {
    /// A mailbox, one mail per commit: `git am`.
    Mailbox,
    /// One diff, since the history has merges and mails cannot say those: `git apply`.
    Diff,
}

/// The largest patch that is made.
const PATCH_LIMIT: u64 = 256 * 1024 * 1024;

impl Mirror {
    /// The files that differ.
    pub async fn files_changed(&self, base: &CommitId, tip: &CommitId) -> Result<Vec<FileChange>, Error> {
        files_changed(self.command(COMPARING), base, tip).await
    }

    /// The sums of the files that differ.
    pub async fn diffstat(&self, base: &CommitId, tip: &CommitId) -> Result<Diffstat, Error> {
        Ok(Diffstat::of(&self.files_changed(base, tip).await?))
    }

    /// Files and text; at most `limit` bytes of the text.
    pub async fn diff(&self, base: &CommitId, tip: &CommitId, limit: u64) -> Result<Diff, Error> {
        let text = self.text(base, tip, limit).finish();
        let (files, text) = tokio::try_join!(self.files_changed(base, tip), text)?;
        Diff::of(files, text)
    }

    /// The same of one file alone, by its path. One that was renamed is there as a new one.
    pub async fn diff_of_file(&self, base: &CommitId, tip: &CommitId, path: &str, limit: u64) -> Result<Diff, Error> {
        let text = self.text(base, tip, limit).args(["--", path]).finish();
        let (mut files, text) = tokio::try_join!(self.files_changed(base, tip), text)?;
        files.retain(|file| file.path == path);
        Diff::of(files, text)
    }

    fn text(&self, base: &CommitId, tip: &CommitId, limit: u64) -> GitCommand {
        self.command(COMPARING)
            .args([
                "diff-tree",
                "-r",
                "-p",
                "-M",
                "--no-color",
                "--no-ext-diff",
                "--no-textconv",
                "--end-of-options",
            ])
            .args([base.as_str(), tip.as_str()])
            .cut_output_at(limit)
    }

    /// The commits from `base` to `tip` as a patch, binary files included.
    pub async fn patch(&self, base: &CommitId, tip: &CommitId) -> Result<Patch, Error> {
        let operation = "make a patch";
        let merges = self
            .command(operation)
            .args(["rev-list", "--count", "--merges", tip.as_str()])
            .arg(format!("^{base}"))
            .output()
            .await?;
        let format = if merges.trim_ascii() == b"0" {
            PatchFormat::Mailbox
        } else {
            PatchFormat::Diff
        };
        let command = match format {
            PatchFormat::Mailbox => self
                .command(operation)
                .config("diff.noprefix=false")
                .args([
                    "format-patch",
                    "--stdout",
                    "--binary",
                    "--full-index",
                    "--no-signature",
                    "--no-color",
                ])
                .args(["--no-ext-diff", "--no-textconv", "--end-of-options"])
                .arg(format!("{base}..{tip}")),
            PatchFormat::Diff => self
                .command(operation)
                .args(["diff-tree", "-r", "-p", "--binary", "--full-index", "--no-color"])
                .args(["--no-ext-diff", "--no-textconv", "--end-of-options"])
                .args([base.as_str(), tip.as_str()]),
        };
        let bytes = command.output_limit(PATCH_LIMIT).output().await?;
        Ok(Patch { format, bytes })
    }

    /// The best commit that both descend from.
    pub async fn merge_base(&self, left: &CommitId, right: &CommitId) -> Result<Option<CommitId>, Error> {
        let operation = "find the common ancestor";
        let finished = self
            .command(operation)
            .args(["merge-base", left.as_str(), right.as_str()])
            .finish()
            .await?;
        match finished.status.code() {
            Some(0) => CommitId::from_output(&finished.output)
                .map(Some)
                .map_err(|error| Error::unreadable(operation, error)),
            Some(1) => Ok(None),
            _ => Err(finished.failed()),
        }
    }

    /// The commits from `base` (which is left out) to `tip`, oldest first, at most `count` of the newest.
    pub async fn log(&self, base: &CommitId, tip: &CommitId, count: usize) -> Result<Vec<CommitInfo>, Error> {
        let command = self.command("list the commits");
        history::commits(command, std::slice::from_ref(base), tip, count, 64 * 1024 * 1024).await
    }

    /// Paths of submodules at a commit. Their content is not part of a sandbox.
    pub async fn submodules(&self, commit: &CommitId) -> Result<Vec<String>, Error> {
        let output = self
            .command("look for submodules")
            .args([
                "ls-tree",
                "-r",
                "-z",
                "--full-tree",
                "--end-of-options",
                commit.as_str(),
            ])
            .output_limit(256 * 1024 * 1024)
            .output()
            .await?;
        let entries = output.split(|byte| *byte == 0);
        Ok(entries
            .filter(|entry| entry.starts_with(b"160000 "))
            .filter_map(|entry| entry.splitn(2, |byte| *byte == b'\t').nth(1))
            .map(|path| String::from_utf8_lossy(path).into_owned())
            .collect())
    }

    /// The content of a file at a commit, if it is there and not longer than `limit` bytes.
    pub async fn file(&self, commit: &CommitId, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let finished = self
            .command("read a file")
            .args(["cat-file", "blob", "--end-of-options"])
            .arg(format!("{commit}:{path}"))
            .output_limit(limit)
            .finish()
            .await?;
        Ok(finished.status.success().then_some(finished.output))
    }

    /// The diff of a run's branch from where it parted from the base.
    pub async fn branch_diffstat(&self, base: &CommitId, branch: &BranchName) -> Result<Diffstat, Error> {
        let tip = self.branch_tip(branch).await?;
        self.diffstat(base, &tip).await
    }
}

const COMPARING: &str = "compare two commits";

/// The files that differ, by a command prepared for the repository that has both commits.
pub(crate) async fn files_changed(
    command: GitCommand,
    base: &CommitId,
    tip: &CommitId,
) -> Result<Vec<FileChange>, Error> {
    let output = command
        .args([
            "diff-tree",
            "-r",
            "-z",
            "-M",
            "--raw",
            "--numstat",
            "--no-abbrev",
            "--no-ext-diff",
            "--no-textconv",
        ])
        .args(["--end-of-options", base.as_str(), tip.as_str()])
        .output_limit(64 * 1024 * 1024)
        .output()
        .await?;
    parse_raw_and_numbers(&output).ok_or_else(|| Error::unreadable(COMPARING, "a diff that is not one"))
}
