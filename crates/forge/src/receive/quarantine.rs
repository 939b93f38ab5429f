//! A throw-away repository that borrows the mirror's objects. What a sandbox sent is unpacked here and leaves only by
//! [`Quarantine::release_into`].

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::bundle::{BundleHeader, MAX_HEADER_BYTES, parse_header};
use crate::commit::{CommitId, ObjectFormat};
use crate::error::Error;
use crate::git::Git;
use crate::lock::{Bench, sync_directory};
use crate::mirror::Mirror;
use crate::receive::Refusal;
use crate::receive::expectation::{Expectation, ReceiveLimits};
use crate::receive::objects::{self, ObjectSize};
use crate::receive::refusal::printable;
use crate::spawn::{GitCommand, Input};

pub(crate) struct Quarantine {
    git: Git,
    repository: PathBuf,
    bundle: File,
    header: BundleHeader,
    tip: CommitId,
    bench: Bench,
}

impl Quarantine {
    /// Reads the head of the bundle and makes an empty quarantine for the rest.
    pub(crate) fn open(mirror: &Mirror, bundle: &Path, expectation: &Expectation) -> Result<Self, Error> {
        let limits = &expectation.limits;
        let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK)
            .bits()
            .cast_signed();
        let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(bundle) {
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return Err(Refusal::NotAFile.into());
            }
            other => other.map_err(Error::files("open", bundle))?,
        };
        let metadata = file.metadata().map_err(Error::files("look at", bundle))?;
        if !metadata.is_file() {
            return Err(Refusal::NotAFile.into());
        }
        if metadata.len() > limits.bundle_bytes {
            let (bytes, limit) = (metadata.len(), limits.bundle_bytes);
            return Err(Refusal::TooLarge { bytes, limit }.into());
        }
        let mut head = Vec::new();
        let most = MAX_HEADER_BYTES as u64 + 64;
        Read::by_ref(&mut file)
            .take(most)
            .read_to_end(&mut head)
            .map_err(Error::files("read", bundle))?;
        let header = parse_header(&head).map_err(Refusal::Header)?;
        let tip = expected_tip(&header, expectation)?;
        if header.object_count > limits.objects {
            let (objects, limit) = (header.object_count, limits.objects);
            return Err(Refusal::TooManyObjects { objects, limit }.into());
        }
        let bench = mirror.bench("receive")?;
        let repository = bench.path().join("quarantine.git");
        make_repository(&repository, mirror.path(), header.format)
            .map_err(Error::files("make a quarantine at", &repository))?;
        Ok(Self {
            git: mirror.git().clone(),
            repository,
            bundle: file,
            header,
            tip,
            bench,
        })
    }

    pub(crate) fn command(&self, operation: &'static str) -> GitCommand {
        self.git
            .command(operation, self.bench.path())
            .env("GIT_DIR", &self.repository)
    }

    pub(crate) fn git(&self) -> &Git {
        &self.git
    }

    /// For files that only the checks need.
    pub(crate) fn place(&self) -> &Path {
        self.bench.path()
    }

    pub(crate) fn tip(&self) -> &CommitId {
        &self.tip
    }

    pub(crate) fn prerequisites(&self) -> &[CommitId] {
        &self.header.prerequisites
    }

    /// Unpacks under Git's strict checks and with bounded memory and time.
    pub(crate) async fn unpack(&mut self, limits: &ReceiveLimits) -> Result<(), Error> {
        if self.header.object_count == 0 {
            return Ok(());
        }
        let rewound = self
            .bundle
            .seek(SeekFrom::Start(self.header.pack_offset))
            .and_then(|_| self.bundle.try_clone());
        let pack = rewound.map_err(Error::files("read", "the bundle"))?;
        let outcome = self
            .command("unpack the step's commits")
            // What is kept is synced when it is released.
            .config("core.fsync=none")
            .config("pack.writeReverseIndex=false")
            .args(["index-pack", "--strict=badFilemode=error", "--fix-thin", "--stdin"])
            .arg(format!("--max-input-size={}", limits.bundle_bytes))
            .input(Input::Hostile(pack))
            .memory_limit(limits.unpack_memory_bytes)
            .time_limit(Duration::from_secs(limits.unpack_seconds))
            .output_limit(64 * 1024)
            .finish()
            .await;
        let finished = match outcome {
            Err(Error::GitTimedOut { .. }) => return Err(Refusal::TooCostly.into()),
            // Git prints what follows the pack.
            Err(Error::GitOutputTooLong { .. }) => return Err(Refusal::TrailingBytes.into()),
            other => other?,
        };
        if finished.detail.contains("junk at the end") {
            return Err(Refusal::TrailingBytes.into());
        }
        if !finished.status.success() {
            let is_out_of_memory = ["Out of memory", "out of memory", "mmap failed"]
                .iter()
                .any(|text| finished.detail.contains(text));
            return Err(match finished.status.code() {
                Some(_) if !is_out_of_memory => Refusal::Objects {
                    detail: finished.detail,
                },
                _ => Refusal::TooCostly,
            }
            .into());
        }
        let is_only_a_name = finished.output.len() == "pack\t\n".len() + self.header.format.name_bytes() * 2;
        if is_only_a_name && finished.output.starts_with(b"pack\t") {
            Ok(())
        } else {
            Err(Refusal::TrailingBytes.into())
        }
    }

    /// Holds every object against the limits, and the branch's against being a commit.
    pub(crate) async fn check_objects(&self, limits: &ReceiveLimits) -> Result<HashMap<String, ObjectSize>, Error> {
        let mut names = Vec::new();
        for path in self.packed("idx")? {
            let index = fs::read(&path).map_err(Error::files("read", &path))?;
            let listed = objects::names_in_index(&index, self.header.format);
            names.extend(
                listed.ok_or_else(|| Error::unreadable("unpack the step's commits", "an index that is not one"))?,
            );
        }
        // Known already, if the bundle brings nothing.
        names.push(self.tip.to_string());
        let sizes = match objects::sizes(self.command("read the sizes of the step's objects"), &names, limits).await {
            Err(Error::GitAnswerUnreadable { .. }) => return Err(self.not_a_commit("nothing,")),
            other => other?,
        };
        match sizes.get(self.tip.as_str()) {
            Some(tip) if tip.kind == "commit" => Ok(sizes),
            Some(tip) => Err(self.not_a_commit(&format!("the {}", tip.kind))),
            None => Err(self.not_a_commit("nothing,")),
        }
    }

    fn not_a_commit(&self, kind: &str) -> Error {
        Error::BundleRefused(Refusal::TipNotACommit {
            tip: self.tip.clone(),
            kind: kind.to_owned(),
        })
    }

    /// Moves the objects into the mirror. Their names are those of their content, so doing it twice is harmless; an index
    /// goes last, since it is what makes Git see a pack.
    pub(crate) async fn release_into(&self, mirror: &Mirror) -> Result<(), Error> {
        let objects = mirror.path().join("objects");
        let mut moves = self.loose()?;
        for ending in ["pack", "idx"] {
            moves.extend(self.packed(ending)?.into_iter().map(|path| {
                let target = Path::new("pack").join(path.file_name().unwrap_or_default());
                (path, target)
            }));
        }
        // The content at once, then the names.
        let mut syncs = JoinSet::new();
        for (from, _) in &moves {
            let from = from.clone();
            syncs.spawn_blocking(move || {
                File::open(&from)
                    .and_then(|file| file.sync_all())
                    .map_err(Error::files("sync", from))
            });
        }
        while let Some(synced) = syncs.join_next().await {
            synced.map_err(|error| Error::files("sync", &objects)(io::Error::other(error)))??;
        }
        let mut directories = BTreeSet::new();
        for (from, to) in moves {
            let target = objects.join(to);
            let directory = target.parent().unwrap_or(&objects).to_owned();
            fs::create_dir_all(&directory).map_err(Error::files("create", &directory))?;
            fs::rename(&from, &target).map_err(Error::files("move an object to", &target))?;
            directories.insert(directory);
        }
        for directory in directories {
            let path = directory.clone();
            tokio::task::spawn_blocking(move || sync_directory(&path))
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error)))
                .map_err(Error::files("sync", directory))?;
        }
        Ok(())
    }

    fn packed(&self, ending: &str) -> Result<Vec<PathBuf>, Error> {
        let packs = self.repository.join("objects/pack");
        let mut paths = entries(&packs)?;
        paths.retain(|path| path.extension().is_some_and(|end| end == ending));
        Ok(paths)
    }

    /// Objects that are not in a pack: the platform's own commit.
    fn loose(&self) -> Result<Vec<(PathBuf, PathBuf)>, Error> {
        let mut found = Vec::new();
        for directory in entries(&self.repository.join("objects"))? {
            let name = directory.file_name().unwrap_or_default().to_owned();
            if name.len() == 2 {
                let objects = entries(&directory)?;
                found.extend(objects.into_iter().map(|path| {
                    let target = Path::new(&name).join(path.file_name().unwrap_or_default());
                    (path, target)
                }));
            }
        }
        Ok(found)
    }
}

