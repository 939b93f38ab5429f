//! Takes files out of a package's archive (`.tgz`), after its checksum was compared with the pinned one.
//!
//! Invariants: nothing is written before the whole archive has the pinned checksum; only plain files and directories
//! below the chosen directory are written, never through a link and never over another file; what the archive says of
//! owners, times and special bits is ignored; the unpacked size is bounded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha512};
use tar::{Archive, EntryType};

use super::error::Error;
use super::spec::NpmPackage;

/// What to take from an archive, and where to put it. Paths in the archive are without the leading `package/`.
#[derive(Debug, Clone)]
pub(super) enum Take {
    /// One program.
    Program {
        /// Its path in the package.
        from: PathBuf,
        /// The file to make.
        to: PathBuf,
    },
    /// Everything.
    Package {
        /// The directory to put it in.
        to: PathBuf,
    },
}

/// No package we pin unpacks to more: a bound on what a hostile registry could make us write.
const LARGEST: u64 = 2 * 1024 * 1024 * 1024;

/// Compares the checksum of a downloaded archive with the pinned one.
pub(super) fn check_integrity(archive: &Path, package: &NpmPackage) -> Result<(), Error> {
    let read = |error| Error::host("read", archive, error);
    let mut file = File::open(archive).map_err(read)?;
    let mut hash = Sha512::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = file.read(&mut buffer).map_err(read)?;
        if length == 0 {
            break;
        }
        hash.update(&buffer[..length]);
    }
    let actual = format!("sha512-{}", STANDARD.encode(hash.finalize()));
    if actual == package.integrity {
        Ok(())
    } else {
        Err(Error::Integrity {
            package: package.to_string(),
            expected: package.integrity.clone(),
            actual,
        })
    }
}

/// Unpacks; `written` hears the bytes written so far. The caller has checked the integrity.
pub(super) fn unpack(
    archive: &Path,
    package: &NpmPackage,
    take: &Take,
    written: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let read = |error| Error::host("read", archive, error);
    let refuse = |path: &Path, reason| Error::UnsafeArchive {
        package: package.to_string(),
        path: path.display().to_string(),
        reason,
    };
    let file = File::open(archive).map_err(read)?;
    let mut archive = Archive::new(GzDecoder::new(io::BufReader::with_capacity(256 * 1024, file)));
    let mut total = 0;
    let mut taken = 0_u64;
    for entry in archive.entries().map_err(read)? {
        let mut entry = entry.map_err(read)?;
        let path = entry.path().map_err(read)?.into_owned();
        match entry.header().entry_type() {
            EntryType::Regular | EntryType::Continuous => {}
            EntryType::Directory | EntryType::XGlobalHeader => continue,
            _ => return Err(refuse(&path, "it is neither a file nor a directory")),
        }
        let Some(inside) = path_inside_package(&path) else {
            return Err(refuse(&path, "its path leads out of the package"));
        };
        total += entry.header().size().map_err(read)?;
        if total > LARGEST {
            return Err(refuse(&path, "the package unpacks to more than 2 GiB"));
        }
        let is_executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
        let (target, mode) = match take {
            Take::Program { from, to } if inside == *from => (to.clone(), 0o755),
            Take::Program { .. } => continue,
            Take::Package { to } => (to.join(&inside), if is_executable { 0o755 } else { 0o644 }),
        };
        write(&mut entry, &target, mode)?;
        taken += 1;
        written(total);
    }
    if taken == 0 {
        let wanted = match take {
            Take::Program { from, .. } => from.as_path(),
            Take::Package { .. } => Path::new("package"),
        };
        return Err(refuse(wanted, "it is not in the package"));
    }
    Ok(())
}

/// The path below the archive's one top directory (npm's is `package`), or nothing when it leads elsewhere.
fn path_inside_package(path: &Path) -> Option<PathBuf> {
    let mut components = path.components();
    if !matches!(components.next(), Some(Component::Normal(_))) {
        return None;
    }
    let inside = components.as_path();
    let is_plain = inside
        .components()
        .all(|component| matches!(component, Component::Normal(_)));
    (is_plain && inside != Path::new("")).then(|| inside.to_owned())
}

fn write(from: &mut dyn Read, target: &Path, mode: u32) -> Result<(), Error> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent).map_err(|error| Error::host("create", parent, error))?;
    }
    let wrote = |error| Error::host("write", target, error);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(target)
        .map_err(wrote)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let length = from.read(&mut buffer).map_err(wrote)?;
        if length == 0 {
            return Ok(());
        }
        io::Write::write_all(&mut file, &buffer[..length]).map_err(wrote)?;
    }
}

