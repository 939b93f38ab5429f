//! The key file: made at the first start, read at each, and given a newer key by a rotation.
//!
//! Used by the vault. Invariants: the file appears and changes as a whole or not at all, on the disk before anything is
//! sealed with it; nobody but its owner may read it; two servers that start together on one directory use the same key.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::VaultError;
use super::key_ring::{KeyRing, MasterKey};

/// The most bytes of a key file that are read.
const MAX_BYTES: u64 = 64 * 1024;
const PREAMBLE: &str = "# CodeCourier's master keys, one a line, the newest first. Whoever has this file and the \
                        database has every secret in it.\n# Back it up apart from the database: without it, no secret \
                        can be opened again.\n";

/// The keys in the file, which is made when there is none.
pub(super) fn load_or_make(path: &Path) -> Result<KeyRing, VaultError> {
    match load(path) {
        Err(VaultError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            make(path)?;
            load(path)
        }
        other => other,
    }
}

/// Puts a fresh key in front of those in the file. The old ones stay, and open what they sealed, until somebody who has
/// rotated everything takes them out.
pub fn renew(path: &Path) -> Result<KeyRing, VaultError> {
    let ring = load(path)?.with_newest(MasterKey::generate()?);
    let temporary = Temporary::write(path, &ring)?;
    fs::rename(&temporary.path, path).map_err(failed("replace", path))?;
    sync_directory(path)?;
    Ok(ring)
}

fn load(path: &Path) -> Result<KeyRing, VaultError> {
    let file = File::open(path).map_err(failed("open", path))?;
    let about = file.metadata().map_err(failed("look at", path))?;
    let mode = about.mode() & 0o777;
    let is_ours = about.uid() == rustix::process::geteuid().as_raw() || about.uid() == 0;
    if mode & 0o077 != 0 || !is_ours {
        return Err(VaultError::Permissions {
            path: path.display().to_string(),
            mode,
        });
    }
    // Room for all of it, so that no copy is left behind when it grows.
    let mut text = Zeroizing::new(String::with_capacity(
        usize::try_from(about.len().min(MAX_BYTES)).unwrap_or(0) + 1,
    ));
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(failed("read", path))?;
    KeyRing::read(&text, &format!("the key file `{}`", path.display()))
}

/// Makes the file with a fresh key, unless somebody else did meanwhile.
fn make(path: &Path) -> Result<(), VaultError> {
    let temporary = Temporary::write(path, &KeyRing::generate()?)?;
    match fs::hard_link(&temporary.path, path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(failed("make", path)(error)),
    }
    sync_directory(path)
}

/// A file beside the key file, gone when it is dropped unless it was renamed.
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    fn write(beside: &Path, ring: &KeyRing) -> Result<Self, VaultError> {
        let unique = hex::encode(*crate::random::os_bytes::<8>()?);
        let mut name = beside.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{unique}.new"));
        let path = beside.with_file_name(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed("make", beside))?;
        let temporary = Self { path };
        let wrote = file.write_all(PREAMBLE.as_bytes()).and_then(|()| {
            for key in ring.keys() {
                file.write_all(key.line().as_bytes())?;
                file.write_all(b"\n")?;
            }
            file.sync_all()
        });
        wrote.map_err(failed("write", beside))?;
        Ok(temporary)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed, it is gone already.
        drop(fs::remove_file(&self.path));
    }
}

fn sync_directory(path: &Path) -> Result<(), VaultError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))
        .and_then(|directory| directory.sync_all())
        .map_err(failed("keep", path))
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VaultError + use<> {
    let path = path.display().to_string();
    move |source| VaultError::File {
        operation,
        path,
        source,
    }
}
