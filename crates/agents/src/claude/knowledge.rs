//! Where Claude Code finds instructions, skills and commands: in the user's own directory, so that the repository
//! stays as it was cloned.
//!
//! With the project's settings off, the CLI does not read the repository's own `CLAUDE.md` and `AGENTS.md` either. Those
//! are text, not code, and the repository's people wrote them for agents: so the user's file imports them. The CLI skips
//! an import that is not there, and takes a file that is imported twice, or linked, once.

use crate::common::{commands, file, skills};
use crate::launch::FileToWrite;
use crate::path::RelativePath;
use crate::session::SessionSpec;

/// No advertisement in commits and pull requests: the platform adds its own trailer.
const SETTINGS: &str = r#"{"attribution":{"commit":"","pr":""}}"#;

pub(super) fn files(session: &SessionSpec) -> Vec<FileToWrite> {
    let directory = session.home.join(&RelativePath::of(".claude"));
    let mut files = vec![
        file(directory.join(&RelativePath::of("CLAUDE.md")), instructions(session)),
        file(directory.join(&RelativePath::of("settings.json")), SETTINGS),
    ];
    files.extend(skills(&directory, session));
    files.extend(commands(&directory, "commands", session));
    files
}

fn instructions(session: &SessionSpec) -> String {
    let own = session.knowledge.instructions.as_deref().unwrap_or_default();
    let workspace = &session.workspace;
    format!("{own}\n\n@{workspace}/CLAUDE.md\n@{workspace}/AGENTS.md\n")
        .trim_start()
        .to_owned()
}
