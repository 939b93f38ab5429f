//! Looking around below a root: a page of a directory, the beginning of a file.
//!
//! For people who look at what an agent does. The agent makes the links, and may exchange anything for anything at any
//! time, so it is the kernel that keeps a path below its root while it resolves it: nothing is checked first and opened
//! afterwards. Invariants: the root's own path has no link in it; a link is followed only to something below the root;
//! what is read is a regular file, and opening it waits for nobody; a page is bounded.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use codecourier_e2b::extension::{BeneathEntry, BeneathKind, BeneathPage, HEADER_FILE_BYTES, HEADER_FILE_MODIFIED};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{Response, StatusCode};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, open, openat2, readlinkat, statat};
use rustix::io::Errno;

use super::super::server::{Body, HttpRefusal, Query, json_response};
use super::download::FileReader;
use super::error::{PathError, PathErrorKind};

/// A directory with more entries is refused: their names are held in memory to be sorted.
const ENTRIES_LIMIT: usize = 100_000;
/// Entries of one page.
const PAGE_LIMIT: usize = 1_000;
/// Others get a turn after this many.
const ENTRIES_PER_TURN: usize = 128;
/// How often a path is resolved anew when something on its way was renamed meanwhile.
const ATTEMPTS: u32 = 8;

/// Answers with a page of a directory.
pub(crate) async fn list_beneath(query: &Query) -> Result<Response<Body>, HttpRefusal> {
    let below = Below::of(query)?;
    let limit = number(query, "limit")?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).clamp(1, PAGE_LIMIT);
    let after = match query.get("after") {
        Some(text) => {
            Some(Place::read(text).ok_or_else(|| HttpRefusal::bad_request("after is no place in a directory"))?)
        }
        None => None,
    };
    let directory = below.open(&below.path, OFlags::RDONLY | OFlags::DIRECTORY)?;
    let mut places = places(&directory, &below.path, after.as_ref()).await?;
    places.sort_unstable();
    let more = places.len() > limit;
    places.truncate(limit);
    let mut entries = Vec::with_capacity(places.len());
    for place in &places {
        // One that is gone since its name was read is left out.
        entries.extend(below.describe(&directory, OsStr::from_bytes(&place.name)));
        if entries.len().is_multiple_of(ENTRIES_PER_TURN) {
            tokio::task::yield_now().await;
        }
    }
    let next = places.last().filter(|_| more).map(Place::written);
    Ok(json_response(StatusCode::OK, &BeneathPage { entries, next }))
}

/// Answers with the beginning of a file.
pub(crate) fn read_beneath(query: &Query) -> Result<Response<Body>, HttpRefusal> {
    let below = Below::of(query)?;
    let limit = number(query, "limit")?;
    // Without waiting for the other side of a pipe.
    let file = below.open(&below.path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
    let stat = fstat(&file).map_err(|error| failed(error, "looking at", &below.path))?;
    let what = match kind(&stat) {
        BeneathKind::File => None,
        BeneathKind::Directory => Some("is a directory"),
        BeneathKind::Link | BeneathKind::Other => Some("is not a regular file"),
    };
    if let Some(what) = what {
        return Err(HttpRefusal::bad_request(format!(
            "path '{}' {what}",
            below.path.display()
        )));
    }
    let length = u64::try_from(stat.st_size).unwrap_or(0);
    let given = length.min(limit);
    let body = match given {
        0 => Body::empty(),
        given => Body::File(FileReader::beginning(File::from(file), given)),
    };
    let response = Response::builder()
        .header(CONTENT_TYPE, "application/octet-stream")
        .header(CONTENT_LENGTH, given)
        .header(HEADER_FILE_BYTES, length)
        .header(HEADER_FILE_MODIFIED, modified_ms(&stat))
        .body(body);
    response.map_err(|_| HttpRefusal::internal("no response"))
}

fn number(query: &Query, name: &str) -> Result<u64, HttpRefusal> {
    let given = query.get(name).and_then(|text| text.parse().ok());
    given.ok_or_else(|| HttpRefusal::bad_request(format!("{name} is a number")))
}

/// A path below a root.
struct Below {
    root: OwnedFd,
    path: PathBuf,
}

impl Below {
    fn of(query: &Query) -> Result<Self, HttpRefusal> {
        let root = query.get("root").and_then(|root| root.strip_prefix('/'));
        let root = root.ok_or_else(|| HttpRefusal::bad_request("root is an absolute path"))?;
        let path = query.get("path").filter(|path| !path.is_empty()).unwrap_or(".");
        let shown = Path::new("/").join(root);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = open("/", flags, Mode::empty())
            .and_then(|top| openat2(top, root, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS));
        Ok(Self {
            root: opened.map_err(|error| failed(error, "opening", &shown))?,
            path: path.into(),
        })
    }

    /// Opens something below the root, whatever happens to the directories on the way.
    fn open(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, PathError> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut attempt = 1;
        loop {
            match openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
                // The kernel cannot tell, as something on the way is being moved.
                Err(Errno::AGAIN) if attempt < ATTEMPTS => attempt += 1,
                opened => return opened.map_err(|error| failed(error, "opening", path)),
            }
        }
    }

    /// Looks at an entry itself, not at what it may lead to.
    fn describe(&self, directory: &OwnedFd, name: &OsStr) -> Option<BeneathEntry> {
        let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        let kind = kind(&stat);
        let target = (kind == BeneathKind::Link).then(|| {
            let written = readlinkat(directory, name, Vec::new()).unwrap_or_default();
            written.to_string_lossy().into_owned()
        });
        Some(BeneathEntry {
            name: name.to_string_lossy().into_owned(),
            kind,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_ms: modified_ms(&stat),
            leads_to: target.as_ref().and_then(|_| self.leads_to(name)),
            target,
        })
    }

    /// What a link leads to, if that is below the root.
    fn leads_to(&self, name: &OsStr) -> Option<BeneathKind> {
        let opened = self.open(&self.path.join(name), OFlags::PATH).ok()?;
        Some(kind(&fstat(opened).ok()?))
    }
}

