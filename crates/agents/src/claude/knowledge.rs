//! Where Claude Code finds instructions, skills and commands: in the user's own directory, so that the repository
//! stays as it was cloned.

use crate::launch::FileToWrite;
use crate::path::RelativePath;
use crate::session::{Executable, SessionSpec};

pub(super) fn files(session: &SessionSpec) -> Vec<FileToWrite> {
    let directory = session.home.join(&RelativePath::of(".claude"));
    let mut files = Vec::new();
    if let Some(instructions) = &session.knowledge.instructions {
        files.push(FileToWrite {
            path: directory.join(&RelativePath::of("CLAUDE.md")),
            mode: 0o644,
            contents: instructions.clone().into_bytes(),
        });
    }
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
