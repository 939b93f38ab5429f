//! Where Claude Code finds instructions, skills and commands: in the user's own directory, so that the repository
//! stays as it was cloned.
//!
//! With the project's settings off, the CLI does not read the repository's own `CLAUDE.md` and `AGENTS.md` either. Those
//! are text, not code, and the repository's people wrote them for agents: so the user's file imports them. The CLI skips
//! an import that is not there, and takes a file that is imported twice, or linked, once.

use crate::launch::FileToWrite;
use crate::path::RelativePath;
use crate::session::{Executable, SessionSpec};

/// No advertisement in commits and pull requests: the platform adds its own trailer.
const SETTINGS: &str = r#"{"attribution":{"commit":"","pr":""}}"#;

pub(super) fn files(session: &SessionSpec) -> Vec<FileToWrite> {
    let directory = session.home.join(&RelativePath::of(".claude"));
    let mut files = Vec::new();
    files.push(FileToWrite {
        path: directory.join(&RelativePath::of("CLAUDE.md")),
        mode: 0o644,
        contents: instructions(session).into_bytes(),
    });
    files.push(FileToWrite {
        path: directory.join(&RelativePath::of("settings.json")),
        mode: 0o644,
        contents: SETTINGS.as_bytes().to_vec(),
    });
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
    for (name, body) in &session.knowledge.commands {
        files.push(FileToWrite {
            path: directory.join(&RelativePath::of("commands").below(&format!("{}.md", name.as_str()))),
            mode: 0o644,
            contents: body.clone().into_bytes(),
        });
    }
    files
}

fn instructions(session: &SessionSpec) -> String {
    let own = session.knowledge.instructions.as_deref().unwrap_or_default();
    let workspace = &session.workspace;
    format!("{own}\n\n@{workspace}/CLAUDE.md\n@{workspace}/AGENTS.md\n")
        .trim_start()
        .to_owned()
}
