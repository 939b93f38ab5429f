//! A project with its source, its mirror and a run, and a directory that plays the sandbox.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use codecourier_domain::id::{ProjectId, RunId, StepId};
use codecourier_forge::{
    BranchName, CloneSpec, CollectReport, CollectSpec, CommitId, Error, Expectation, Git, GitSettings, History,
    HistoryPolicy, Identity, Mirror, Mirrors, ReceiveLimits, Received, Refusal, SandboxCommand, Source,
    SubmodulePolicy, clone_command, collect_command,
};
pub(crate) use codecourier_testkit::repository::{RepositoryBuilder, SampleRepository};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) fn git() -> Git {
    Git::find(GitSettings::default()).unwrap()
}

pub(crate) fn project() -> ProjectId {
    ProjectId::from_uuid(Uuid::from_u128(1))
}

pub(crate) fn run_id() -> RunId {
    RunId::from_uuid(Uuid::from_u128(2))
}

pub(crate) fn step_id() -> StepId {
    StepId::from_uuid(Uuid::from_u128(3))
}

/// The same as the sample repositories' author.
pub(crate) fn identity() -> Identity {
    Identity::new("Sample Author", "sample@example.org").unwrap()
}

pub(crate) fn sample() -> RepositoryBuilder {
    RepositoryBuilder::new()
        .file("README.md", "# Sample\n")
        .file("src/lib.rs", "pub fn one() -> u32 {\n    1\n}\n")
        .file(".gitignore", "target/\n*.log\n")
        .commit("Begin the project")
        .file("src/two.rs", "pub fn two() -> u32 {\n    2\n}\n")
        .commit("Add two")
}

/// A run whose first step is about to begin.
pub(crate) struct Scene {
    pub(crate) place: TempDir,
    pub(crate) source: SampleRepository,
    pub(crate) mirror: Mirror,
    pub(crate) base: CommitId,
    pub(crate) branch: BranchName,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::of(sample()).await
    }

    pub(crate) async fn of(source: RepositoryBuilder) -> Self {
        let place = tempfile::tempdir().unwrap();
        let source = source.build(place.path().join("source"));
        let mirrors = Mirrors::open(git(), place.path().join("repositories")).unwrap();
        let mirror = mirrors
            .ensure(project(), &Source::LocalPath(source.path().to_owned()))
            .await
            .unwrap();
        let base = mirror.resolve_base(None).await.unwrap();
        let branch = BranchName::of_run(&run_id(), "Add three");
        mirror.create_run_branch(&run_id(), &base, &branch).await.unwrap();
        Self {
            place,
            source,
            mirror,
            base,
            branch,
        }
    }

    pub(crate) fn sandbox(&self) -> PathBuf {
        self.place.path().join("sandbox")
    }

    pub(crate) fn project_directory(&self) -> String {
        self.sandbox().join("project").to_str().unwrap().to_owned()
    }

    fn step_bundle(&self) -> String {
        self.sandbox().join("step.bundle").to_str().unwrap().to_owned()
    }

    pub(crate) fn result_bundle(&self) -> PathBuf {
        self.sandbox().join("result.bundle")
    }

    /// Hands the step's bundle into the sandbox and unpacks it there.
    pub(crate) async fn clone_into_sandbox(&self) -> SampleRepository {
        self.clone_with(History::Full).await
    }

    pub(crate) async fn clone_with(&self, history: History) -> SampleRepository {
        let tip = self.mirror.branch_tip(&self.branch).await.unwrap();
        let bundle = self.mirror.bundle_for_step(&tip, &self.branch, history).await.unwrap();
        std::fs::create_dir_all(self.sandbox()).unwrap();
        std::fs::copy(bundle.path(), self.step_bundle()).unwrap();
        let output = self.run_inside(&clone_command(&CloneSpec {
            bundle: &self.step_bundle(),
            directory: &self.project_directory(),
            branch: &self.branch,
            commit: &tip,
            shallow: bundle.shallow(),
            identity: &identity(),
            run: &run_id(),
            step: &step_id(),
            excluded: &["/.claude/"],
        }));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        SampleRepository::at(self.project_directory())
    }

    /// Packs up the sandbox's result as the engine would.
    pub(crate) async fn collect(&self) -> CollectReport {
        let base = self.mirror.branch_tip(&self.branch).await.unwrap();
        let output = self.run_inside(&collect_command(&CollectSpec {
            directory: &self.project_directory(),
            step_bundle: &self.step_bundle(),
            output: self.result_bundle().to_str().unwrap(),
            branch: &self.branch,
            base: &base,
            shallow: &[],
            identity: &identity(),
            run: &run_id(),
            step: &step_id(),
            message: "Save the work of the designer",
            excluded: &["/.claude/"],
        }));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        CollectReport::parse(&output.stdout)
    }

    #[expect(clippy::disallowed_methods, reason = "the test plays the sandbox's exec")]
    fn run_inside(&self, command: &SandboxCommand) -> Output {
        let home = self.sandbox().join("home");
        std::fs::create_dir_all(&home).unwrap();
        Command::new(&command.argv[0])
            .args(&command.argv[1..])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", home)
            .envs(command.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .output()
            .unwrap()
    }

    pub(crate) fn expectation(&self) -> Expectation {
        Expectation {
            run: run_id(),
            step: step_id(),
            branch: self.branch.clone(),
            base: self.base.clone(),
            identity: identity(),
            limits: ReceiveLimits::default(),
            history: HistoryPolicy::AddOnly,
            submodules: SubmodulePolicy::Refuse,
        }
    }

    pub(crate) async fn receive(&self) -> Result<Received, Error> {
        self.mirror.receive(&self.result_bundle(), &self.expectation()).await
    }

    /// Receives a bundle that must be refused, and shows that nothing of it stayed.
    pub(crate) async fn refusal_of(&self, bundle: &Path, expectation: &Expectation) -> Refusal {
        let before = self.traces();
        let refusal = match self.mirror.receive(bundle, expectation).await {
            Err(Error::BundleRefused(refusal)) => refusal,
            other => panic!("expected a refusal, got {other:?}"),
        };
        assert_eq!(self.traces(), before, "the mirror changed");
        let workshop = self.place.path().join("repositories/.workshop");
        assert_eq!(
            std::fs::read_dir(workshop).unwrap().count(),
            0,
            "the quarantine is left"
        );
        refusal
    }

    /// Everything in the mirror: references and objects.
    fn traces(&self) -> String {
        let mirror = self.bare_mirror();
        let references = mirror.git(["for-each-ref"]);
        let objects = mirror.git(["cat-file", "--batch-check", "--batch-all-objects"]);
        references + &objects
    }

    /// The mirror for raw commands.
    pub(crate) fn bare_mirror(&self) -> SampleRepository {
        SampleRepository::at(self.mirror.path())
    }
}