/// The commit of the one reference that may be there.
fn expected_tip(header: &BundleHeader, expectation: &Expectation) -> Result<CommitId, Refusal> {
    let project = expectation.base.format();
    if header.format != project {
        return Err(Refusal::WrongFormat {
            bundle: header.format,
            project,
        });
    }
    let wanted = expectation.branch.reference();
    if let Some((name, _)) = header.references.iter().find(|(name, _)| *name != wanted) {
        let name = printable(name.as_bytes());
        return Err(Refusal::UnexpectedReference { name });
    }
    match header.references.as_slice() {
        [(_, tip)] => Ok(tip.clone()),
        references => Err(Refusal::ReferenceCount {
            count: references.len(),
        }),
    }
}

/// What `git init --bare` makes, without starting it.
fn make_repository(repository: &Path, mirror: &Path, format: ObjectFormat) -> io::Result<()> {
    fs::create_dir_all(repository.join("objects/info"))?;
    fs::create_dir_all(repository.join("objects/pack"))?;
    fs::create_dir_all(repository.join("refs"))?;
    fs::write(repository.join("HEAD"), "ref: refs/heads/none\n")?;
    let config = match format {
        ObjectFormat::Sha1 => "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
        ObjectFormat::Sha256 => {
            "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
        }
    };
    fs::write(repository.join("config"), config)?;
    let mut alternate = mirror.join("objects").as_os_str().as_bytes().to_vec();
    alternate.push(b'\n');
    fs::write(repository.join("objects/info/alternates"), alternate)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let read = || {
        fs::read_dir(directory)?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()
    };
    read().map_err(Error::files("list", directory))
}
