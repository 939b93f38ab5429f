//! Taking a backup, also while a server works in the data directory.
//!
//! Invariant: the rows are of an earlier moment than the references and the blobs, so whatever a row names is there. A
//! repository may be ahead of the rows, as after a crash: a run puts its branch back when it goes on.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use codecourier_domain::time::Clock as _;
use codecourier_engine::clock::SystemClock;
use codecourier_engine::vault::MasterKeySource;
use codecourier_forge::Mirrors;
use codecourier_store::blobs::Blobs;
use codecourier_store::copy::Moment;

use super::manifest::{BackupFile, BlobList, FileName, Manifest};
use super::{BLOBS, MANIFEST, MasterKeys, REPOSITORIES, Summary, in_the_way};
use crate::config::Config;
use crate::data_directory::DataDirectory;
use crate::platform;
use crate::problem::Problem;
use crate::terminal::time;

/// In a backup that is being taken, and locked by whoever does it.
const UNFINISHED: &str = "unfinished";

/// Takes a backup into a directory that does not exist.
pub(crate) async fn take(config: &Config, to: &Path, keys: MasterKeys) -> Result<Summary, Problem> {
    let directory = DataDirectory::at(&config.data_directory);
    let keys = match keys {
        MasterKeys::Included => Some(key_file(config, &directory)?),
        MasterKeys::LeftOut => None,
    };
    let place = Place::make(to)?;
    let backup = place.path.as_path();
    let write = |name: FileName| create(&name.path(backup));

    let moment = Moment::of(&config.store()?).await?;
    let mirrors = platform::open_mirrors(config, &directory)?;
    let references = references(&mirrors).await?;
    let copied = moment.write_to(&FileName::Database.path(backup)).await?;
    let mut files = vec![BackupFile::of(backup, FileName::Database)?];
    for (project, mirror, references) in references {
        let text = serde_json::to_vec(&references).map_err(|error| Problem::internal("Writing the backup", &error))?;
        let name = FileName::References(project);
        keep(&name.path(backup), write(name)?, &text)?;
        files.push(BackupFile::of(backup, name)?);
        if !references.is_empty() {
            let name = FileName::Pack(project);
            let file = write(name)?;
            let path = name.path(backup);
            let pack = file
                .try_clone()
                .map_err(|error| Problem::file("write", &path, &error))?;
            mirror.pack(&references, pack).await?;
            file.sync_all().map_err(|error| Problem::file("write", &path, &error))?;
            files.push(BackupFile::of(backup, name)?);
        }
    }
    let blobs = copy_blobs(&directory, backup).await?;
    if let Some(keys) = keys {
        let path = FileName::MasterKey.path(backup);
        let text = fs::read(&keys).map_err(|error| Problem::file("read", &keys, &error))?;
        keep(&path, write(FileName::MasterKey)?, &text)?;
        files.push(BackupFile::of(backup, FileName::MasterKey)?);
    }
    let manifest = Manifest::new(time::rfc3339(SystemClock.now()), copied.rows, files, blobs);
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Problem::internal("Writing the backup", &error))?;
    let path = backup.join(MANIFEST);
    keep(&path, create(&path)?, &text)?;
    place.finish(to)?;
    Ok(manifest.summary())
}

type Repository = (
    codecourier_domain::id::ProjectId,
    codecourier_forge::Mirror,
    codecourier_forge::References,
);

async fn references(mirrors: &Mirrors) -> Result<Vec<Repository>, Problem> {
    let mut all = Vec::new();
    for project in mirrors.projects()? {
        let mirror = mirrors.get(project)?;
        let references = mirror.references().await?;
        all.push((project, mirror, references));
    }
    Ok(all)
}

