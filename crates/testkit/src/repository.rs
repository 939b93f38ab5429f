//! Sample Git repositories for tests and demos, made by the real Git. Any test may use them.
//!
//! Invariants: the same calls make the same commits, byte for byte, on every machine (fixed authors, dates, time zone and
//! no configuration from outside), so a test may compare commit names; a whole history is one `git fast-import`, so a
//! hundred files with hundreds of commits take milliseconds.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// When the first commit is made: 2026-01-01T00:00:00Z. Each later one comes an hour after the one before.
const FIRST_COMMIT_AT: u64 = 1_767_225_600;

/// Collects commits, then writes a repository.
#[derive(Debug)]
pub struct RepositoryBuilder {
    stream: Vec<u8>,
    changes: Vec<u8>,
    branch: String,
    /// The branches that have a commit, in the order of their first one.
    branches: Vec<String>,
    commits: u64,
    object_format: &'static str,
}

impl Default for RepositoryBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl RepositoryBuilder {
    /// An empty one, on branch `main`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stream: Vec::new(),
            changes: Vec::new(),
            branch: "main".to_owned(),
            branches: Vec::new(),
            commits: 0,
            object_format: "sha1",
        }
    }

    /// Uses SHA-256 for object names.
    #[must_use]
    pub fn sha256(mut self) -> Self {
        self.object_format = "sha256";
        self
    }

    /// Writes a file in the next commit.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry("100644", path, content.as_ref())
    }

    /// Writes an executable file in the next commit.
    #[must_use]
    pub fn executable(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entry("100755", path, content.as_ref())
    }

    /// Writes a symbolic link in the next commit.
    #[must_use]
    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry("120000", path, target.as_bytes())
    }

    /// Removes a file in the next commit.
    #[must_use]
    pub fn remove(mut self, path: &str) -> Self {
        self.changes.extend(format!("D {path}\n").bytes());
        self
    }

    /// Makes a commit of the changes collected so far.
    #[must_use]
    pub fn commit(mut self, message: &str) -> Self {
        let at = FIRST_COMMIT_AT + self.commits * 3600;
        let mut head = String::new();
        let _ = writeln!(head, "commit refs/heads/{}", self.branch);
        for role in ["author", "committer"] {
            let _ = writeln!(head, "{role} Sample Author <sample@example.org> {at} +0000");
        }
        let _ = writeln!(head, "data {}\n{message}", message.len());
        self.stream.extend(head.bytes());
        self.stream.append(&mut self.changes);
        self.stream.push(b'\n');
        self.commits += 1;
        if !self.branches.contains(&self.branch) {
            self.branches.push(self.branch.clone());
        }
        self
    }

    /// Goes on from the last commit on another branch, which is made if it is new.
    #[must_use]
    pub fn branch(mut self, name: &str) -> Self {
        if !self.branches.iter().any(|branch| branch == name) {
            let from = self.branch.clone();
            self.stream
                .extend(format!("reset refs/heads/{name}\nfrom refs/heads/{from}\n\n").bytes());
            self.branches.push(name.to_owned());
        }
        name.clone_into(&mut self.branch);
        self
    }

    /// Puts a tag on the last commit of the current branch.
    #[must_use]
    pub fn tag(mut self, name: &str) -> Self {
        let from = self.branch.clone();
        self.stream
            .extend(format!("reset refs/tags/{name}\nfrom refs/heads/{from}\n\n").bytes());
        self
    }

    /// A project with so many files in a few directories and so many commits, each of which changes one of them and now
    /// and then adds to two. Text only, a few hundred bytes a file.
    #[must_use]
    pub fn history(mut self, files: usize, commits: usize) -> Self {
        let name = |index: usize| format!("src/part_{}/file_{index:03}.txt", index % 7);
        let line = |index: usize, round: usize| {
            format!("file {index}, line {round}: {}\n", "lorem ipsum ".repeat(1 + index % 4))
        };
        let text = |index: usize, rounds: usize| (0..=rounds).map(|round| line(index, round)).collect::<String>();
        for index in 0..files {
            self = self.file(&name(index), text(index, 5));
        }
        self = self
            .file("README.md", format!("# Sample\n\nA project of {files} files.\n"))
            .commit("Begin the project");
        for round in 1..commits {
            let index = round * 13 % files.max(1);
            self = self.file(&name(index), text(index, 5 + round / files.max(1) + 1));
            if round % 5 == 0 {
                let other = round * 29 % files.max(1);
                self = self.file(&name(other), text(other, 6 + round / 5));
            }
            self = self.commit(&format!("Change file {index} in round {round}"));
        }
        self
    }

    /// Writes a repository with a work tree on `main` (or the first branch) into this directory, which is made.
    ///
    /// # Panics
    /// If Git is missing or refuses what was collected.
    #[must_use]
    pub fn build(self, directory: impl Into<PathBuf>) -> SampleRepository {
        let repository = self.write(directory.into(), &[]);
        repository.git(["reset", "--quiet", "--hard"]);
        repository
    }

    /// Writes a bare repository into this directory, which is made.
    ///
    /// # Panics
    /// If Git is missing or refuses what was collected.
    #[must_use]
    pub fn build_bare(self, directory: impl Into<PathBuf>) -> SampleRepository {
        self.write(directory.into(), &["--bare"])
    }

    fn entry(mut self, mode: &str, path: &str, content: &[u8]) -> Self {
        self.changes
            .extend(format!("M {mode} inline {path}\ndata {}\n", content.len()).bytes());
        self.changes.extend(content);
        self.changes.push(b'\n');
        self
    }

    fn write(self, directory: PathBuf, options: &[&str]) -> SampleRepository {
        std::fs::create_dir_all(&directory).expect("the directory of a sample repository can be made");
        let repository = SampleRepository { path: directory };
        let first = self.branches.first().map_or("main", String::as_str);
        let format = format!("--object-format={}", self.object_format);
        let branch = format!("--initial-branch={first}");
        repository.git(
            ["init", "--quiet", "--template=", &format, &branch]
                .iter()
                .chain(options),
        );
        if !self.stream.is_empty() {
            repository.git_with_input(["fast-import", "--quiet", "--date-format=raw"], &self.stream);
        }
        repository
    }
}

