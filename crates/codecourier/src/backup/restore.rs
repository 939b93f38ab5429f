//! Reading a backup from end to end, and putting it into an empty data directory.
//!
//! Invariants: nothing is put anywhere before the whole backup was read and found whole; a data directory with a restore
//! in it that was interrupted is used by nothing but the next restore, which begins anew.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use codecourier_forge::References;
use codecourier_store::blobs::Blobs;
use codecourier_store::{StoreConfig, copy};

use super::manifest::{BackupFile, BlobList, FileName, Manifest};
use super::{BLOBS, Summary, damaged, in_the_way};
use crate::config::Config;
use crate::data_directory::{DataDirectory, RESTORING};
use crate::platform;
use crate::problem::Problem;

/// What a data directory may hold and count as empty.
const NO_DATA: [&str; 6] = [
    "lock",
    "config.toml",
    "master.key",
    "codecourier.log",
    "codecourier.log.1",
    RESTORING,
];
/// Room for the references of one repository.
const LONGEST_LIST: u64 = 512 << 20;

/// Reads a backup from end to end: every checksum, every row.
pub(crate) async fn check(backup: &Path) -> Result<Summary, Problem> {
    whole(backup).await.map(|manifest| manifest.summary())
}

/// Puts a backup into a data directory, and a database, with nothing in them.
pub(crate) async fn restore(config: &Config, backup: &Path) -> Result<Summary, Problem> {
    let manifest = whole(backup).await?;
    let directory = DataDirectory::at(&config.data_directory);
    directory.make()?;
    let _lock = directory.lock_to_restore("codecourier restore")?;
    prepare(&directory)?;

    let to = Blobs::open(directory.blobs()).await?;
    let from = Blobs::beside_its_owner(backup.join(BLOBS));
    for name in from.names().await? {
        from.copy_to(name, &to).await?;
    }
    let mirrors = platform::open_mirrors(config, &directory)?;
    for project in manifest.projects() {
        let references = references(&manifest, backup, project)?;
        let pack = match manifest.file(FileName::Pack(project)) {
            Some(file) => {
                let path = file.name.path(backup);
                Some(File::open(&path).map_err(|error| Problem::file("read", &path, &error))?)
            }
            None => None,
        };
        let restored = mirrors.restore(project, &references, pack).await;
        restored.map_err(|error| damaged(codecourier_engine::error::chain(&error)))?;
    }
    if manifest.file(FileName::MasterKey).is_some() {
        put_key(&FileName::MasterKey.path(backup), &directory.master_key())?;
    }
    // The rows come last: they are what makes a directory one with data.
    let rows = FileName::Database.path(backup);
    match config.store()? {
        StoreConfig::Sqlite { path } => {
            let unfinished = path.with_extension("db.restoring");
            copy::restore(
                &rows,
                &StoreConfig::Sqlite {
                    path: unfinished.clone(),
                },
            )
            .await?;
            fs::rename(&unfinished, &path).map_err(|error| Problem::file("finish", &path, &error))?;
        }
        to @ StoreConfig::Postgres { .. } => {
            copy::restore(&rows, &to).await?;
        }
    }
    sync(directory.path())?;
    let mark = directory.path().join(RESTORING);
    fs::remove_file(&mark).map_err(|error| Problem::file("remove", &mark, &error))?;
    sync(directory.path())?;
    Ok(manifest.summary())
}

