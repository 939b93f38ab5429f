//! What every adapter puts into a sandbox in the same way: files, skills, and the environment.
//!
//! Invariant: a name that an adapter sets itself, or that could lead its agent past the gateway, is never the project's.

use crate::launch::FileToWrite;
use crate::path::{RelativePath, SandboxPath};
use crate::session::{Executable, SessionSpec};

/// Names that no project's environment may set: they would send requests elsewhere than to the gateway.
const RESERVED: [&str; 7] = [
    "HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

/// A file that its user reads and writes.
pub(crate) fn file(path: SandboxPath, contents: impl Into<Vec<u8>>) -> FileToWrite {
    FileToWrite {
        path,
        mode: 0o644,
        contents: contents.into(),
    }
}

/// A file that nobody but its user reads: it may hold a secret of the project.
pub(crate) fn private_file(path: SandboxPath, contents: impl Into<Vec<u8>>) -> FileToWrite {
    FileToWrite {
        mode: 0o600,
        ..file(path, contents)
    }
}

/// The session's skills in a directory, each in one of its own name.
pub(crate) fn skills(directory: &SandboxPath, session: &SessionSpec) -> Vec<FileToWrite> {
    let mut files = Vec::new();
    for (name, skill) in &session.knowledge.skills {
        let skills = RelativePath::of("skills").below(name.as_str());
        for (path, file) in &skill.files {
            files.push(FileToWrite {
                path: directory.join(&skills.join(path)),
                mode: match file.executable {
                    Executable::Yes => 0o755,
                    Executable::No => 0o644,
                },
                contents: file.contents.clone(),
            });
        }
    }
    files
}

/// The session's commands in a directory below one, each a markdown file of its own name.
pub(crate) fn commands(directory: &SandboxPath, below: &'static str, session: &SessionSpec) -> Vec<FileToWrite> {
    let commands = session.knowledge.commands.iter();
    commands
        .map(|(name, body)| {
            let path = RelativePath::of(below).below(&format!("{}.md", name.as_str()));
            file(directory.join(&path), body.clone())
        })
        .collect()
}

/// The adapter's own environment, the home, and what the project's leaves of it.
pub(crate) fn environment(
    session: &SessionSpec,
    own: impl IntoIterator<Item = (&'static str, String)>,
    is_reserved: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let mut environment: Vec<(String, String)> = vec![("HOME".to_owned(), session.home.to_string())];
    environment.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
    for (name, value) in &session.env {
        let name = name.as_str();
        let is_set = environment.iter().any(|(set, _)| set == name);
        if !is_set && !RESERVED.contains(&name) && !is_reserved(name) {
            environment.push((name.to_owned(), value.clone()));
        }
    }
    environment
}

/// Words of a command line.
pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
