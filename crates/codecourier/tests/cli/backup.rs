//! Backups with the real binary: of a server at work, restored elsewhere, killed in the middle, and tampered with.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use codecourier_domain::id::ProjectId;
use codecourier_forge::{Git, GitSettings, Identity, Mirrors, Source};
use codecourier_store::blobs::Blobs;
use codecourier_store::{Store, StoreConfig};
use codecourier_testkit::people::People;
use codecourier_testkit::postgres;
use tempfile::TempDir;

use crate::serve::Server;
use crate::spawn::{Ended, codecourier, codecourier_with, start};

const SECRET: &str = "sk-ant-canary-of-the-backup-0123456789";

/// A data directory with a person, a project of theirs, its repository, a long text and a provider key.
struct Place {
    directory: TempDir,
    session: String,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        std::fs::DirBuilder::new().create(&data).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let session = runtime.block_on(fill(&data));
        let place = Self { directory, session };
        let server = Server::start(&place.data(), &[]);
        let body = format!(r#"{{"key":"{SECRET}"}}"#);
        let answer = place.ask(&server, "PUT", "/api/v1/projects/shop/provider-keys/anthropic", &body);
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
        drop(server);
        place
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn ask(&self, server: &Server, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let (session, length) = (&self.session, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {session}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// What is expected of a server that goes on with what the backup had.
    fn goes_on(&self, data: &Path, environment: &[(&str, &str)]) {
        let server = Server::start_with(data, &[], environment);
        let projects = self.ask(&server, "GET", "/api/v1/projects", "");
        assert!(projects.contains(r#""slug":"shop""#), "{projects}");
        let made = self.ask(&server, "POST", "/api/v1/projects", r#"{"name":"After the restore"}"#);
        assert!(made.starts_with("HTTP/1.1 201"), "{made}");
    }
}

async fn fill(data: &Path) -> String {
    let path = data.join("codecourier.db");
    let store = Store::open(StoreConfig::Sqlite { path }).await.unwrap();
    let people = People::new(store.clone());
    let ada = people.sign_up("ada").await;
    let project: ProjectId = people.create_project("shop", ada.user).await;
    let git = Git::find(GitSettings::default()).unwrap();
    let mirrors = Mirrors::open(git, data.join("repositories")).unwrap();
    let mirror = mirrors.ensure(project, &Source::Hosted).await.unwrap();
    let identity = Identity::new("Ada", "ada@example.org").unwrap();
    mirror.create_first_commit(&identity, "Begin").await.unwrap();
    let blobs = Blobs::open(data.join("blobs")).await.unwrap();
    blobs.put(vec![7; 300_000].into()).await.unwrap();
    store.close().await;
    ada.token.expose().to_owned()
}

#[track_caller]
fn done(ended: &Ended) {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

/// Every file below a directory, in order.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn a_server_at_work_is_backed_up_and_goes_on_elsewhere() {
    let place = Place::new();
    let backup = place.text("backup");
    let server = Server::start(&place.data(), &[]);
    let taken = codecourier(&place.data(), &["backup", &backup, "--with-master-key", "--json"]);
    done(&taken);
    for part in [r#""blobs":1"#, r#""repositories":1"#, r#""hasMasterKey":true"#] {
        assert!(taken.stdout.contains(part), "{}", taken.stdout);
    }
    drop(server);
    for file in files(&place.path("backup")) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o077, 0, "{} can be read by others", file.display());
        let content = std::fs::read(&file).unwrap();
        let is_found = content.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
        assert!(!is_found, "{}", file.display());
    }
    done(&codecourier(&place.path("nowhere"), &["restore", &backup, "--check"]));
    assert!(!place.path("nowhere").exists(), "a look makes nothing");

    done(&codecourier(&place.path("restored"), &["restore", &backup]));
    // The secret can be opened again: it is sealed anew with another key.
    let rotated = codecourier(&place.path("restored"), &["keys", "rotate-master", "--json"]);
    assert!(rotated.stdout.contains(r#""resealed":1"#), "{}", rotated.stdout);
    place.goes_on(&place.path("restored"), &[]);
    let blobs = |data: &str| files(&place.path(data).join("blobs"));
    assert_eq!(blobs("restored").len(), blobs("data").len());
}

#[test]
fn a_backup_moves_an_installation_to_postgresql_and_back() {
    let place = Place::new();
    let (first, second) = (place.text("first"), place.text("second"));
    let without = codecourier(&place.data(), &["backup", &first]);
    done(&without);
    assert!(without.stderr.contains("master key is not in it"), "{}", without.stderr);
    let url = postgres::Server::shared().create_database();
    let environment = [("CODECOURIER_DATABASE_URL", url.as_str())];
    let moved = codecourier_with(&place.path("moved"), &["restore", &first], &environment, "");
    done(&moved);
    assert!(moved.stderr.contains("no master key yet"), "{}", moved.stderr);
    assert!(!place.path("moved").join("codecourier.db").exists());
    std::fs::copy(place.data().join("master.key"), place.path("moved").join("master.key")).unwrap();
    place.goes_on(&place.path("moved"), &environment);
    // Into a database that is in use: refused.
    let again = codecourier_with(&place.path("again"), &["restore", &first], &environment, "");
    again.refused(2, &["with something in it already", "CONFLICT"]);

    done(&codecourier_with(
        &place.path("moved"),
        &["backup", &second, "--with-master-key"],
        &environment,
        "",
    ));
    done(&codecourier(&place.path("back"), &["restore", &second]));
    place.goes_on(&place.path("back"), &[]);
}

#[test]
fn nothing_is_written_over_anything() {
    let place = Place::new();
    let backup = place.text("backup");
    codecourier(&place.path("empty"), &["backup", &backup]).refused(2, &["no runs in"]);
    done(&codecourier(&place.data(), &["backup", &backup]));
    codecourier(&place.data(), &["backup", &backup]).refused(2, &["exists", "CONFLICT"]);
    codecourier(&place.data(), &["restore", &backup]).refused(2, &["is not empty", "codecourier.db"]);
    let server = Server::start(&place.data(), &[]);
    codecourier(&place.data(), &["restore", &backup]).refused(4, &["in use by process"]);
    drop(server);
    codecourier(&place.path("x"), &["restore", &place.text("data")]).refused(2, &["There is no backup in"]);
    let key = [("CODECOURIER_ENCRYPTION_MASTER_KEY", "00")];
    let arguments = ["backup", &place.text("other"), "--with-master-key"];
    codecourier_with(&place.data(), &arguments, &key, "").refused(2, &["not kept in the data directory"]);
    std::fs::create_dir(place.path("stray.unfinished")).unwrap();
    std::fs::write(place.path("stray.unfinished/precious"), "p").unwrap();
    codecourier(&place.data(), &["backup", &place.text("stray")]).refused(2, &["is no unfinished backup"]);
    assert!(place.path("stray.unfinished/precious").exists());
    // Another key than the backup's own is not lost.
    done(&codecourier(
        &place.data(),
        &["backup", &place.text("with key"), "--with-master-key"],
    ));
    std::fs::create_dir(place.path("keyed")).unwrap();
    std::fs::write(place.path("keyed/master.key"), "another").unwrap();
    codecourier(&place.path("keyed"), &["restore", &place.text("with key")]).refused(2, &["is another key"]);
    assert_eq!(
        std::fs::read_to_string(place.path("keyed/master.key")).unwrap(),
        "another"
    );
}

#[test]
fn a_backup_that_was_tampered_with_is_refused_before_anything_is_made() {
    let place = Place::new();
    let good = place.path("good");
    done(&codecourier(
        &place.data(),
        &["backup", good.to_str().unwrap(), "--with-master-key"],
    ));
    let names: Vec<PathBuf> = files(&good);
    assert_eq!(names.len(), 6, "{names:?}");
    let manifest = std::fs::read_to_string(good.join("manifest.json")).unwrap();
    let mut number = 0;
    let mut refused = |tamper: &dyn Fn(&Path)| {
        number += 1;
        let copy = place.path(&format!("tampered {number}"));
        for file in &names {
            let to = copy.join(file.strip_prefix(&good).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(file, to).unwrap();
        }
        tamper(&copy);
        let target = place.path(&format!("target {number}"));
        let ended = codecourier(&target, &["restore", copy.to_str().unwrap()]);
        assert_eq!(ended.code, 2, "{number}: {}", ended.stderr);
        assert!(ended.stderr.contains("VALIDATION"), "{number}: {}", ended.stderr);
        assert!(!target.exists(), "{number}: something was made");
    };
    for file in &names {
        let name = file.strip_prefix(&good).unwrap();
        let flip = |copy: &Path| {
            let mut content = std::fs::read(copy.join(name)).unwrap();
            let middle = content.len() / 2;
            content[middle] ^= 1;
            std::fs::write(copy.join(name), content).unwrap();
        };
        refused(&flip);
        refused(&|copy| std::fs::remove_file(copy.join(name)).unwrap());
        let link = |copy: &Path| {
            std::fs::remove_file(copy.join(name)).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", copy.join(name)).unwrap();
        };
        refused(&link);
    }
    for (from, to) in [
        ("\"database.sqlite\"", "\"../../../etc/passwd\""),
        ("\"database.sqlite\"", "\"/etc/passwd\""),
        ("\"master.key\"", "\"database.sqlite\""),
        ("\"master.key\"", "\"config.toml\""),
        ("\"format\": 1", "\"format\": 99"),
        ("\"format\"", "\"more\": 1, \"format\""),
        ("\"count\": 1", "\"count\": 2"),
        (".pack\"", ".json\""),
    ] {
        assert!(manifest.contains(from), "{from}");
        refused(&|copy| std::fs::write(copy.join("manifest.json"), manifest.replace(from, to)).unwrap());
    }
    let extra = |copy: &Path| {
        let name = codecourier_store::blobs::BlobName::of(b"extra").to_string();
        std::fs::create_dir_all(copy.join("blobs").join(&name[..2])).unwrap();
        std::fs::write(copy.join("blobs").join(&name[..2]).join(&name[2..]), "extra").unwrap();
    };
    refused(&extra);
}

#[test]
fn a_backup_or_a_restore_that_was_killed_is_begun_anew() {
    let place = Place::new();
    let backup = place.text("backup");
    let killed = start(&place.data(), &["backup", &backup]);
    wait_for(&place.path("backup.unfinished/unfinished"));
    killed.kill();
    assert!(!place.path("backup").exists(), "half a backup looks like a whole one");
    done(&codecourier(&place.data(), &["backup", &backup, "--with-master-key"]));
    assert!(!place.path("backup.unfinished").exists());

    let target = place.path("target");
    let killed = start(&target, &["restore", &backup]);
    wait_for(&target.join("restore.unfinished"));
    killed.kill();
    assert!(
        target.join("restore.unfinished").exists(),
        "it ended before it was killed"
    );
    codecourier(&target, &["serve"]).refused(4, &["and that did not end", "codecourier restore"]);
    codecourier(&target, &["keys", "rotate-master"]).refused(2, &["no runs"]);
    done(&codecourier(&target, &["restore", &backup]));
    place.goes_on(&target, &[]);
}

fn wait_for(path: &Path) {
    let begun = std::time::Instant::now();
    while !path.exists() {
        assert!(begun.elapsed().as_secs() < 60, "{} does not come", path.display());
        std::thread::yield_now();
    }
}

#[test]
fn the_version_of_the_database_is_told_and_brought_up_to_date() {
    let place = Place::new();
    let checked = codecourier(&place.data(), &["migrate", "--check", "--json"]);
    done(&checked);
    assert!(checked.stdout.contains(r#""upToDate":true"#), "{}", checked.stdout);
    done(&codecourier(&place.data(), &["migrate"]));
    codecourier(&place.path("empty"), &["migrate", "--check"]).refused(2, &["no runs in"]);
    assert!(!place.path("empty").exists());
}
