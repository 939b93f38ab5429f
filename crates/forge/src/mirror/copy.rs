//! Copies of a project's repository: its references as a list, and one pack with every object that they lead to.
//!
//! For backups. Invariants: a copy is data and nothing else: no configuration, no hook and no path of a repository is in
//! it, and what is restored gets those of a repository made here; the list and the pack of a copy are a stranger's: names
//! outside the platform's own namespaces are refused, objects pass Git's checks, and each reference leads to its whole
//! history, or nothing is restored.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::time::Duration;

use codecourier_domain::id::ProjectId;
use serde::{Deserialize, Serialize};

use crate::commit::{CommitId, ObjectFormat};
use crate::error::Error;
use crate::lock::sync_directory;
use crate::mirror::ensure::FORGIVEN;
use crate::mirror::{HOSTED_MARK, Mirror, Mirrors, Origin};
use crate::spawn::Input;

/// The longest packing or unpacking.
const LIMIT: Duration = Duration::from_secs(60 * 60);
/// Room for the names of the references of one repository.
const LIST_BYTES: u64 = 512 << 20;
/// What unpacking may take; Git streams what is larger than its threshold.
const MEMORY_BYTES: u64 = 4 << 30;
/// The references that a repository of the platform has.
const NAMESPACES: [&str; 4] = ["refs/heads/", "refs/tags/", "refs/source/", "refs/codecourier/"];
/// Those of them that name another one.
const HEADS: [&str; 2] = ["HEAD", "refs/source/HEAD"];

/// What a repository's references said at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct References {
    format: ObjectFormat,
    kind: RepositoryKind,
    /// References that name another reference.
    symbolic: BTreeMap<String, String>,
    /// References that name an object.
    direct: BTreeMap<String, CommitId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RepositoryKind {
    Mirrored,
    Hosted,
}

impl References {
    /// Whether no object is named: then there is nothing to pack.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.direct.is_empty()
    }
}

impl Mirrors {
    /// The projects that have a repository here.
    pub fn projects(&self) -> Result<Vec<ProjectId>, Error> {
        let directory = &self.shared.directory;
        let mut projects = Vec::new();
        for entry in fs::read_dir(directory).map_err(Error::files("list", directory))? {
            let name = entry.map_err(Error::files("list", directory))?.file_name();
            let project = name
                .to_str()
                .and_then(|name| name.strip_suffix(".git")?.parse::<ProjectId>().ok());
            projects.extend(project);
        }
        projects.sort();
        Ok(projects)
    }

    /// Makes a project's repository from its copy. There must be none. It appears whole or not at all.
    pub async fn restore(&self, project: ProjectId, references: &References, pack: Option<File>) -> Result<(), Error> {
        let path = self.path(&project);
        if path.exists() {
            let exists = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(Error::files("restore", &path)(exists));
        }
        let bench = self.shared.workshop.bench("restore");
        let bench = bench.map_err(Error::files("make a temporary directory in", &self.shared.directory))?;
        let unfinished = bench.path().join("repository.git");
        let mirror = Mirror {
            shared: std::sync::Arc::clone(&self.shared),
            project,
            path: unfinished.clone(),
            origin: Origin::Mirrored,
            source_state: None,
        };
        self.shared
            .git
            .command("create a repository", bench.path())
            .config("init.defaultBranch=main")
            .args(["init", "--quiet", "--bare", "--template="])
            .arg(format!("--object-format={}", references.format.as_str()))
            .arg("--end-of-options")
            .arg(&unfinished)
            .output()
            .await?;
        fs::create_dir_all(unfinished.join("objects/pack")).map_err(Error::files("create", &unfinished))?;
        if let Some(pack) = pack {
            let forgiven: Vec<String> = FORGIVEN.iter().map(|name| format!("{name}=ignore")).collect();
            mirror
                .command("unpack a copy")
                .args(["index-pack", "--stdin"])
                .arg(format!("--strict={}", forgiven.join(",")))
                .input(Input::Hostile(pack))
                .memory_limit(MEMORY_BYTES)
                .time_limit(LIMIT)
                .output()
                .await?;
        }
        mirror.set_all(references).await?;
        if references.kind == RepositoryKind::Hosted {
            let mark = unfinished.join(HOSTED_MARK);
            fs::write(&mark, "").map_err(Error::files("write", &mark))?;
        }
        fs::rename(&unfinished, &path).map_err(Error::files("move the repository to", &path))?;
        sync_directory(&self.shared.directory).map_err(Error::files("sync", &self.shared.directory))
    }
}

