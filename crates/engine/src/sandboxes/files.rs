//! Looking around in the repository of a sandbox while its agent works in it.
//!
//! Invariants: what is looked at is below the repository's directory and nothing else of the sandbox, whose home holds what
//! the platform put there; the values of the project's secrets are taken out of names and contents, as they are out of
//! transcripts, wherever a content is cut; every answer is bounded.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use codecourier_domain::id::SandboxId;
use codecourier_domain::time::Timestamp;
use codecourier_sandbox::{DirectoryEntry, DirectoryPage, Error as SandboxError, LinkTarget, Sandbox, State};
use codecourier_store::steps::Step;

use super::{Sandboxes, missing, unreachable};
use crate::access::ProjectGrant;
use crate::error::{Error, ErrorCode};
use crate::provider_keys::subscription;
use crate::runs::memo::StepMemo;
use crate::runs::spec::{ModelSource, RunSpec};
use crate::variables::{Redactor, StreamRedactor, environment};

/// The most bytes of a file that are given at once.
pub const FILE_LIMIT: u64 = 4 << 20;
/// The longest path that is looked for, in bytes: the kernel takes no longer one.
const LONGEST_PATH: usize = 4_095;
/// How much of a path an error repeats.
const SHOWN_CHARACTERS: usize = 200;
/// Where a zero byte says that a file is no text; what comes after this is not looked at for one.
const SNIFFED: usize = 8_000;

/// The beginning of a file of a sandbox's repository.
#[derive(Debug, Clone)]
pub struct FileContent {
    /// The bytes, but for secrets.
    pub bytes: Vec<u8>,
    /// What they are.
    pub nature: FileNature,
    /// How long the whole file is.
    pub size: u64,
    /// How much of it this is.
    pub extent: FileExtent,
    /// When it was last written to.
    pub modified_at: Timestamp,
}

/// What the bytes of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileNature {
    /// Text, in UTF-8.
    Text,
    /// Anything else.
    Binary,
}

/// How much of a file is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileExtent {
    /// All of it.
    Whole,
    /// Its beginning.
    Beginning,
}

/// Where a page of a directory begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryCursor(String);

impl FromStr for DirectoryCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix(['d', 'o']).ok_or(())?;
        let is_place = text.len() <= DirectoryPage::LONGEST_NEXT
            && digits.len() % 2 == 0
            && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_place.then(|| Self(text.to_owned())).ok_or(())
    }
}

impl fmt::Display for DirectoryCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Sandboxes {
    /// A page of a directory of the repository, directories first, each group by name. The empty path is the repository.
    pub async fn list_files(
        &self,
        grant: &ProjectGrant,
        id: SandboxId,
        path: &str,
        after: Option<DirectoryCursor>,
        limit: u32,
    ) -> Result<(Vec<DirectoryEntry>, Option<DirectoryCursor>), Error> {
        let path = checked(path)?;
        let step = self.step_of(grant, id).await?;
        let redactor = self.redactor(&step).await?;
        let sandbox = self.awake(id).await?;
        let after = after.as_ref().map(|after| after.0.as_str());
        let listed = sandbox.list_project(&path, after, limit).await;
        let DirectoryPage { entries, next } = listed.map_err(|error| refused(error, id, &path))?;
        let shown = entries.into_iter().map(|entry| DirectoryEntry {
            name: redactor.text(entry.name),
            link: entry.link.map(|link| LinkTarget {
                target: redactor.text(link.target),
                ..link
            }),
            ..entry
        });
        Ok((shown.collect(), next.map(DirectoryCursor)))
    }

    /// The first bytes of a regular file of the repository, at most `limit` and [`FILE_LIMIT`] of them.
    pub async fn read_file(
        &self,
        grant: &ProjectGrant,
        id: SandboxId,
        path: &str,
        limit: u64,
    ) -> Result<FileContent, Error> {
        let path = checked(path)?;
        let limit = limit.min(FILE_LIMIT);
        let step = self.step_of(grant, id).await?;
        let redactor = self.redactor(&step).await?;
        let sandbox = self.awake(id).await?;
        // More than is given, so that a secret across the cut is known for one.
        let wanted = limit.saturating_add(u64::try_from(redactor.longest()).unwrap_or(0));
        let read = sandbox.read_project(&path, wanted).await;
        let read = read.map_err(|error| refused(error, id, &path))?;
        let read_whole = read.bytes.len() as u64 >= read.size;
        let mut clean = StreamRedactor::new(&redactor);
        let mut bytes = clean.feed(&read.bytes);
        if read_whole {
            bytes.extend(clean.finish());
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let extent = if read_whole && bytes.len() <= limit {
            FileExtent::Whole
        } else {
            FileExtent::Beginning
        };
        bytes.truncate(limit);
        Ok(FileContent {
            nature: nature(&mut bytes, extent),
            bytes,
            size: read.size,
            extent,
            modified_at: read.modified_at,
        })
    }

    /// A sandbox that can answer.
    async fn awake(&self, id: SandboxId) -> Result<Arc<dyn Sandbox>, Error> {
        let opened = self.engine.backend.open(&id).await.map_err(unreachable)?;
        let sandbox = opened.ok_or_else(|| {
            let message = "The sandbox is not there yet, or not any more. Its files can be looked at while it runs.";
            Error::new(ErrorCode::Conflict, message)
        })?;
        match sandbox.state().await.map_err(unreachable)? {
            State::Running => Ok(sandbox),
            State::Paused => Err(Error::new(
                ErrorCode::Conflict,
                "The sandbox is paused, and nothing in it answers. Let it go on to look at its files.",
            )),
            State::Ended(_) => Err(missing(id)),
        }
    }

    /// What takes the secrets out that were handed to a step's processes.
    async fn redactor(&self, step: &Step) -> Result<Redactor, Error> {
        let body = self.engine.store.read().await?.run_body(step.project, step.run).await?;
        let spec: RunSpec = body.ok_or_else(|| Error::not_found("There is no such run."))?.read()?;
        let memo: StepMemo = step.body.read()?;
        let login = match spec.model_source {
            ModelSource::Live => {
                let agent = memo.plan.spec.agent.unwrap_or(spec.agent);
                subscription(&self.engine, step.project, agent).await?
            }
            ModelSource::Record { .. } | ModelSource::Replay { .. } => None,
        };
        let environment = environment(&self.engine, step.project, &spec.setup.variables, login.as_ref()).await;
        let environment = environment.map_err(|error| Error::internal("Opening the project's variables", error))?;
        Ok(environment.redactor)
    }
}

/// A path below the repository: no root, no `.`, no `..`.
fn checked(path: &str) -> Result<String, Error> {
    let path = path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path);
    let is_plain = path.is_empty() || path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if path.len() > LONGEST_PATH || !is_plain || path.contains('\0') {
        let message =
            "`path` is a path below the repository, such as `src/main.rs`: relative, and without `.` and `..`.";
        return Err(Error::validation(message).of_field("path"));
    }
    Ok(path.to_owned())
}

