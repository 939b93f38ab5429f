//! schemathesis of `PyPI` against a server in the process of the test: whether the API is what its description says.
//!
//! The server is furnished, so that requests meet something. Invariants: the same seed asks the same questions; nothing
//! leaves the machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;

use crate::furnished::Furnished;
use crate::spawn;

/// Said when it is not there.
const MISSING: &str = "schemathesis is not installed: `cargo xtask setup` installs it";

/// How many people there are for operations that use up their caller.
const PASSERS_BY: usize = 200;

/// How long is looked.
#[derive(Debug, Clone)]
pub struct Effort {
    /// How many requests of each kind are made of each operation.
    pub examples: u32,
    /// What they are made of.
    pub seed: u64,
    /// What else schemathesis is told.
    pub arguments: Vec<String>,
    /// Who reads what it writes.
    pub reader: Reader,
}

/// Who reads what schemathesis writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// The caller, when it is over.
    Caller,
    /// Whoever sits at the terminal, as it comes.
    Terminal,
}

/// What came of it.
#[derive(Debug)]
pub struct Findings {
    /// Whether nothing was found.
    pub is_kept: bool,
    /// What schemathesis wrote for the caller.
    pub report: String,
}

/// Looks at the API of a server of its own.
///
/// # Panics
/// When schemathesis is not installed, or the server does not come up.
pub async fn look(effort: &Effort) -> Findings {
    let place = tempfile::tempdir().expect("a directory");
    let furnished = Furnished::new().await;
    write_down(&furnished, place.path()).await;
    let mut command = spawn::command(program());
    command
        .current_dir(place.path())
        .env("CONTRACT_PEOPLE", place.path().join("people.json"))
        .env("SCHEMATHESIS_HOOKS", directory().join("hooks.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg("run")
        .arg(format!("{}/api/v1/openapi.json", furnished.server.origin))
        .args(["--checks", "all", "--mode", "all", "--no-color"])
        .args([
            "--max-examples",
            &effort.examples.to_string(),
            "--seed",
            &effort.seed.to_string(),
        ])
        .args(&effort.arguments)
        .stdout(effort.reader.output())
        .stderr(effort.reader.output());
    let done = tokio::task::spawn_blocking(move || command.output()).await;
    let done = done.expect("it is waited for").expect("schemathesis starts");
    let mut report = String::from_utf8_lossy(&done.stdout).into_owned();
    report.push_str(&String::from_utf8_lossy(&done.stderr));
    Findings {
        is_kept: done.status.success(),
        report,
    }
}

impl Reader {
    fn output(self) -> Stdio {
        match self {
            Self::Caller => Stdio::piped(),
            Self::Terminal => Stdio::inherit(),
        }
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis")
}

fn program() -> PathBuf {
    let program = directory().join(".venv/bin/schemathesis");
    assert!(program.is_file(), "{MISSING}");
    program
}

/// Writes what schemathesis is told: its settings, what there is on the server, and who asks.
async fn write_down(furnished: &Furnished, place: &Path) {
    let write = |name: &str, text: &str| std::fs::write(place.join(name), text).expect("a file in our own directory");
    for (name, values) in &furnished.there_is {
        let lines: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
        write(&format!("{name}.txt"), &lines.join("\n"));
    }
    let mut passers_by = Vec::new();
    for number in 0..PASSERS_BY {
        let person = furnished.server.person(&format!("passer-by-{number}")).await;
        passers_by.push(person.token);
    }
    let people = json!({ "owner": furnished.owner.token, "passersBy": passers_by });
    write("people.json", &people.to_string());
    let settings = std::fs::read_to_string(directory().join("schemathesis.toml")).expect("the settings");
    write("schemathesis.toml", &settings);
}
