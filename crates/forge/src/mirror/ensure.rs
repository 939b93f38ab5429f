//! Making a mirror, repairing it after a crash, and fetching from its source.
//!
//! Everything here happens under the project's lock. The lock is lent to the processes that write, so a fetch that
//! outlives a killed server is waited for, not raced.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codecourier_domain::id::ProjectId;

use crate::commit::{CommitId, Identity, ObjectFormat};
use crate::error::Error;
use crate::lock::{Lock, sync_directory};
use crate::mirror::{HOSTED_MARK, Mirror, Mirrors, Origin};
use crate::source::{Head, RemoteHead, Source, SourceState, classify_remote_failure, inspect_local, remote_head};
use crate::spawn::{GitCommand, Input, Protocols};

/// How long to wait for another process that fetches the same project.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// The longest fetch. A large project's first one takes minutes; a stalled one is ended earlier by the transport.
const FETCH_LIMIT: Duration = Duration::from_secs(60 * 60);

/// Broken in harmless ways that the history of old, well-known projects is full of, and that cannot be mended.
pub(super) const FORGIVEN: [&str; 7] = [
    "badTimezone",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
];

/// A source with its address for Git.
struct Address {
    source: Source,
    location: PathBuf,
    protocols: Protocols,
}

impl Mirrors {
    /// Makes the project's mirror if there is none, repairs it if a crash left it unfinished, and brings it up to date
    /// with its source. Repeating it is harmless; two calls at once wait for each other.
    pub async fn ensure(&self, project: ProjectId, source: &Source) -> Result<Mirror, Error> {
        // A source that cannot be used is told before anything is made.
        let (address, state) = match source {
            Source::Hosted => return self.ensure_hosted(project).await,
            Source::LocalPath(path) => {
                let state = inspect_local(&self.shared.git, path).await?;
                let location = state.root.clone().unwrap_or_else(|| path.clone());
                (self.address(source, location, Protocols::LocalFiles), state)
            }
            Source::Url(url) => {
                let address = self.address(source, PathBuf::from(url.as_str()), Protocols::Network);
                (address, SourceState::with_head(Head::Unknown))
            }
        };
        let lock = self.lock(project).await?;
        let directory = self.shared.directory.clone();
        let asking = self.source_command(&address, "ask the source for its default branch", &directory);
        let remote = remote_head(asking, &address.location, source).await?;
        let format = remote.commit.as_ref().map_or(ObjectFormat::Sha1, CommitId::format);
        let mut mirror = self.create_or_repair(project, Origin::Mirrored, format, &lock).await?;
        mirror.fetch(self, &address, &remote, &lock).await?;
        mirror.source_state = Some(std::sync::Arc::new(SourceState {
            head: remote.head,
            ..state
        }));
        Ok(mirror)
    }

    async fn ensure_hosted(&self, project: ProjectId) -> Result<Mirror, Error> {
        let lock = self.lock(project).await?;
        self.create_or_repair(project, Origin::Hosted, ObjectFormat::Sha1, &lock)
            .await
    }

    pub(super) async fn lock(&self, project: ProjectId) -> Result<Lock, Error> {
        let path = self.path(&project).with_extension("lock");
        Lock::acquire(&path, PATIENCE)
            .await
            .map_err(Error::files("lock", path))?
            .ok_or(Error::MirrorBusy {
                project,
                waited: PATIENCE,
            })
    }

    fn address(&self, source: &Source, location: PathBuf, protocols: Protocols) -> Address {
        Address {
            source: source.clone(),
            location,
            protocols,
        }
    }

    /// A command that talks to the source.
    fn source_command(&self, address: &Address, operation: &'static str, directory: &Path) -> GitCommand {
        let command = self
            .shared
            .git
            .command(operation, directory)
            .protocols(address.protocols);
        match address.protocols {
            // The other end is a process of its own that does not see this command's configuration.
            Protocols::LocalFiles => command
                .env("GIT_CONFIG_GLOBAL", &self.shared.local_source_configuration)
                .config("protocol.file.allow=always"),
            Protocols::Network | Protocols::None => command,
        }
    }

    async fn create_or_repair(
        &self,
        project: ProjectId,
        origin: Origin,
        format: ObjectFormat,
        lock: &Lock,
    ) -> Result<Mirror, Error> {
        let path = self.path(&project);
        let mirror = Mirror {
            shared: std::sync::Arc::clone(&self.shared),
            project,
            path: path.clone(),
            origin,
            source_state: None,
        };
        if path.exists() {
            let references = mirror.lock_references().await?;
            mirror.repair().await?;
            drop(references);
            mirror.mark_origin()?;
            return Ok(mirror);
        }
        let bench = mirror.bench("create")?;
        let unfinished = bench.path().join("repository.git");
        self.shared
            .git
            .command("create the project's repository", bench.path())
            .config("init.defaultBranch=main")
            .args(["init", "--quiet", "--bare", "--template="])
            .arg(format!("--object-format={}", format.as_str()))
            .arg("--end-of-options")
            .arg(&unfinished)
            .input(Input::File(
                lock.lend().map_err(Error::files("lend the lock of", &path))?,
            ))
            .output()
            .await?;
        fs::create_dir_all(unfinished.join("objects/pack")).map_err(Error::files("create", &unfinished))?;
        // One rename makes the mirror appear whole.
        fs::rename(&unfinished, &path).map_err(Error::files("move the new repository to", &path))?;
        sync_directory(&self.shared.directory).map_err(Error::files("sync", &self.shared.directory))?;
        mirror.mark_origin()?;
        Ok(mirror)
    }
}