/// A repository that was written.
#[derive(Debug, Clone)]
pub struct SampleRepository {
    path: PathBuf,
}

impl SampleRepository {
    /// One that is there already.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The commit that a revision leads to.
    ///
    /// # Panics
    /// If it leads to none.
    #[must_use]
    pub fn commit(&self, revision: &str) -> String {
        self.git(["rev-parse", "--verify", &format!("{revision}^{{commit}}")])
    }

    /// Runs Git in the repository as the sample author and returns what it prints, without the last line end.
    ///
    /// # Panics
    /// If Git fails.
    pub fn git<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> String {
        self.git_with_input(arguments, b"")
    }

    /// The same, with something to read.
    ///
    /// # Panics
    /// If Git fails.
    pub fn git_with_input<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I, input: &[u8]) -> String {
        let output = self.git_bytes(arguments, input);
        String::from_utf8(output)
            .expect("git prints UTF-8")
            .trim_end_matches('\n')
            .to_owned()
    }

    /// The same, and what it prints as it is.
    ///
    /// # Panics
    /// If Git fails.
    pub fn git_bytes<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I, input: &[u8]) -> Vec<u8> {
        let mut command = git_command(&self.path);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("git is installed");
        let mut stdin = child.stdin.take().expect("stdin was asked for");
        let input = input.to_owned();
        // From a thread, since Git may print before it has read everything.
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("git can be waited for");
        writer.join().expect("the writer ends");
        assert!(
            output.status.success(),
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }
}

fn git_command(directory: &Path) -> Command {
    let mut command = crate::spawn::command("git");
    command
        .current_dir(directory)
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE");
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "Sample Author"),
        ("GIT_AUTHOR_EMAIL", "sample@example.org"),
        ("GIT_AUTHOR_DATE", "1767225600 +0000"),
        ("GIT_COMMITTER_NAME", "Sample Author"),
        ("GIT_COMMITTER_EMAIL", "sample@example.org"),
        ("GIT_COMMITTER_DATE", "1767225600 +0000"),
        ("GIT_EDITOR", "false"),
        ("LC_ALL", "C"),
        ("TZ", "UTC"),
    ] {
        command.env(name, value);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_calls_make_the_same_commits() {
        let place = tempfile::tempdir().unwrap();
        let build = |name: &str| {
            RepositoryBuilder::new()
                .history(100, 250)
                .build(place.path().join(name))
        };
        let (one, other) = (build("one"), build("other"));
        assert_eq!(one.commit("main"), other.commit("main"));
        assert_eq!(one.git(["rev-list", "--count", "main"]), "250");
        assert_eq!(one.git(["ls-files"]).lines().count(), 101);
        assert_eq!(one.git(["status", "--porcelain"]), "");
    }

    #[test]
    fn branches_tags_links_and_modes_are_written() {
        let place = tempfile::tempdir().unwrap();
        let sample = RepositoryBuilder::new()
            .file("a.txt", "a\n")
            .executable("run.sh", "#!/bin/sh\n")
            .symlink("link", "a.txt")
            .commit("First")
            .tag("v1")
            .branch("feature")
            .remove("a.txt")
            .commit("Second")
            .build_bare(place.path().join("sample.git"));
        assert_eq!(sample.commit("v1"), sample.commit("main"));
        assert_eq!(sample.commit("feature^"), sample.commit("main"));
        assert!(sample.git(["ls-tree", "main"]).starts_with("100644 blob"));
        assert_eq!(sample.git(["ls-tree", "--name-only", "feature"]), "link\nrun.sh");
    }
}
