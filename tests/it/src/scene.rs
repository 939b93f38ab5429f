//! A stage for one run after another: an installation, a scripted model, and a repository whose state is remembered.
//!
//! Invariant: whatever a run came to, [`Scene`] holds the host to the same promises after each one: the user's repository
//! is as it was (but for a delivered branch), and nothing of the run's sandboxes is left.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use codecourier_testkit::repository::{RepositoryBuilder, SampleRepository};
use codecourier_testkit::scripted_model::ScriptedModel;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::server::Installation;

/// How long a run of a test may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(240);

/// An installation with a model and a repository.
pub struct Scene {
    /// The installation.
    pub installation: Installation,
    /// The model.
    pub model: ScriptedModel,
    /// The user's repository.
    pub source: SampleRepository,
    before: String,
    _place: tempfile::TempDir,
}

/// How a command ended.
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Scene {
    /// One with a small repository.
    pub async fn new() -> io::Result<Self> {
        Self::with(
            RepositoryBuilder::new()
                .file("README.md", "A sample.\n")
                .file("src/greeting.txt", "hello\n")
                .commit("first"),
        )
        .await
    }

    /// One with this repository.
    pub async fn with(repository: RepositoryBuilder) -> io::Result<Self> {
        Self::at(Installation::new().await?, repository).await
    }

    /// One in this installation.
    pub async fn at(installation: Installation, repository: RepositoryBuilder) -> io::Result<Self> {
        let model = ScriptedModel::start().await?;
        Self::before(installation, model, repository)
    }

    /// One in this installation and with this model.
    pub fn before(installation: Installation, model: ScriptedModel, repository: RepositoryBuilder) -> io::Result<Self> {
        let place = tempfile::Builder::new().prefix("codecourier-source-").tempdir()?;
        let source = repository.build(place.path().join("source"));
        let before = state_of(&source);
        Ok(Self {
            installation,
            model,
            source,
            before,
            _place: place,
        })
    }

    /// Where the repository is, as an argument.
    #[must_use]
    pub fn source_path(&self) -> String {
        self.source.path().display().to_string()
    }

    /// Remembers the repository as it is now.
    pub fn remember_source(&mut self) {
        self.before = state_of(&self.source);
    }

    /// `codecourier run` on the repository, with one designer and events as JSON unless the options say otherwise.
    pub async fn run(&self, options: &[&str], prompt: &str) -> io::Result<Ended> {
        self.run_at(&self.model.base_url(), options, prompt).await
    }

    /// The same, with the model at this address.
    pub async fn run_at(&self, model: &str, options: &[&str], prompt: &str) -> io::Result<Ended> {
        ended(self.command_at(model, options, prompt)).await
    }

    /// The command of [`Scene::run_at`].
    #[must_use]
    pub fn command_at(&self, model: &str, options: &[&str], prompt: &str) -> Command {
        let source = self.source_path();
        let mut arguments = vec!["run", "--json"];
        if !options.contains(&"--repo") {
            arguments.extend(["--repo", &source]);
        }
        if !options.contains(&"--workflow") {
            arguments.extend(["--workflow", "single"]);
        }
        arguments.extend(options);
        arguments.push(prompt);
        let mut command = self.installation.command(&arguments);
        command
            .env("ANTHROPIC_API_KEY", "sk-ant-test")
            .env("ANTHROPIC_BASE_URL", model);
        command
    }

    /// What is not as it must be after a run: the user's repository moved by more than a delivered branch, or something
    /// of a sandbox is left on the host.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let now = state_of(&self.source);
        if now != self.before {
            faults.push(format!("the repository was\n{}and is\n{now}", self.before));
        }
        match self.installation.leftovers() {
            Ok(leftovers) if leftovers.is_empty() => {}
            other => faults.push(format!("left on the host: {other:?}")),
        }
        faults
    }
}

/// Runs a command to its end without holding up the model, which lives in the caller's runtime.
pub async fn ended(command: Command) -> io::Result<Ended> {
    begin(command).ended().await
}

