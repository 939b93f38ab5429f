//! Making the bundle that a step's sandbox starts from.
//!
//! The head is written here and the pack by `git pack-objects`: unlike `git bundle create` this can give any commit the
//! branch's name, which a retried or forked step needs.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codecourier_domain::branch::BranchName;

use crate::commit::{CommitId, ObjectFormat};
use crate::error::Error;
use crate::lock::Bench;
use crate::mirror::Mirror;
use crate::spawn::{GitCommand, Input, Protocols};

/// How much of the past a sandbox gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// All of it.
    Full,
    /// So many commits along each line, for repositories whose past is larger than the work. The clone is shallow.
    Depth(NonZeroU32),
}

/// A bundle on this host. The file is removed with this value, and by the next start after a crash.
#[derive(Debug)]
pub struct StepBundle {
    path: PathBuf,
    branch: BranchName,
    commit: CommitId,
    shallow: Vec<CommitId>,
    _bench: Bench,
}

impl StepBundle {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The branch in it.
    #[must_use]
    pub fn branch(&self) -> &BranchName {
        &self.branch
    }

    /// Where the branch is.
    #[must_use]
    pub fn commit(&self) -> &CommitId {
        &self.commit
    }

    /// The commits whose parents are left out; empty unless the history was cut.
    #[must_use]
    pub fn shallow(&self) -> &[CommitId] {
        &self.shallow
    }
}

impl Mirror {
    /// A bundle of one branch at this commit with the history that leads to it.
    pub async fn bundle_for_step(
        &self,
        commit: &CommitId,
        branch: &BranchName,
        history: History,
    ) -> Result<StepBundle, Error> {
        let bench = self.bench("bundle")?;
        let path = bench.path().join("step.bundle");
        let file = OpenOptions::new()
            .create_new(true)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(Error::files("create", &path))?;
        let (packing, shallow) = match history {
            History::Full => (self.command(PACKING), Vec::new()),
            History::Depth(depth) => self.cut_history(commit, depth, bench.path()).await?,
        };
        if let Err(error) = write_bundle(packing, file, commit, branch, &path).await {
            return match self.commit_of(commit.as_str()).await? {
                Some(_) => Err(error),
                None => Err(Error::CommitMissing { commit: commit.clone() }),
            };
        }
        Ok(StepBundle {
            path,
            branch: branch.clone(),
            commit: commit.clone(),
            shallow,
            _bench: bench,
        })
    }

    /// A shallow copy beside the bundle to pack from, and where its history is cut.
    async fn cut_history(
        &self,
        commit: &CommitId,
        depth: NonZeroU32,
        place: &Path,
    ) -> Result<(GitCommand, Vec<CommitId>), Error> {
        let operation = "cut the history for a sandbox";
        let copy = place.join("shallow.git");
        self.git()
            .command(operation, place)
            .args(["init", "--quiet", "--bare", "--template="])
            .arg(format!("--object-format={}", commit.format().as_str()))
            .arg(&copy)
            .output()
            .await?;
        self.git()
            .command(operation, &copy)
            .protocols(Protocols::LocalFiles)
            .env("GIT_DIR", &copy)
            // Checked when they came into the mirror.
            .config("transfer.fsckObjects=false")
            .args([
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-auto-maintenance",
            ])
            .arg(format!("--depth={depth}"))
            .arg("--end-of-options")
            .arg(self.path())
            .arg(format!("{commit}:refs/heads/step"))
            .time_limit(Duration::from_secs(600))
            .output()
            .await?;
        let list = copy.join("shallow");
        let shallow = match std::fs::read_to_string(&list) {
            Ok(text) => text.lines().map(str::parse).collect::<Result<_, _>>(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => return Err(Error::files("read", list)(error)),
        };
        let shallow = shallow.map_err(|error| Error::unreadable(operation, error))?;
        Ok((self.git().command(PACKING, &copy).env("GIT_DIR", &copy), shallow))
    }
}

const PACKING: &str = "pack the history for a sandbox";

async fn write_bundle(
    packing: GitCommand,
    mut file: File,
    commit: &CommitId,
    branch: &BranchName,
    path: &Path,
) -> Result<(), Error> {
    let reference = branch.reference();
    let head = match commit.format() {
        ObjectFormat::Sha1 => format!("# v2 git bundle\n{commit} {reference}\n\n"),
        ObjectFormat::Sha256 => format!("# v3 git bundle\n@object-format=sha256\n{commit} {reference}\n\n"),
    };
    let written = file
        .write_all(head.as_bytes())
        .and_then(|()| file.seek(SeekFrom::End(0)));
    written.map_err(Error::files("write", path))?;
    packing
        .args(["pack-objects", "--quiet", "--revs", "--stdout", "--delta-base-offset"])
        .input(Input::Bytes(format!("{commit}\n").into_bytes()))
        .output_to(file)
        .time_limit(Duration::from_secs(600))
        .output()
        .await
        .map(drop)
}
