//! Blobs: large or opaque content, named after its SHA-256, in a directory.
//!
//! The engine stores patches, journals and artifacts here and keeps their names in bodies. Invariants: a blob under its
//! name is whole (written aside, synced, then renamed); it is read with a bound and checked against its name; a name
//! is 64 hexadecimal digits by type, so that no text from outside can become a path; one that was written again is as new
//! as one that was written first, and is not removed for its age.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use codecourier_domain::time::Timestamp;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// The name of a blob: the SHA-256 of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobName([u8; 32]);

/// Text that is not the name of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a blob is 64 lower-case hexadecimal digits")]
pub struct InvalidBlobName;

impl BlobName {
    /// The name of this content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The name of what this gives to its end, and how much that is.
    pub fn of_reader(mut content: impl Read) -> io::Result<(Self, u64)> {
        let (mut hasher, mut size) = (Sha256::new(), 0);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => return Ok((Self(hasher.finalize().into()), size)),
                Ok(read) => {
                    size += read as u64;
                    hasher.update(&buffer[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl FromStr for BlobName {
    type Err = InvalidBlobName;

    fn from_str(text: &str) -> Result<Self, InvalidBlobName> {
        let mut bytes = [0; 32];
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        hex::decode_to_slice(text, &mut bytes)
            .ok()
            .filter(|()| lower)
            .map(|()| Self(bytes))
            .ok_or(InvalidBlobName)
    }
}

impl serde::Serialize for BlobName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for BlobName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A blob that was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBlob {
    /// Its name.
    pub name: BlobName,
    /// Its size in bytes.
    pub size: u64,
}

/// The directory. Cloning the handle is cheap.
#[derive(Debug, Clone)]
pub struct Blobs {
    directory: Arc<PathBuf>,
    /// Held where a blob gets its name and where it loses it for its age, so that what is written at that moment stays.
    naming: Arc<Mutex<()>>,
}

impl Blobs {
    /// Opens the directory, making it if need be, and removes what interrupted writes left.
    pub async fn open(directory: PathBuf) -> Result<Self> {
        let blobs = Self {
            directory: Arc::new(directory),
            naming: Arc::default(),
        };
        let opened = blobs.clone();
        blocking(move || opened.prepare()).await?;
        Ok(blobs)
    }

    /// The directory as another process has it: for reading, nothing in it is removed.
    #[must_use]
    pub fn beside_its_owner(directory: PathBuf) -> Self {
        Self {
            directory: Arc::new(directory),
            naming: Arc::default(),
        }
    }

    /// The names of all that is stored, in order. What is no blob is passed over.
    pub async fn names(&self) -> Result<Vec<BlobName>> {
        let blobs = self.clone();
        blocking(move || blobs.list()).await
    }

    /// Copies a blob into another directory, checked against its name first. Gives its size; `None` if it is gone.
    pub async fn copy_to(&self, name: BlobName, other: &Self) -> Result<Option<u64>> {
        let Some(size) = self.check(name).await? else {
            return Ok(None);
        };
        match other.put_file(&self.path(name), size).await {
            Ok(_) => Ok(Some(size)),
            // Removed by its owner since it was looked at.
            Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a blob from end to end and checks it against its name. Gives its size; `None` if there is none.
    pub async fn check(&self, name: BlobName) -> Result<Option<u64>> {
        let path = self.path(name);
        blocking(move || {
            let mut file = match fs::File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(file_error("open", &path)(source)),
            };
            let (found, size) = BlobName::of_reader(&mut file).map_err(file_error("read", &path))?;
            if found != name {
                return Err(Error::BlobDamaged { blob: name.to_string() });
            }
            Ok(Some(size))
        })
        .await
    }

    /// Stores bytes. Durable when it returns, also if they were stored before.
    pub async fn put(&self, content: Bytes) -> Result<StoredBlob> {
        let blobs = self.clone();
        blocking(move || blobs.write(&content[..], content.len() as u64)).await
    }

    /// Stores the content of a file of at most `limit` bytes.
    pub async fn put_file(&self, path: &Path, limit: u64) -> Result<StoredBlob> {
        let blobs = self.clone();
        let path = path.to_owned();
        blocking(move || {
            let file = fs::File::open(&path).map_err(file_error("open", &path))?;
            blobs.write(file, limit)
        })
        .await
    }

    /// Reads a blob of at most `limit` bytes; `None` if there is none of that name.
    pub async fn get(&self, name: BlobName, limit: u64) -> Result<Option<Bytes>> {
        let path = self.path(name);
        blocking(move || {
            let file = match fs::File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(source) => return Err(file_error("open", &path)(source)),
            };
            let mut content = Vec::new();
            file.take(limit.saturating_add(1))
                .read_to_end(&mut content)
                .map_err(file_error("read", &path))?;
            if content.len() as u64 > limit {
                return Err(Error::BlobTooLarge { limit });
            }
            if BlobName::of(&content) != name {
                return Err(Error::BlobDamaged { blob: name.to_string() });
            }
            Ok(Some(Bytes::from(content)))
        })
        .await
    }

    /// The size of a blob, if there is one of that name.
    pub async fn size(&self, name: BlobName) -> Result<Option<u64>> {
        let path = self.path(name);
        blocking(move || match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(file_error("look up", &path)(source)),
        })
        .await
    }

    /// Removes a blob, if it is there.
    pub async fn remove(&self, name: BlobName) -> Result<()> {
        let path = self.path(name);
        blocking(move || match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error("remove", &path)(error)),
            _ => Ok(()),
        })
        .await
    }

    /// The blobs of a shelf that nobody has written since a moment. There are 256 shelves.
    pub async fn untouched_since(&self, shelf: u8, before: Timestamp) -> Result<Vec<BlobName>> {
        let directory = self.directory.join(hex::encode([shelf]));
        blocking(move || {
            let entries = match fs::read_dir(&directory) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(source) => return Err(file_error("list", &directory)(source)),
            };
            let mut names = Vec::new();
            for entry in entries {
                let entry = entry.map_err(file_error("list", &directory))?;
                let rest = entry.file_name().into_string().unwrap_or_default();
                let Ok(name) = format!("{}{rest}", hex::encode([shelf])).parse() else {
                    continue;
                };
                if written_at(&entry.path())?.is_some_and(|at| at < before) {
                    names.push(name);
                }
            }
            Ok(names)
        })
        .await
    }

    /// Removes a blob unless somebody has written it since a moment. Gives whether it was removed.
    pub async fn remove_if_untouched_since(&self, name: BlobName, before: Timestamp) -> Result<bool> {
        let (path, naming) = (self.path(name), Arc::clone(&self.naming));
        blocking(move || {
            let _naming = naming.lock();
            if written_at(&path)?.is_none_or(|at| at >= before) {
                return Ok(false);
            }
            fs::remove_file(&path).map_err(file_error("remove", &path))?;
            Ok(true)
        })
        .await
    }

    /// Two digits make the directory, so that none grows too long.
    fn path(&self, name: BlobName) -> PathBuf {
        let text = name.to_string();
        self.directory.join(&text[..2]).join(&text[2..])
    }

    fn unfinished(&self) -> PathBuf {
        self.directory.join("unfinished")
    }

    fn prepare(&self) -> Result<()> {
        let unfinished = self.unfinished();
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(file_error("empty", &unfinished)(error));
            }
            _ => {}
        }
        fs::create_dir_all(&unfinished).map_err(file_error("create", &unfinished))
    }

    fn list(&self) -> Result<Vec<BlobName>> {
        let mut names = Vec::new();
        for parent in entries(&self.directory)? {
            let Some(head) = parent.to_str().filter(|head| head.len() == 2) else {
                continue;
            };
            for name in entries(&self.directory.join(head))? {
                names.extend(
                    name.to_str()
                        .and_then(|rest| format!("{head}{rest}").parse::<BlobName>().ok()),
                );
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn write(&self, mut content: impl Read, limit: u64) -> Result<StoredBlob> {
        let unfinished = self.unfinished();
        let mut file = tempfile::NamedTempFile::new_in(&unfinished).map_err(file_error("write in", &unfinished))?;
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 64 * 1024];
        let mut size = 0_u64;
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(file_error("read what goes to", &unfinished)(source)),
            };
            size += read as u64;
            if size > limit {
                return Err(Error::BlobTooLarge { limit });
            }
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read])
                .map_err(file_error("write in", &unfinished))?;
        }
        let name = BlobName(hasher.finalize().into());
        let path = self.path(name);
        let parent = path.parent().unwrap_or(&self.directory).to_owned();
        fs::create_dir_all(&parent).map_err(file_error("create", &parent))?;
        file.as_file().sync_all().map_err(file_error("sync", &path))?;
        {
            // Over one that is there: it is as new as this one then.
            let _naming = self.naming.lock();
            file.persist(&path)
                .map_err(|error| file_error("rename to", &path)(error.error))?;
        }
        // The name must be as durable as the content, and so must the directory that has it.
        for directory in [&parent, &*self.directory] {
            let synced = fs::File::open(directory).and_then(|directory| directory.sync_all());
            synced.map_err(file_error("sync", directory))?;
        }
        Ok(StoredBlob { name, size })
    }
}