impl std::fmt::Display for NpmPackage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}@{}", self.name, self.version)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, Header};

    use super::*;

    fn package(integrity: &str) -> NpmPackage {
        NpmPackage {
            name: "thing".to_owned(),
            version: "1.0.0".to_owned(),
            integrity: integrity.to_owned(),
        }
    }

    /// An archive of raw entries: the builder of the `tar` crate would itself refuse the hostile ones.
    fn archive(directory: &Path, entries: &[(&str, EntryType, u32, &[u8])]) -> PathBuf {
        let path = directory.join("thing.tgz");
        let mut builder = Builder::new(GzEncoder::new(File::create(&path).unwrap(), Compression::fast()));
        for (name, kind, mode, data) in entries {
            let mut header = Header::new_ustar();
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_mode(*mode);
            header.set_size(data.len() as u64);
            if kind.is_symlink() || kind.is_hard_link() {
                header.set_link_name("/etc/passwd").unwrap();
            }
            header.set_cksum();
            builder.append(&header, *data).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap();
        path
    }

    fn unpack_all(entries: &[(&str, EntryType, u32, &[u8])]) -> (tempfile::TempDir, Result<(), Error>) {
        let directory = tempfile::tempdir().unwrap();
        let archive = archive(directory.path(), entries);
        let take = Take::Package {
            to: directory.path().join("out"),
        };
        let result = unpack(&archive, &package(""), &take, &mut |_| {});
        (directory, result)
    }

    #[test]
    fn files_are_written_with_plain_modes() {
        let (directory, result) = unpack_all(&[
            ("package/bin/run", EntryType::Regular, 0o4755, b"#!/bin/sh\n"),
            ("package/README", EntryType::Regular, 0o600, b"text"),
        ]);
        result.unwrap();
        let mode = |path: &str| {
            fs::metadata(directory.path().join("out").join(path))
                .unwrap()
                .permissions()
                .mode()
        };
        assert_eq!(mode("bin/run") & 0o7777, 0o755);
        assert_eq!(mode("README") & 0o7777, 0o644);
    }

    #[test]
    fn one_program_is_taken_and_the_rest_left() {
        let directory = tempfile::tempdir().unwrap();
        let archive = archive(
            directory.path(),
            &[
                ("package/README", EntryType::Regular, 0o644, b"text"),
                ("package/tool", EntryType::Regular, 0o644, b"program"),
            ],
        );
        let take = Take::Program {
            from: "tool".into(),
            to: directory.path().join("out/bin/tool"),
        };
        unpack(&archive, &package(""), &take, &mut |_| {}).unwrap();
        assert_eq!(fs::read(directory.path().join("out/bin/tool")).unwrap(), b"program");
        assert!(!directory.path().join("out/README").exists());
    }

    #[test]
    fn hostile_entries_are_refused_and_nothing_is_written_outside() {
        let hostile: [(&str, EntryType); 6] = [
            ("package/../../evil", EntryType::Regular),
            ("/evil", EntryType::Regular),
            ("../evil", EntryType::Regular),
            ("package/link", EntryType::Symlink),
            ("package/link", EntryType::Link),
            ("package/null", EntryType::Char),
        ];
        for (name, kind) in hostile {
            let (directory, result) = unpack_all(&[(name, kind, 0o644, b"")]);
            assert!(matches!(result, Err(Error::UnsafeArchive { .. })), "{name}: {result:?}");
            assert!(!directory.path().join("evil").exists());
        }
    }

    #[test]
    fn a_name_given_twice_does_not_overwrite_the_first() {
        let (directory, result) = unpack_all(&[
            ("package/a", EntryType::Regular, 0o644, b"first"),
            ("package/a", EntryType::Regular, 0o644, b"second"),
        ]);
        assert!(result.is_err());
        assert_eq!(fs::read(directory.path().join("out/a")).unwrap(), b"first");
    }

    #[test]
    fn a_missing_program_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let archive = archive(directory.path(), &[("package/a", EntryType::Regular, 0o644, b"")]);
        let take = Take::Program {
            from: "tool".into(),
            to: directory.path().join("tool"),
        };
        let error = unpack(&archive, &package(""), &take, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("tool: it is not in the package"), "{error}");
    }

    #[test]
    fn a_changed_archive_does_not_pass_the_check() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("thing.tgz");
        fs::write(&path, b"abc").unwrap();
        let right = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
        check_integrity(&path, &package(right)).unwrap();

        fs::write(&path, b"abd").unwrap();
        let error = check_integrity(&path, &package(right)).unwrap_err();
        assert!(matches!(error, Error::Integrity { .. }), "{error}");
    }
}