async fn copy_blobs(directory: &DataDirectory, backup: &Path) -> Result<BlobList, Problem> {
    let from = Blobs::beside_its_owner(directory.blobs());
    let to = Blobs::open(backup.join(BLOBS)).await?;
    let (mut copied, mut bytes) = (Vec::new(), 0);
    for name in from.names().await? {
        // One that is gone was removed meanwhile, and whatever named it.
        if let Some(size) = from.copy_to(name, &to).await? {
            copied.push(name);
            bytes += size;
        }
    }
    Ok(BlobList::of(&copied, bytes))
}

fn key_file(config: &Config, directory: &DataDirectory) -> Result<PathBuf, Problem> {
    match config.master_keys(directory)? {
        MasterKeySource::File(path) => Ok(path),
        MasterKeySource::Text { .. } | MasterKeySource::Command(_) => Err(Problem::usage(
            "The master key is not kept in the data directory, so it cannot be put into the backup.",
        )
        .with_remedy("Leave --with-master-key out, and keep a copy of the key where it comes from.")),
    }
}

/// The directory while it is being filled: beside the one that it becomes.
struct Place {
    path: PathBuf,
    _lock: File,
}

impl Place {
    fn make(to: &Path) -> Result<Self, Problem> {
        let exists = |path: &Path| path.symlink_metadata().is_ok();
        if exists(to) {
            return Err(
                in_the_way(format!("{} exists. A backup is put over nothing.", to.display()))
                    .with_remedy("Name a directory that does not exist yet."),
            );
        }
        let Some(name) = to.file_name() else {
            return Err(Problem::usage(format!("{} is no name of a directory.", to.display())));
        };
        let mut name = name.to_owned();
        name.push(".unfinished");
        let path = to.with_file_name(name);
        if exists(&path) {
            clear(&path)?;
        }
        let make = |path: &Path| {
            let made = DirBuilder::new().mode(0o700).create(path);
            made.map_err(|error| Problem::file("make the directory", path, &error))
        };
        make(&path)?;
        let lock = path.join(UNFINISHED);
        let file = create(&lock)?;
        file.try_lock().map_err(|_| busy(&path))?;
        make(&path.join(REPOSITORIES))?;
        Ok(Self { path, _lock: file })
    }

    /// Gives it its name: from now on it is a backup.
    fn finish(self, to: &Path) -> Result<(), Problem> {
        let failed = |error| Problem::file("finish the backup in", to, &error);
        for directory in [self.path.join(REPOSITORIES), self.path.clone()] {
            sync(&directory).map_err(failed)?;
        }
        fs::remove_file(self.path.join(UNFINISHED)).map_err(failed)?;
        // Blobs makes it for itself.
        fs::remove_dir(self.path.join(BLOBS).join("unfinished")).map_err(failed)?;
        rustix::fs::renameat_with(
            rustix::fs::CWD,
            &self.path,
            rustix::fs::CWD,
            to,
            rustix::fs::RenameFlags::NOREPLACE,
        )
        .map_err(|error| failed(error.into()))?;
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync(parent.unwrap_or(Path::new("."))).map_err(failed)
    }
}

/// Removes what a backup left that was killed. Anything else stays.
fn clear(path: &Path) -> Result<(), Problem> {
    let lock = path.join(UNFINISHED);
    let Ok(file) = File::open(&lock) else {
        return Err(in_the_way(format!(
            "{} is in the way, and is no unfinished backup.",
            path.display()
        )));
    };
    file.try_lock().map_err(|_| busy(path))?;
    fs::remove_dir_all(path).map_err(|error| Problem::file("remove the unfinished backup", path, &error))
}

fn busy(path: &Path) -> Problem {
    in_the_way(format!("Another process takes a backup into {} now.", path.display()))
}

fn create(path: &Path) -> Result<File, Problem> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| Problem::file("make", path, &error))
}

fn keep(path: &Path, mut file: File, content: &[u8]) -> Result<(), Problem> {
    let kept = file.write_all(content).and_then(|()| file.sync_all());
    kept.map_err(|error| Problem::file("write", path, &error))
}

fn sync(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}
