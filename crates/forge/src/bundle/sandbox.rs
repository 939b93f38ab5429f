//! What the engine runs inside a sandbox to unpack a step's bundle and to pack up the result.
//!
//! Both are one `sh` with a fixed script ([`CLONE`], [`COLLECT`]); everything that varies is a positional argument or a
//! variable, never part of the script. They run as the agent's user, among the agent's files: whatever they print or
//! write is input like any other that comes from a sandbox, and nothing here protects the platform. That is
//! [`Mirror::receive`]'s work. What the scripts care for is that an honest result survives an untidy repository.
//!
//! [`Mirror::receive`]: crate::Mirror::receive

use codecourier_domain::branch::BranchName;
use codecourier_domain::id::{RunId, StepId};

use crate::commit::{CommitId, Identity, ObjectFormat};

const CLONE: &str = include_str!("clone.sh");
const COLLECT: &str = include_str!("collect.sh");

/// A command for the inside of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxCommand {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables to add.
    pub environment: Vec<(String, String)>,
}

/// How to unpack a step's bundle.
#[derive(Debug, Clone)]
pub struct CloneSpec<'a> {
    /// Where the bundle is in the sandbox.
    pub bundle: &'a str,
    /// Where the repository goes: `/home/user/project`.
    pub directory: &'a str,
    /// The run's branch.
    pub branch: &'a BranchName,
    /// Where it is in the bundle.
    pub commit: &'a CommitId,
    /// [`StepBundle::shallow`](crate::StepBundle::shallow).
    pub shallow: &'a [CommitId],
    /// The project's configured author.
    pub identity: &'a Identity,
    /// The run, for the trailer.
    pub run: &'a RunId,
    /// The step, for the trailer.
    pub step: &'a StepId,
    /// Patterns of `.git/info/exclude`: files that the platform writes into the work tree and that are nobody's work.
    pub excluded: &'a [&'a str],
}

/// How to pack up a step's result.
#[derive(Debug, Clone)]
pub struct CollectSpec<'a> {
    /// The repository.
    pub directory: &'a str,
    /// The bundle that the step started from; read again if the agent broke or deleted the repository.
    pub step_bundle: &'a str,
    /// Where the result goes. Written only when there is one.
    pub output: &'a str,
    /// The run's branch.
    pub branch: &'a BranchName,
    /// The commit that the step started from.
    pub base: &'a CommitId,
    /// [`StepBundle::shallow`](crate::StepBundle::shallow).
    pub shallow: &'a [CommitId],
    /// The project's configured author.
    pub identity: &'a Identity,
    /// The run, for the trailer.
    pub run: &'a RunId,
    /// The step, for the trailer.
    pub step: &'a StepId,
    /// Subject (and body) of the commit for what the agent left uncommitted. The trailers are added.
    pub message: &'a str,
    /// As in [`CloneSpec`].
    pub excluded: &'a [&'a str],
}

/// Unpacks a bundle: the repository is there, on the run's branch, with the author configured, without a remote. Running
/// it again is harmless. In a repository that is there already (from a prepared snapshot) the branch is moved and the
/// files that Git does not track stay.
#[must_use]
pub fn clone_command(spec: &CloneSpec<'_>) -> SandboxCommand {
    let mut arguments = vec![
        spec.bundle.to_owned(),
        spec.directory.to_owned(),
        spec.branch.to_string(),
        spec.commit.to_string(),
        configuration(spec.commit.format(), &clone_settings(spec)),
        spec.run.to_string(),
        spec.step.to_string(),
        spec.excluded.join("\n"),
    ];
    arguments.extend(spec.shallow.iter().map(ToString::to_string));
    shell(CLONE, "codecourier-clone", arguments, spec.identity)
}

/// Packs up the result: commits what was left uncommitted, and writes a bundle of what the step added to the run's branch.
/// What it found is printed for [`CollectReport::parse`](crate::CollectReport::parse).
#[must_use]
pub fn collect_command(spec: &CollectSpec<'_>) -> SandboxCommand {
    let mut arguments = vec![
        spec.directory.to_owned(),
        spec.step_bundle.to_owned(),
        spec.output.to_owned(),
        spec.branch.to_string(),
        spec.base.to_string(),
        configuration(spec.base.format(), ""),
        with_trailers(spec.message, spec.run, spec.step),
        spec.excluded.join("\n"),
    ];
    arguments.extend(spec.shallow.iter().map(ToString::to_string));
    shell(COLLECT, "codecourier-collect", arguments, spec.identity)
}

/// The text of `.git/config` in a new repository.
fn configuration(format: ObjectFormat, more: &str) -> String {
    let (version, extensions) = match format {
        ObjectFormat::Sha1 => (0, ""),
        ObjectFormat::Sha256 => (1, "[extensions]\n\tobjectFormat = sha256\n"),
    };
    format!(
        "[core]\n\trepositoryFormatVersion = {version}\n\tfilemode = true\n\tlogAllRefUpdates = true\n{extensions}{more}"
    )
}

fn clone_settings(spec: &CloneSpec<'_>) -> String {
    let (name, email) = (quoted(spec.identity.name()), quoted(spec.identity.email()));
    let (run, step) = (spec.run, spec.step);
    format!("[user]\n\tname = {name}\n\temail = {email}\n[codecourier]\n\trun = {run}\n\tstep = {step}\n")
}

/// A value of a configuration file.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A commit message with the trailers that tell where the commit comes from.
pub(crate) fn with_trailers(message: &str, run: &RunId, step: &StepId) -> String {
    let text: String = message
        .chars()
        .filter(|character| *character == '\n' || !character.is_control())
        .collect();
    let text = text.trim();
    let text = if text.is_empty() {
        "Save the work of the step"
    } else {
        text
    };
    format!("{text}\n\n{RUN_TRAILER}: {run}\n{STEP_TRAILER}: {step}\n")
}

pub(crate) const RUN_TRAILER: &str = "CodeCourier-Run";
pub(crate) const STEP_TRAILER: &str = "CodeCourier-Step";

fn shell(script: &str, name: &str, arguments: Vec<String>, identity: &Identity) -> SandboxCommand {
    let mut argv = vec![
        "/bin/sh".to_owned(),
        "-c".to_owned(),
        script.to_owned(),
        name.to_owned(),
    ];
    argv.extend(arguments);
    let mut environment = identity.environment();
    let fixed = [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_NO_REPLACE_OBJECTS", "1"),
        ("GIT_LITERAL_PATHSPECS", "1"),
        ("GIT_EDITOR", "false"),
        ("GIT_PAGER", "cat"),
        ("LC_ALL", "C"),
    ];
    environment.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
    SandboxCommand { argv, environment }
}