/// The manifest of a backup that was found whole.
async fn whole(backup: &Path) -> Result<Manifest, Problem> {
    let manifest = Manifest::read(backup)?;
    for file in &manifest.files {
        let path = file.name.path(backup);
        let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Err(damaged(format!("{} is missing", file.name)));
        }
        if BackupFile::of(backup, file.name)? != *file {
            return Err(damaged(format!("{} is not what was written", file.name)));
        }
        if let FileName::Pack(project) = file.name
            && manifest.file(FileName::References(project)).is_none()
        {
            return Err(damaged(format!("{} belongs to no repository", file.name)));
        }
    }
    for project in manifest.projects() {
        references(&manifest, backup, project)?;
    }
    let blobs = Blobs::beside_its_owner(backup.join(BLOBS));
    let names = blobs.names().await?;
    let mut bytes = 0;
    for name in &names {
        let size = blobs.check(*name).await.map_err(damaged)?;
        bytes += size.unwrap_or_default();
    }
    if BlobList::of(&names, bytes) != manifest.blobs {
        return Err(damaged("long texts are missing, or there are others"));
    }
    let looked = copy::look_at(&FileName::Database.path(backup)).await;
    let looked = looked.map_err(|error| damaged(codecourier_engine::error::chain(&error)))?;
    if looked.rows != manifest.rows {
        return Err(damaged("its database has other rows than its manifest says"));
    }
    Ok(manifest)
}

fn references(
    manifest: &Manifest,
    backup: &Path,
    project: codecourier_domain::id::ProjectId,
) -> Result<References, Problem> {
    let name = FileName::References(project);
    let unreadable = |error: &dyn std::fmt::Display| damaged(format!("{name} cannot be read: {error}"));
    let mut text = Vec::new();
    let file = File::open(name.path(backup)).and_then(|file| file.take(LONGEST_LIST).read_to_end(&mut text));
    file.map_err(|error| unreadable(&error))?;
    let references: References = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
    if references.is_empty() == manifest.file(FileName::Pack(project)).is_some() {
        return Err(damaged(format!("{name} and its objects do not fit")));
    }
    Ok(references)
}

/// Makes sure that there is nothing to lose, and clears what an interrupted restore left.
fn prepare(directory: &DataDirectory) -> Result<(), Problem> {
    let path = directory.path();
    let mark = path.join(RESTORING);
    let mut others = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| Problem::file("list", path, &error))? {
        let entry = entry.map_err(|error| Problem::file("list", path, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !NO_DATA.contains(&name.as_str()) {
            others.push(name);
        }
    }
    others.sort();
    if mark.exists() {
        for left in [directory.blobs(), directory.mirrors()] {
            match fs::remove_dir_all(&left) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Problem::file("clear", &left, &error));
                }
                _ => {}
            }
        }
        let unfinished = directory.database().with_extension("db.restoring");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Problem::file("clear", &unfinished, &error));
            }
            _ => {}
        }
        // Between the last rename and the end of the mark everything was there.
        if directory.database().exists() {
            let database = directory.database();
            fs::remove_file(&database).map_err(|error| Problem::file("clear", &database, &error))?;
        }
        return Ok(());
    }
    if !others.is_empty() {
        return Err(in_the_way(format!(
            "The data directory {} is not empty: it has {}. A backup is restored over nothing.",
            path.display(),
            others.join(", ")
        ))
        .with_remedy("Name an empty directory with --data-dir, or move this one away."));
    }
    File::create(&mark)
        .and_then(|file| file.sync_all())
        .map_err(|error| Problem::file("make", &mark, &error))?;
    sync(path)
}

/// The key file, unless one is there.
fn put_key(from: &Path, to: &Path) -> Result<(), Problem> {
    let key = fs::read(from).map_err(|error| Problem::file("read", from, &error))?;
    if fs::read(to).is_ok_and(|present| present == key) {
        return Ok(());
    }
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let written = made.and_then(|mut file| file.write_all(&key).and_then(|()| file.sync_all()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            in_the_way(format!("{} is another key than the one in the backup.", to.display()))
                .with_remedy("Move it away: the secrets in the backup are sealed with the backup's own.")
        }
        _ => Problem::file("write", to, &error),
    })
}

fn sync(directory: &Path) -> Result<(), Problem> {
    let synced = File::open(directory).and_then(|file| file.sync_all());
    synced.map_err(|error| Problem::file("sync", directory, &error))
}
