//! Finding where a run starts, and the branch that is its own.

use codecourier_domain::branch::BranchName;
use codecourier_domain::id::RunId;

use crate::commit::CommitId;
use crate::error::Error;
use crate::lock::Lock;
use crate::mirror::nearest::nearest;
use crate::mirror::{Mirror, Origin};
use crate::spawn::Input;

/// How many branches are looked through for a name.
const BRANCHES_LOOKED_AT: usize = 10_000;

/// The branch of a run and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunBranch {
    /// The branch.
    pub branch: BranchName,
    /// Where the run began.
    pub base: CommitId,
    /// Where the branch is now: at the base, or beyond it if the run has made commits already.
    pub tip: CommitId,
}

impl Mirror {
    /// The commit that a run starts from: that of the named branch (or tag), else of the source's default branch, else,
    /// for a local repository with a detached `HEAD`, of that.
    pub async fn resolve_base(&self, base: Option<&BranchName>) -> Result<CommitId, Error> {
        let Some(name) = base else {
            return match self.commit_of(self.origin.head()).await? {
                Some(commit) => Ok(commit),
                None => self.only_branch().await,
            };
        };
        let own = format!("refs/heads/{name}");
        let mut places = vec![
            format!("{}{name}", self.origin.branches()),
            format!("{}{name}", self.origin.tags()),
        ];
        if self.origin == Origin::Mirrored {
            // A run may build on the branch of another run.
            places.push(own);
        }
        for place in places {
            if let Some(commit) = self.commit_of(&place).await? {
                return Ok(commit);
            }
        }
        let names = self.branch_names(10_000).await?;
        Err(Error::BaseMissing {
            name: name.clone(),
            nearest: nearest(name.as_str(), &names, 5),
        })
    }

    /// The name of the source's default branch, if its `HEAD` names one.
    pub async fn default_branch(&self) -> Result<Option<BranchName>, Error> {
        let finished = self
            .command("read the default branch")
            .args(["symbolic-ref", "-q", self.origin.head()])
            .finish()
            .await?;
        let name = String::from_utf8_lossy(&finished.output).trim_end().to_owned();
        Ok(name
            .strip_prefix(self.origin.branches())
            .and_then(|name| name.parse().ok()))
    }

    /// Makes the branch of a run at its base. If the run has its branch already, that is returned as it is, however far
    /// the run has come; a branch of that name that is not the run's is [`Error::BranchExists`].
    pub async fn create_run_branch(
        &self,
        run: &RunId,
        base: &CommitId,
        branch: &BranchName,
    ) -> Result<RunBranch, Error> {
        let mark = base_mark(run);
        let reference = branch.reference();
        let lock = self.lock_references().await?;
        let tip = self.commit_of(&reference).await?;
        match (self.commit_of(&mark).await?, tip) {
            (Some(began), Some(tip)) if began == *base => {
                return Ok(RunBranch {
                    branch: branch.clone(),
                    base: began,
                    tip,
                });
            }
            (_, Some(at)) => {
                return Err(Error::BranchExists {
                    branch: branch.clone(),
                    at,
                });
            }
            (_, None) => {}
        }
        if self.commit_of(base.as_str()).await?.is_none() {
            return Err(Error::CommitMissing { commit: base.clone() });
        }
        // The mark first: killed in between, the next call finds a run without its branch, and makes it.
        self.set_reference(&mark, base, &lock).await?;
        self.update_reference(&reference, base, None, &lock).await?;
        Ok(RunBranch {
            branch: branch.clone(),
            base: base.clone(),
            tip: base.clone(),
        })
    }

    /// Where a run began, as noted when its branch was made.
    pub async fn run_base(&self, run: &RunId) -> Result<Option<CommitId>, Error> {
        self.commit_of(&base_mark(run)).await
    }

    /// Where a run's branch is.
    pub async fn branch_tip(&self, branch: &BranchName) -> Result<CommitId, Error> {
        let tip = self.commit_of(&branch.reference()).await?;
        tip.ok_or_else(|| Error::BranchMissing { branch: branch.clone() })
    }

    /// Puts a run's branch back to where a step begins: an attempt at the step that was taken over may have failed
    /// afterwards. What it brought stays in the mirror until Git collects it.
    pub async fn rewind_run_branch(&self, branch: &BranchName, to: &CommitId) -> Result<(), Error> {
        let reference = branch.reference();
        let lock = self.lock_references().await?;
        match self.commit_of(&reference).await? {
            Some(found) if found == *to => Ok(()),
            found => self.update_reference(&reference, to, found.as_ref(), &lock).await,
        }
    }

