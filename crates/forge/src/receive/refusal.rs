//! Why what came out of a sandbox is refused. Text from the sandbox appears in messages only as paths and names made
//! printable.

use crate::bundle::HeaderProblem;
use crate::commit::{CommitId, ObjectFormat};
use crate::receive::paths::PathProblem;
use crate::source::UrlProblem;

/// Why the whole of a step's commits is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is a link, a directory, a device.
    #[error("the bundle is not a regular file")]
    NotAFile,
    /// It is larger than allowed.
    #[error("the bundle has {bytes} bytes, more than the {limit} allowed")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Its head is malformed.
    #[error("it is not a bundle that can be used: {0}")]
    Header(HeaderProblem),
    /// It comes from a repository with the other hash function.
    #[error("the bundle uses {}, the project {}", .bundle.as_str(), .project.as_str())]
    WrongFormat {
        /// The bundle's.
        bundle: ObjectFormat,
        /// The project's.
        project: ObjectFormat,
    },
    /// It has a reference that is not the run's branch.
    #[error("the bundle has the reference `{name}`; only the run's own branch is taken")]
    UnexpectedReference {
        /// Its name.
        name: String,
    },
    /// It has no reference, or the run's branch twice.
    #[error("the bundle must have the run's branch exactly once, it has {count} references")]
    ReferenceCount {
        /// How many there are.
        count: usize,
    },
    /// It leans on a commit that the project does not have.
    #[error("the bundle needs {commit}, which is not a commit of the project")]
    PrerequisiteUnknown {
        /// The commit.
        commit: String,
    },
    /// It has more objects than allowed.
    #[error("the bundle has {objects} objects, more than the {limit} allowed")]
    TooManyObjects {
        /// How many it has.
        objects: u32,
        /// The limit.
        limit: u32,
    },
    /// Git's own strict checks refuse an object, or the pack is damaged or incomplete.
    #[error("git refuses the objects: {detail}")]
    Objects {
        /// What Git said.
        detail: String,
    },
    /// Unpacking took more memory or time than allowed.
    #[error("unpacking it takes more memory or time than allowed")]
    TooCostly,
    /// There is something behind the pack.
    #[error("there are bytes behind the end of the pack")]
    TrailingBytes,
    /// One object is larger than allowed.
    #[error("an object (a file, mostly) has {bytes} bytes, more than the {limit} allowed: {name}")]
    ObjectTooLarge {
        /// The object.
        name: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// All objects together are larger than allowed.
    #[error("its objects have more than the {limit} bytes allowed, unpacked")]
    TotalTooLarge {
        /// The limit.
        limit: u64,
    },
    /// The branch does not lead to a commit.
    #[error("the branch leads to {kind} {tip}, which is not a commit")]
    TipNotACommit {
        /// The object.
        tip: CommitId,
        /// What it is.
        kind: String,
    },
    /// The commits do not build on those that were there.
    #[error("commit {} does not build on {}, where the step began", .tip.short(), .base.short())]
    NotADescendant {
        /// The last commit.
        tip: CommitId,
        /// Where the step began.
        base: CommitId,
    },
    /// It has more commits than allowed.
    #[error("the step made more than the {limit} commits allowed")]
    TooManyCommits {
        /// The limit.
        limit: usize,
    },
    /// More files differ than allowed.
    #[error("the step changed {files} files, more than the {limit} allowed")]
    TooManyFiles {
        /// How many differ.
        files: usize,
        /// The limit.
        limit: usize,
    },
    /// A path that could do harm where it is checked out.
    #[error("the path `{path}` is refused: {problem}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// An entry that is neither a file, nor an executable one, nor a symbolic link.
    #[error("`{path}` has the mode {mode}; only plain files, executable files and symbolic links are taken")]
    Mode {
        /// The path.
        path: String,
        /// The mode.
        mode: String,
    },
    /// A symbolic link that leads out of the repository.
    #[error("the symbolic link `{path}` leads out of the repository, to `{target}`")]
    SymlinkEscapes {
        /// The link.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// A symbolic link in the place of a file that Git reads.
    #[error("`{path}` is a symbolic link; Git reads that file and must not be led elsewhere")]
    SymlinkForGit {
        /// The path.
        path: String,
    },
    /// A submodule was added, removed or moved.
    #[error("the submodule at `{path}` was added, removed or moved")]
    Submodule {
        /// Its path.
        path: String,
    },
    /// `.gitmodules` names a URL that the platform would not use.
    #[error("`.gitmodules` names `{url}`: {problem}")]
    SubmoduleUrl {
        /// The URL, without what may be a secret.
        url: String,
        /// What is wrong with it.
        problem: UrlProblem,
    },
    /// `.gitmodules` cannot be read, or has a setting that would run a program or leave the repository.
    #[error("`.gitmodules` has the setting `{key}`, which is refused")]
    SubmoduleSetting {
        /// The setting.
        key: String,
    },
}

/// Text from a sandbox for a message: no control characters, not long.
pub(crate) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .take(200)
        .collect()
}