/// Where an entry stands in its directory: directories first, then by name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    group: Group,
    name: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Directories,
    Others,
}

impl Place {
    /// As clients carry it: a letter for the group, then the name's bytes in hexadecimal digits, since it may be no text.
    fn written(&self) -> String {
        use std::fmt::Write as _;
        let letter = match self.group {
            Group::Directories => 'd',
            Group::Others => 'o',
        };
        self.name.iter().fold(letter.to_string(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    fn read(text: &str) -> Option<Self> {
        let (group, digits) = match text.split_at_checked(1)? {
            ("d", digits) => (Group::Directories, digits),
            ("o", digits) => (Group::Others, digits),
            _ => return None,
        };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
        let bytes = digits.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
            _ => None,
        });
        Some(Self {
            group,
            name: bytes.collect::<Option<_>>()?,
        })
    }
}

/// The places of a directory after one, in no order.
async fn places(directory: &OwnedFd, path: &Path, after: Option<&Place>) -> Result<Vec<Place>, PathError> {
    let reading = |error: Errno| failed(error, "listing", path);
    let mut found = Vec::new();
    let mut read = 0_usize;
    for entry in Dir::read_from(directory).map_err(reading)? {
        let entry = entry.map_err(reading)?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        read += 1;
        if read > ENTRIES_LIMIT {
            let message = format!("more than {ENTRIES_LIMIT} entries in '{}'", path.display());
            return Err(PathError::new(PathErrorKind::Exhausted, message));
        }
        let is_directory = match entry.file_type() {
            FileType::Directory => true,
            FileType::Unknown => statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| kind(&stat) == BeneathKind::Directory),
            _ => false,
        };
        let place = Place {
            group: if is_directory {
                Group::Directories
            } else {
                Group::Others
            },
            name: name.to_vec(),
        };
        if after.is_none_or(|after| place > *after) {
            found.push(place);
        }
        if read.is_multiple_of(ENTRIES_PER_TURN) {
            tokio::task::yield_now().await;
        }
    }
    Ok(found)
}

fn kind(stat: &Stat) -> BeneathKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => BeneathKind::File,
        FileType::Directory => BeneathKind::Directory,
        FileType::Symlink => BeneathKind::Link,
        _ => BeneathKind::Other,
    }
}

fn modified_ms(stat: &Stat) -> i64 {
    let nanoseconds = i64::try_from(stat.st_mtime_nsec).unwrap_or(0);
    stat.st_mtime
        .saturating_mul(1_000)
        .saturating_add(nanoseconds / 1_000_000)
}

fn failed(error: Errno, doing: &str, path: &Path) -> PathError {
    PathError::from_io(&error.into(), doing, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_carried_whatever_the_name_and_nothing_else_passes_for_one() {
        let place = Place {
            group: Group::Others,
            name: b"a\xff\n".to_vec(),
        };
        assert_eq!(place.written(), "o61ff0a");
        assert_eq!(Place::read("o61ff0a"), Some(place));
        for text in ["", "x61", "d6", "dzz", "d+1", "é"] {
            assert_eq!(Place::read(text), None, "{text}");
        }
    }
}