/// What a sandbox's refusal means for whoever looks.
fn refused(error: SandboxError, id: SandboxId, path: &str) -> Error {
    let shown: String = path.chars().take(SHOWN_CHARACTERS).collect();
    match error {
        SandboxError::NotFound { .. } if path.is_empty() => Error::new(
            ErrorCode::Conflict,
            "The repository is not in the sandbox yet. Its files can be looked at once it was cloned.",
        ),
        SandboxError::NotFound { .. } => Error::not_found(format!("There is no `{shown}` in the sandbox.")),
        SandboxError::LeadsOut { .. } => {
            let message = format!("`{shown}` leads out of the repository, and links are followed only within it.");
            Error::validation(message).of_field("path")
        }
        SandboxError::WrongKind { wanted, .. } => {
            Error::validation(format!("`{shown}` is not {wanted}.")).of_field("path")
        }
        SandboxError::TooManyEntries { .. } => Error::new(
            ErrorCode::Conflict,
            format!("`{shown}` has more entries than can be shown. Look at a file in it by its path."),
        ),
        SandboxError::Unavailable { reasons } => Error::new(ErrorCode::Unavailable, format!("{}.", sentence(&reasons))),
        SandboxError::Gone { .. } => missing(id),
        SandboxError::NoAnswer { .. } => Error::new(
            ErrorCode::Unavailable,
            "The sandbox does not answer. Try again; it may be paused, or have too little memory left.",
        ),
        other => unreachable(other),
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}

/// What bytes are; of a text that was cut inside of a character the rest of that is dropped.
fn nature(bytes: &mut Vec<u8>, extent: FileExtent) -> FileNature {
    if bytes.iter().take(SNIFFED).any(|&byte| byte == 0) {
        return FileNature::Binary;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => FileNature::Text,
        Err(error) if extent == FileExtent::Beginning && error.error_len().is_none() => {
            bytes.truncate(error.valid_up_to());
            FileNature::Text
        }
        Err(_) => FileNature::Binary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_repository() {
        for (path, expected) in [
            ("", ""),
            ("src", "src"),
            ("src/", "src"),
            ("a b/ü\n", "a b/ü\n"),
            ("...", "..."),
        ] {
            assert_eq!(checked(path).unwrap(), expected, "{path}");
        }
        let long = "a/".repeat(3_000);
        for path in [
            "/",
            "/etc",
            "..",
            "a/../b",
            "./a",
            "a//b",
            "a/.",
            "a\0",
            "//",
            long.as_str(),
        ] {
            assert_eq!(checked(path).unwrap_err().field.as_deref(), Some("path"), "{path}");
        }
    }

    #[test]
    fn text_is_told_from_what_is_none_also_when_it_was_cut() {
        let of = |bytes: &[u8], extent| {
            let mut bytes = bytes.to_vec();
            let nature = nature(&mut bytes, extent);
            (nature, bytes.len())
        };
        assert_eq!(of("grün".as_bytes(), FileExtent::Whole), (FileNature::Text, 5));
        assert_eq!(
            of(&"grün".as_bytes()[..3], FileExtent::Beginning),
            (FileNature::Text, 2)
        );
        assert_eq!(of(&"grün".as_bytes()[..3], FileExtent::Whole), (FileNature::Binary, 3));
        assert_eq!(of(b"a\0b", FileExtent::Whole), (FileNature::Binary, 3));
        assert_eq!(of(b"\xff\xfe", FileExtent::Beginning), (FileNature::Binary, 2));
        assert_eq!(of(b"", FileExtent::Whole), (FileNature::Text, 0));
    }

    #[test]
    fn a_cursor_is_a_place_in_a_directory() {
        assert_eq!("d6100".parse::<DirectoryCursor>().unwrap().to_string(), "d6100");
        for text in ["", "x61", "d6", "d6&", &format!("o{}", "61".repeat(300))] {
            assert!(text.parse::<DirectoryCursor>().is_err(), "{text}");
        }
    }
}