    /// Removes a run's branch and the mark of its base. A branch that moved on from `tip` stays.
    pub async fn delete_run_branch(&self, run: &RunId, branch: &BranchName, tip: &CommitId) -> Result<(), Error> {
        let lock = self.lock_references().await?;
        let operation = "delete the run's branch";
        let reference = branch.reference();
        match self.commit_of(&reference).await? {
            Some(found) if found != *tip => {
                return Err(Error::BranchMoved {
                    branch: branch.clone(),
                    expected: tip.clone(),
                    found: Some(found),
                });
            }
            Some(_) => {
                self.reference_command(operation, &lock)?
                    .args(["update-ref", "-d", &reference, tip.as_str()])
                    .output()
                    .await?;
            }
            None => {}
        }
        self.reference_command(operation, &lock)?
            .args(["update-ref", "-d", &base_mark(run)])
            .output()
            .await?;
        Ok(())
    }

    /// The commit that a full reference or a commit name leads to.
    pub(crate) async fn commit_of(&self, reference: &str) -> Result<Option<CommitId>, Error> {
        let finished = self
            .command("look up a commit")
            .args(["rev-parse", "--quiet", "--verify", "--end-of-options"])
            .arg(format!("{reference}^{{commit}}"))
            .finish()
            .await?;
        if finished.status.success() {
            let commit = CommitId::from_output(&finished.output);
            return commit
                .map(Some)
                .map_err(|error| Error::unreadable("look up a commit", error));
        }
        match finished.status.code() {
            Some(1 | 128) => Ok(None),
            _ => Err(finished.failed()),
        }
    }

    /// Moves a reference from a value (none: it must not exist) to another.
    pub(crate) async fn update_reference(
        &self,
        reference: &str,
        new: &CommitId,
        old: Option<&CommitId>,
        lock: &Lock,
    ) -> Result<(), Error> {
        let old = old.map_or_else(|| new.format().null_name(), ToString::to_string);
        self.reference_command("move a branch", lock)?
            .args([
                "update-ref",
                "--no-deref",
                "--end-of-options",
                reference,
                new.as_str(),
                &old,
            ])
            .output()
            .await
            .map(drop)
    }

    async fn set_reference(&self, reference: &str, new: &CommitId, lock: &Lock) -> Result<(), Error> {
        self.reference_command("note the run's base", lock)?
            .args(["update-ref", "--no-deref", "--end-of-options", reference, new.as_str()])
            .output()
            .await
            .map(drop)
    }

    fn reference_command(&self, operation: &'static str, lock: &Lock) -> Result<crate::spawn::GitCommand, Error> {
        let lent = lock.lend().map_err(Error::files("lend the lock of", self.path()))?;
        Ok(self.command(operation).input(Input::File(lent)))
    }

    /// The branches that a run may start from.
    pub(crate) async fn branch_names(&self, count: usize) -> Result<Vec<String>, Error> {
        self.names_in(self.origin.branches(), count).await
    }

    async fn names_in(&self, prefix: &str, count: usize) -> Result<Vec<String>, Error> {
        let output = self
            .command("list the branches")
            .args(["for-each-ref", "--format=%(refname)", "--sort=-committerdate"])
            .arg(format!("--count={count}"))
            .arg("--end-of-options")
            .arg(prefix)
            .output()
            .await?;
        let text = String::from_utf8_lossy(&output);
        Ok(text
            .lines()
            .filter_map(|line| line.strip_prefix(prefix))
            .map(str::to_owned)
            .collect())
    }

    /// The branches that a run may start from and that have a text in their name, whatever the case of its ASCII letters:
    /// those of the source by their newest commit, then those of other runs. At most `count`.
    pub async fn branches(&self, text: &str, count: usize) -> Result<Vec<String>, Error> {
        let mut places = vec![self.origin.branches()];
        if self.origin == Origin::Mirrored {
            places.push("refs/heads/");
        }
        let wanted = text.to_ascii_lowercase();
        let mut found: Vec<String> = Vec::new();
        for place in places {
            for name in self.names_in(place, BRANCHES_LOOKED_AT).await? {
                if name.to_ascii_lowercase().contains(&wanted) && !found.contains(&name) {
                    found.push(name);
                }
                if found.len() == count {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }

    /// What a run starts from when `HEAD` does not say: there may be only one answer.
    async fn only_branch(&self) -> Result<CommitId, Error> {
        let branches = self.branch_names(5).await?;
        let only = match branches.as_slice() {
            [] => {
                let source_name = "the project's repository".to_owned();
                return Err(Error::SourceEmpty { source_name });
            }
            [only] => self.commit_of(&format!("{}{only}", self.origin.branches())).await?,
            _ => None,
        };
        only.ok_or(Error::DefaultBranchUnknown { branches })
    }
}

fn base_mark(run: &RunId) -> String {
    format!("refs/codecourier/runs/{run}/base")
}