/// When a blob was last written; `None` if it is not there.
fn written_at(path: &Path) -> Result<Option<Timestamp>> {
    match fs::metadata(path) {
        Ok(metadata) => {
            let seconds = std::os::unix::fs::MetadataExt::mtime(&metadata);
            let nanoseconds = std::os::unix::fs::MetadataExt::mtime_nsec(&metadata);
            Ok(Some(Timestamp(
                seconds.saturating_mul(1000).saturating_add(nanoseconds / 1_000_000),
            )))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error("look up", path)(source)),
    }
}

/// The names in a directory; none if it is missing or no directory.
fn entries(directory: &Path) -> Result<Vec<std::ffi::OsString>> {
    use io::ErrorKind::{NotADirectory, NotFound};
    let listed = match fs::read_dir(directory) {
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(Vec::new()),
        other => other.map_err(file_error("list", directory))?,
    };
    let names = listed.map(|entry| entry.map(|entry| entry.file_name()));
    names.collect::<io::Result<_>>().map_err(file_error("list", directory))
}

fn file_error(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.display().to_string();
    move |source| Error::File {
        operation,
        path,
        source,
    }
}

/// Runs file work where it may block. A panic there would be a bug of this module; it is passed on as such.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Error::Closed),
    }
}

#[cfg(test)]
mod tests;
