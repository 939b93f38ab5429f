//! One entry of the file system, as clients see it.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use codecourier_e2b::filesystem::{EntryInfo, FileType};
use codecourier_e2b::format_timestamp;

use super::super::users::Names;
use super::error::PathError;
use super::metadata;

const PERMISSION_BITS: u32 = 0o777;
const SET_USER_ID: u32 = 0o4000;
const SET_GROUP_ID: u32 = 0o2000;
const STICKY: u32 = 0o1000;

/// Looks at a path. `shown` is how the caller knows it.
pub(crate) fn describe(path: &Path, shown: &Path, names: &Names) -> Result<EntryInfo, PathError> {
    let own = fs::symlink_metadata(path).map_err(|error| PathError::from_io(&error, "looking at", path))?;
    let is_symlink = own.file_type().is_symlink();
    // A broken link, or links in a circle: what it leads to is unknown, the link itself is not.
    let target = if is_symlink {
        fs::metadata(path).ok()
    } else {
        Some(own.clone())
    };
    let symlink_target = is_symlink.then(|| {
        let leads_to = fs::canonicalize(path).or_else(|_| fs::read_link(path));
        leads_to.map_or_else(|_| String::new(), |target| target.to_string_lossy().into_owned())
    });
    Ok(EntryInfo {
        name: shown
            .file_name()
            .map_or_else(|| "/".to_owned(), |name| name.to_string_lossy().into_owned()),
        kind: target.as_ref().map_or(FileType::Unspecified, kind),
        path: shown.to_string_lossy().into_owned(),
        size: i64::try_from(own.len()).unwrap_or(i64::MAX),
        mode: target.as_ref().unwrap_or(&own).mode() & PERMISSION_BITS,
        permissions: permissions(&own),
        owner: names.user(own.uid()),
        group: names.group(own.gid()),
        modified_time: format_timestamp(own.mtime(), u32::try_from(own.mtime_nsec()).unwrap_or(0)),
        symlink_target,
        metadata: if own.is_file() {
            metadata::read(path)
        } else {
            Default::default()
        },
        is_symlink,
    })
}

fn kind(metadata: &Metadata) -> FileType {
    if metadata.is_dir() {
        FileType::Directory
    } else if metadata.is_file() {
        FileType::File
    } else {
        FileType::Unspecified
    }
}

/// Go's way of writing a mode: letters for what it is and its special bits, then three times rwx.
fn permissions(metadata: &Metadata) -> String {
    let kind = metadata.file_type();
    let mode = metadata.mode();
    let letters = [
        (kind.is_dir(), 'd'),
        (kind.is_symlink(), 'L'),
        (kind.is_block_device() || kind.is_char_device(), 'D'),
        (kind.is_fifo(), 'p'),
        (kind.is_socket(), 'S'),
        (mode & SET_USER_ID != 0, 'u'),
        (mode & SET_GROUP_ID != 0, 'g'),
        (kind.is_char_device(), 'c'),
        (mode & STICKY != 0, 't'),
    ];
    let mut text: String = letters
        .iter()
        .filter(|(applies, _)| *applies)
        .map(|(_, letter)| letter)
        .collect();
    if text.is_empty() {
        text.push('-');
    }
    for (position, letter) in "rwxrwxrwx".chars().enumerate() {
        text.push(if mode & (0o400 >> position) != 0 { letter } else { '-' });
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn entries_are_described_in_the_words_of_the_protocol() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        fs::write(path("file"), b"12345").unwrap();
        fs::set_permissions(path("file"), PermissionsExt::from_mode(0o4640)).unwrap();
        fs::create_dir(path("dir")).unwrap();
        fs::set_permissions(path("dir"), PermissionsExt::from_mode(0o1755)).unwrap();
        symlink(path("dir"), path("link")).unwrap();
        symlink("nowhere", path("broken")).unwrap();
        symlink("circle", path("circle")).unwrap();
        let names = Names::default();
        let look = |name: &str| describe(&path(name), &path(name), &names).unwrap();

        let file = look("file");
        assert_eq!(
            (file.kind, file.size, file.mode, file.permissions.as_str()),
            (FileType::File, 5, 0o640, "urw-r-----")
        );
        assert!(!file.is_symlink && file.symlink_target.is_none());
        let dir = look("dir");
        assert_eq!(
            (dir.kind, dir.permissions.as_str()),
            (FileType::Directory, "dtrwxr-xr-x")
        );
        let link = look("link");
        assert_eq!(
            (link.kind, link.mode, link.permissions.as_str()),
            (FileType::Directory, 0o755, "Lrwxrwxrwx")
        );
        let real = fs::canonicalize(path("dir")).unwrap();
        assert_eq!(link.symlink_target.as_deref(), real.to_str());
        for name in ["broken", "circle"] {
            let broken = look(name);
            assert_eq!(broken.kind, FileType::Unspecified);
            assert!(broken.is_symlink);
        }
        let device = describe(Path::new("/dev/null"), Path::new("/dev/null"), &names).unwrap();
        assert_eq!(
            (device.kind, device.permissions.as_str()),
            (FileType::Unspecified, "Dcrw-rw-rw-")
        );
        assert_eq!(describe(Path::new("/"), Path::new("/"), &names).unwrap().name, "/");
    }
}