/// Begins a command, which goes on by itself.
#[must_use]
pub fn begin(mut command: Command) -> Begun {
    let (says, said) = watch::channel(false);
    let output = tokio::task::spawn_blocking(move || {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut heard = Vec::new();
        let mut out = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        // While the rest of the output is read below, nobody must wait for what is written beside it.
        let errors = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let errors = std::thread::spawn(move || read_whole(errors));
        let mut first = [0];
        if out.read(&mut first)? == 1 {
            heard.push(first[0]);
            says.send_replace(true);
        }
        heard.extend(read_whole(out)?);
        let stderr = errors.join().map_err(|_| io::Error::other("nobody read"))??;
        Ok(Output {
            status: child.wait()?,
            stdout: heard,
            stderr,
        })
    });
    Begun {
        began: Instant::now(),
        said,
        output,
    }
}

fn read_whole(mut from: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A command that was begun.
pub struct Begun {
    began: Instant,
    said: watch::Receiver<bool>,
    output: JoinHandle<io::Result<Output>>,
}

impl Begun {
    /// Waits until it has written something for others to read, or ended.
    pub async fn says_something(&mut self) -> io::Result<()> {
        // An end without a word is for whoever waits for the end.
        let _ended = tokio::time::timeout(PATIENCE, self.said.wait_for(|said| *said)).await?;
        Ok(())
    }

    /// Waits for its end.
    pub async fn ended(self) -> io::Result<Ended> {
        let Output { status, stdout, stderr } = tokio::time::timeout(PATIENCE, self.output).await???;
        Ok(Ended {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            took: self.began.elapsed(),
        })
    }
}

impl Ended {
    /// The lines of JSON it wrote.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines.filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The result at its end; null when it gave none.
    #[must_use]
    pub fn result(&self) -> Value {
        let mut lines = self.lines().into_iter().rev();
        lines.find(|line| line["type"] == "result").unwrap_or_default()
    }

    /// The class of the run's failure, or the code of what kept it from starting.
    #[must_use]
    pub fn class(&self) -> String {
        let result = self.result();
        let class = &result["failure"]["class"];
        let code = &self.error()["code"];
        class.as_str().or(code.as_str()).unwrap_or_default().to_owned()
    }

    /// What it says happened, and what it says to do about it.
    #[must_use]
    pub fn message(&self) -> String {
        let failure = self.result();
        let error = self.error();
        let said = [&failure["failure"]["message"], &error["message"], &error["remedy"]];
        said.iter()
            .filter_map(|text| text.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The events of a kind, in order.
    #[must_use]
    pub fn events(&self, kind: &str) -> Vec<Value> {
        let lines = self.lines().into_iter();
        lines
            .map(|mut line| line["event"].take())
            .filter(|event| event["kind"] == kind)
            .collect()
    }

    fn error(&self) -> Value {
        let both = self.stdout.lines().chain(self.stderr.lines());
        let mut errors = both.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        errors
            .find(|line| line["type"] == "error")
            .map(|mut line| line["error"].take())
            .unwrap_or_default()
    }
}

/// Everything of a repository that a person would miss: its branches but the delivered ones, `HEAD`, the work tree and
/// the index. Empty when there is none.
fn state_of(source: &SampleRepository) -> String {
    let place: PathBuf = source.path().join(".git");
    if !place.exists() {
        return String::new();
    }
    let branches = source.git(["for-each-ref", "--format=%(refname) %(objectname)"]);
    let branches = branches
        .lines()
        .filter(|line| !line.starts_with("refs/heads/codecourier/"));
    let mut state: String = branches.map(|line| format!("{line}\n")).collect();
    state.push_str(&source.git(["status", "--porcelain", "--branch", "--ignored"]));
    state.push_str(&source.git(["stash", "list"]));
    state.push_str(&source.git(["diff", "HEAD"]));
    state
}
