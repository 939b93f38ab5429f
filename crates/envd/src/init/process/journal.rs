//! Journals: what a process wrote, in files that it cannot open, followed by any number of readers.
//!
//! One writer (the pumps of the process) appends; a reader holds an offset and is woken when the length changes. The
//! length a reader sees never exceeds what the file holds, so a byte is read once and only once per offset.

use std::cell::RefCell;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use codecourier_e2b::extension::{ExitRecord, JournalStream};
use rustix::fs::FallocateFlags;
use tokio::sync::watch;

/// Room kept for the record of exit, so that a full disk does not lose it.
const EXIT_RECORD_BYTES: u64 = 4096;
/// Longest tag of a journaled process: it becomes part of a file name.
const TAG_BYTES: usize = 128;

/// How far a journal is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Bytes in the file.
    pub(crate) length: u64,
    /// Nothing will be added.
    pub(crate) complete: bool,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// All of it is in the file.
    Whole,
    /// The limit is reached; what fitted is in the file.
    LimitReached,
}

/// The two journals of one process and its record of exit.
#[derive(Debug)]
pub(crate) struct Journal {
    stdout: JournalFile,
    stderr: JournalFile,
    exit_record: RefCell<Option<File>>,
    limit: u64,
}

#[derive(Debug)]
struct JournalFile {
    path: PathBuf,
    /// Closed when it is complete: a sandbox may remember thousands of journals.
    file: RefCell<Option<File>>,
    progress: watch::Sender<Progress>,
}

/// Whether a tag can name journal files.
pub(crate) fn is_journal_tag(tag: &str) -> bool {
    (1..=TAG_BYTES).contains(&tag.len())
        && !tag.starts_with('.')
        && tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Makes the directory, empty and closed to everybody else.
pub(crate) fn prepare_directory(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // Parents (`/run/codecourier`) are ordinary; the last part is ours alone.
    if let Some(parent) = directory.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    DirBuilder::new().mode(0o700).create(directory)
}

impl Journal {
    /// Makes the files of a tag; fails if they are there.
    pub(crate) fn create(directory: &Path, tag: &str, limit: Option<u64>) -> io::Result<Self> {
        let path = |suffix: &str| directory.join(format!("{tag}.{suffix}"));
        let open = |suffix: &str| {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path(suffix))
        };
        let made = || -> io::Result<Self> {
            let exit_record = open("exit")?;
            // Where space cannot be kept, the record is written as long as there is some.
            let _ = rustix::fs::fallocate(&exit_record, FallocateFlags::KEEP_SIZE, 0, EXIT_RECORD_BYTES);
            let journal_file = |suffix: &str| -> io::Result<JournalFile> {
                let file = RefCell::new(Some(open(suffix)?));
                Ok(JournalFile {
                    path: path(suffix),
                    file,
                    progress: watch::Sender::default(),
                })
            };
            Ok(Self {
                stdout: journal_file("stdout")?,
                stderr: journal_file("stderr")?,
                exit_record: RefCell::new(Some(exit_record)),
                limit: limit.unwrap_or(u64::MAX),
            })
        };
        made().inspect_err(|error| {
            if error.kind() != io::ErrorKind::AlreadyExists {
                Self::discard(directory, tag);
            }
        })
    }

    /// Removes the files of a process that never started.
    pub(crate) fn discard(directory: &Path, tag: &str) {
        for suffix in ["exit", "stdout", "stderr"] {
            // Not there is as good as removed.
            let _ = fs::remove_file(directory.join(format!("{tag}.{suffix}")));
        }
    }

    /// Adds bytes and wakes the readers. On an error, what was written before it counts and is readable.
    pub(crate) fn append(&self, stream: JournalStream, bytes: &[u8]) -> io::Result<Appended> {
        let total = self.length(JournalStream::Stdout) + self.length(JournalStream::Stderr);
        let room = usize::try_from(self.limit.saturating_sub(total)).unwrap_or(usize::MAX);
        let fitting = bytes.get(..room).unwrap_or(bytes);
        self.file(stream).append(fitting)?;
        Ok(if fitting.len() < bytes.len() {
            Appended::LimitReached
        } else {
            Appended::Whole
        })
    }

    /// Bytes of a stream so far.
    pub(crate) fn length(&self, stream: JournalStream) -> u64 {
        self.file(stream).progress.borrow().length
    }

    /// To be woken when a stream grows or is complete.
    pub(crate) fn follow(&self, stream: JournalStream) -> watch::Receiver<Progress> {
        self.file(stream).progress.subscribe()
    }

    /// A descriptor to read a stream with.
    pub(crate) fn open(&self, stream: JournalStream) -> io::Result<File> {
        File::open(&self.file(stream).path)
    }

    /// Nothing more will come: stores how the process ended and lets the readers finish.
    pub(crate) fn complete(&self, record: &ExitRecord) {
        if let (Some(mut file), Ok(text)) = (self.exit_record.take(), serde_json::to_vec(record)) {
            // The answer to `/processes/exit` comes from memory; the file is for people and for other tools.
            let _ = file.write_all(&text);
        }
        for file in [&self.stdout, &self.stderr] {
            file.file.take();
            file.progress.send_modify(|progress| progress.complete = true);
        }
    }

    const fn file(&self, stream: JournalStream) -> &JournalFile {
        match stream {
            JournalStream::Stdout => &self.stdout,
            JournalStream::Stderr => &self.stderr,
        }
    }
}

impl JournalFile {
    fn append(&self, mut bytes: &[u8]) -> io::Result<()> {
        let file = self.file.borrow();
        let Some(mut file) = file.as_ref() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        while !bytes.is_empty() {
            let written = match file.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.progress.send_modify(|progress| progress.length += written as u64);
            bytes = bytes.get(written..).unwrap_or_default();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn tags_that_could_leave_the_directory_are_refused() {
        for good in ["a", "agent-1", "run_0.step", &"x".repeat(128)] {
            assert!(is_journal_tag(good), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a\0b", "a b", "ä", &"x".repeat(129)] {
            assert!(!is_journal_tag(bad), "{bad}");
        }
    }

    #[test]
    fn the_directory_and_files_are_closed_to_others() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("run/journal");
        prepare_directory(&directory).unwrap();
        let _journal = Journal::create(&directory, "t", None).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&directory), 0o700);
        assert_eq!(mode(&directory.join("t.stdout")), 0o600);
        assert_eq!(
            Journal::create(&directory, "t", None).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        prepare_directory(&directory).unwrap();
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    }

    #[test]
    fn the_limit_counts_both_streams_and_keeps_what_fits() {
        let place = tempfile::tempdir().unwrap();
        let journal = Journal::create(place.path(), "t", Some(5)).unwrap();
        assert_eq!(journal.append(JournalStream::Stdout, b"abc").unwrap(), Appended::Whole);
        assert_eq!(
            journal.append(JournalStream::Stderr, b"defg").unwrap(),
            Appended::LimitReached
        );
        assert_eq!(
            journal.append(JournalStream::Stdout, b"h").unwrap(),
            Appended::LimitReached
        );
        assert_eq!(fs::read(place.path().join("t.stdout")).unwrap(), b"abc");
        assert_eq!(fs::read(place.path().join("t.stderr")).unwrap(), b"de");
        let reader = journal.open(JournalStream::Stderr).unwrap();
        assert_eq!(io::read_to_string(reader).unwrap(), "de");
        assert_eq!(journal.length(JournalStream::Stderr), 2);
    }
}