impl Mirror {
    /// Gives an empty hosted project its first commit, so that a run has something to start from. A project that has a
    /// default branch already keeps it.
    pub async fn create_first_commit(&self, identity: &Identity, message: &str) -> Result<CommitId, Error> {
        let operation = "make the first commit";
        if let Some(commit) = self.commit_of(self.origin.head()).await? {
            return Ok(commit);
        }
        let lock = self.lock_references().await?;
        let tree = self
            .command(operation)
            .args(["hash-object", "-t", "tree", "-w", "--stdin"])
            .output()
            .await?;
        let tree = CommitId::from_output(&tree).map_err(|error| Error::unreadable(operation, error))?;
        let mut command = self
            .command(operation)
            .args(["commit-tree", tree.as_str(), "-m", message]);
        for (name, value) in identity.environment() {
            command = command.env(&name, value);
        }
        let commit =
            CommitId::from_output(&command.output().await?).map_err(|error| Error::unreadable(operation, error))?;
        let head = self.command(operation).args(["symbolic-ref", "HEAD"]).output().await?;
        let head = String::from_utf8_lossy(&head).trim_end().to_owned();
        self.update_reference(&head, &commit, None, &lock).await?;
        Ok(commit)
    }

    fn mark_origin(&self) -> Result<(), Error> {
        let mark = self.path.join(HOSTED_MARK);
        match self.origin {
            Origin::Hosted => fs::write(&mark, "").map_err(Error::files("write", &mark)),
            Origin::Mirrored => match fs::remove_file(&mark) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::files("remove", &mark)(error)),
                _ => Ok(()),
            },
        }
    }

    /// Removes what a killed Git left. Both locks are held, so whatever looks unfinished is.
    async fn repair(&self) -> Result<(), Error> {
        let is_whole = ["HEAD", "config"].iter().all(|name| self.path.join(name).is_file())
            && ["objects", "refs"].iter().all(|name| self.path.join(name).is_dir());
        if !is_whole {
            return Err(Error::MirrorDamaged {
                path: self.path.clone(),
                detail: "HEAD, config, objects or refs is missing".to_owned(),
            });
        }
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || remove_unfinished(&path))
            .await
            .map_err(io::Error::other)
            .and_then(|result| result)
            .map_err(Error::files("repair", &self.path))
    }

    async fn fetch(&self, mirrors: &Mirrors, address: &Address, remote: &RemoteHead, lock: &Lock) -> Result<(), Error> {
        let lend = || lock.lend().map_err(Error::files("lend the lock of", &self.path));
        let mut command = mirrors
            .source_command(address, "fetch the source", &self.path)
            .env("GIT_DIR", &self.path);
        for name in FORGIVEN {
            command = command.config(format!("fetch.fsck.{name}=ignore"));
        }
        command = command
            .args([
                "fetch",
                "--quiet",
                "--prune",
                "--no-tags",
                "--no-write-fetch-head",
                "--no-recurse-submodules",
            ])
            .args(["--no-auto-maintenance", "--no-show-forced-updates", "--end-of-options"])
            .arg(&address.location)
            .args(["+refs/heads/*:refs/source/heads/*", "+refs/tags/*:refs/source/tags/*"])
            .input(Input::File(lend()?))
            .time_limit(FETCH_LIMIT);
        if let Head::Detached(_) = remote.head {
            command = command.arg("HEAD");
        }
        let finished = command.finish().await?;
        if !finished.status.success() {
            return Err(classify_remote_failure(finished, &address.source));
        }
        let operation = "note the source's default branch";
        match &remote.head {
            Head::Branch(branch) => {
                let target = format!("refs/source/heads/{branch}");
                self.command(operation)
                    .args(["symbolic-ref", "refs/source/HEAD", &target])
                    .input(Input::File(lend()?))
                    .output()
                    .await?;
            }
            Head::Detached(commit) => {
                self.command(operation)
                    .args(["update-ref", "--no-deref", "refs/source/HEAD", commit.as_str()])
                    .input(Input::File(lend()?))
                    .output()
                    .await?;
            }
            Head::Unknown => {
                self.command(operation)
                    .args(["update-ref", "--no-deref", "-d", "refs/source/HEAD"])
                    .input(Input::File(lend()?))
                    .output()
                    .await?;
            }
        }
        if remote.commit.is_none() && self.branch_names(1).await?.is_empty() {
            return Err(Error::SourceEmpty {
                source_name: address.source.to_string(),
            });
        }
        Ok(())
    }
}

/// Lock files of references and of the repository, packs and objects that were being written.
fn remove_unfinished(repository: &Path) -> io::Result<()> {
    let is_lock = |name: &str| name.ends_with(".lock");
    let is_temporary = |name: &str| name.starts_with("tmp_") || name.starts_with(".tmp-");
    remove_matching(repository, 0, &is_lock)?;
    remove_matching(&repository.join("refs"), 64, &is_lock)?;
    remove_matching(&repository.join("objects"), 1, &is_temporary)
}

fn remove_matching(directory: &Path, depth: u32, matches: &dyn Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_directory = entry.file_type()?.is_dir();
        if is_directory && depth > 0 {
            remove_matching(&entry.path(), depth - 1, matches)?;
        } else if !is_directory && name.to_str().is_some_and(matches) {
            tracing::info!(path = %entry.path().display(), "removed what an interrupted git left");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