impl Mirror {
    /// What its references say now.
    pub async fn references(&self) -> Result<References, Error> {
        let operation = "list the references";
        let listed = self
            .command(operation)
            .args(["for-each-ref", "--format=%(objectname) %(refname) %(symref)"])
            .output_limit(LIST_BYTES)
            .output()
            .await?;
        let listed = String::from_utf8_lossy(&listed);
        let (mut direct, mut symbolic) = (BTreeMap::new(), BTreeMap::new());
        for line in listed.lines() {
            let mut words = line.splitn(3, ' ');
            let (Some(object), Some(name), Some(target)) = (words.next(), words.next(), words.next()) else {
                return Err(Error::unreadable(operation, line));
            };
            if target.is_empty() {
                let object = object.parse().map_err(|error| Error::unreadable(operation, error))?;
                direct.insert(name.to_owned(), object);
            } else {
                symbolic.insert(name.to_owned(), target.to_owned());
            }
        }
        let head = self
            .command(operation)
            .args(["symbolic-ref", "-q", "HEAD"])
            .finish()
            .await?;
        if head.status.success() {
            let head = String::from_utf8_lossy(&head.output).trim_end().to_owned();
            symbolic.insert("HEAD".to_owned(), head);
        }
        let format = self
            .command(operation)
            .args(["rev-parse", "--show-object-format"])
            .output()
            .await?;
        Ok(References {
            format: match format.trim_ascii_end() {
                b"sha1" => ObjectFormat::Sha1,
                b"sha256" => ObjectFormat::Sha256,
                other => return Err(Error::unreadable(operation, String::from_utf8_lossy(other))),
            },
            kind: match self.origin {
                Origin::Mirrored => RepositoryKind::Mirrored,
                Origin::Hosted => RepositoryKind::Hosted,
            },
            symbolic,
            direct,
        })
    }

    /// Writes every object that these references lead to into a file, at its current position.
    pub async fn pack(&self, references: &References, file: File) -> Result<(), Error> {
        let mut names: Vec<&str> = references.direct.values().map(CommitId::as_str).collect();
        names.sort_unstable();
        names.dedup();
        self.command("pack a copy")
            .args(["pack-objects", "--revs", "--stdout", "--delta-base-offset", "--quiet"])
            .input(Input::Bytes((names.join("\n") + "\n").into_bytes()))
            .output_to(file)
            .time_limit(LIMIT)
            .output()
            .await
            .map(drop)
    }

    async fn set_all(&self, references: &References) -> Result<(), Error> {
        let operation = "restore the references";
        let refused = |name: &str| Error::unreadable(operation, format!("`{name}` is no reference of a copy"));
        let mut commands = Vec::new();
        for (name, object) in &references.direct {
            let is_ours = NAMESPACES.iter().any(|namespace| name.starts_with(namespace));
            if !is_ours || name.contains(['\0', '\n']) {
                return Err(refused(name));
            }
            commands.extend_from_slice(format!("create {name}\0{object}\0").as_bytes());
        }
        self.command(operation)
            .args(["update-ref", "--no-deref", "--stdin", "-z"])
            .input(Input::Bytes(commands))
            .output()
            .await?;
        for (name, target) in &references.symbolic {
            let is_ours = NAMESPACES.iter().any(|namespace| target.starts_with(namespace));
            if !HEADS.contains(&name.as_str()) || !is_ours {
                return Err(refused(name));
            }
            let set = self.command(operation).args(["symbolic-ref", name, target]);
            set.output().await?;
        }
        // Every reference leads to its whole history.
        self.command(operation)
            .args(["rev-list", "--objects", "--all", "--quiet"])
            .time_limit(LIMIT)
            .output()
            .await
            .map(drop)
    }
}