/// An attacker's workshop: a clone of the source in which objects are made that no porcelain would.
pub(crate) struct Forgery {
    pub(crate) repository: SampleRepository,
    base: String,
    reference: String,
    /// What the source has.
    honest: HashSet<String>,
}

impl Forgery {
    pub(crate) fn new(scene: &Scene) -> Self {
        let path = scene.place.path().join("forgery");
        scene
            .source
            .git(["clone", "--quiet", "--bare", ".", path.to_str().unwrap()]);
        let repository = SampleRepository::at(path);
        Self {
            honest: objects(&repository).into_iter().collect(),
            repository,
            base: scene.base.to_string(),
            reference: scene.branch.reference(),
        }
    }

    pub(crate) fn blob(&self, content: &[u8]) -> String {
        self.repository
            .git_with_input(["hash-object", "-w", "--stdin"], content)
    }

    /// A tree of exactly these entries, in this order.
    pub(crate) fn tree(&self, entries: &[(&str, &[u8], &str)]) -> String {
        let mut bytes = Vec::new();
        for (mode, name, object) in entries {
            bytes.extend(mode.bytes());
            bytes.push(b' ');
            bytes.extend(*name);
            bytes.push(0);
            let digits = object.as_bytes().chunks(2);
            bytes.extend(digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()));
        }
        self.object("tree", &bytes)
    }

    pub(crate) fn object(&self, kind: &str, bytes: &[u8]) -> String {
        self.repository
            .git_with_input(["hash-object", "-t", kind, "-w", "--literally", "--stdin"], bytes)
    }

    /// A well-named commit of a tree on top of the base.
    pub(crate) fn commit(&self, tree: &str) -> String {
        self.commit_on(tree, &[&self.base])
    }

    pub(crate) fn commit_on(&self, tree: &str, parents: &[&str]) -> String {
        let message = format!(
            "Forged\n\nCodeCourier-Run: {}\nCodeCourier-Step: {}\n",
            run_id(),
            step_id()
        );
        self.commit_with(tree, parents, &message)
    }

    pub(crate) fn commit_with(&self, tree: &str, parents: &[&str], message: &str) -> String {
        let mut text = format!("tree {tree}\n");
        for parent in parents {
            text += &format!("parent {parent}\n");
        }
        for role in ["author", "committer"] {
            text += &format!("{role} Sample Author <sample@example.org> 1767225600 +0000\n");
        }
        self.object("commit", format!("{text}\n{message}").as_bytes())
    }

    /// A bundle of the run's branch at this commit, as an honest sandbox would send it.
    pub(crate) fn bundle(&self, tip: &str) -> PathBuf {
        let head = format!("# v2 git bundle\n-{}\n{tip} {}\n\n", self.base, self.reference);
        self.cut(&head, &self.pack_of_all_forged())
    }

    /// A pack of what these revisions name.
    pub(crate) fn pack(&self, revisions: &[&str]) -> Vec<u8> {
        let input = revisions.join("\n") + "\n";
        self.repository.git_bytes(
            ["pack-objects", "--revs", "--thin", "--stdout", "--quiet"],
            input.as_bytes(),
        )
    }

    /// A pack of everything that was made here. Nothing walks it, so it may be as broken as it likes.
    fn pack_of_all_forged(&self) -> Vec<u8> {
        let all = objects(&self.repository);
        let forged: Vec<&str> = all
            .iter()
            .filter(|name| !self.honest.contains(*name))
            .map(String::as_str)
            .collect();
        self.pack_of(&forged)
    }

    /// A pack of exactly these objects.
    pub(crate) fn pack_of(&self, objects: &[&str]) -> Vec<u8> {
        let input = objects.join("\n") + "\n";
        self.repository
            .git_bytes(["pack-objects", "--stdout", "--quiet"], input.as_bytes())
    }

    /// Any head with any pack.
    pub(crate) fn cut(&self, head: &str, pack: &[u8]) -> PathBuf {
        let path = self.repository.path().join("forged.bundle");
        std::fs::write(&path, [head.as_bytes(), pack].concat()).unwrap();
        path
    }
}

fn objects(repository: &SampleRepository) -> Vec<String> {
    let listed = repository.git(["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
    listed.lines().map(str::to_owned).collect()
}
