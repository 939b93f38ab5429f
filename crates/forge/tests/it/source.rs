//! Sources that can be used, and each reason why one cannot, as a person reads it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use codecourier_forge::{Error, Git, GitSettings, Mirror, Mirrors, Source};
use tempfile::TempDir;

use crate::support::{RepositoryBuilder, SampleRepository, git, project, sample};

async fn ensure(place: &TempDir, path: &Path) -> Result<Mirror, Error> {
    let mirrors = Mirrors::open(git(), place.path().join("repositories")).unwrap();
    mirrors.ensure(project(), &Source::LocalPath(path.to_owned())).await
}

async fn failure(place: &TempDir, path: &Path) -> Error {
    let error = ensure(place, path).await.unwrap_err();
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    error
}

#[tokio::test]
async fn a_path_that_does_not_exist_or_is_a_file() {
    let place = tempfile::tempdir().unwrap();
    let error = failure(&place, &place.path().join("nowhere")).await;
    assert!(matches!(error, Error::SourceMissing { .. }), "{error}");
    let file = place.path().join("file");
    fs::write(&file, "").unwrap();
    let error = failure(&place, &file).await;
    assert!(matches!(error, Error::SourceMissing { .. }), "{error}");
}

#[tokio::test]
async fn a_path_that_is_no_repository() {
    let place = tempfile::tempdir().unwrap();
    let plain = place.path().join("plain");
    fs::create_dir(&plain).unwrap();
    let error = failure(&place, &plain).await;
    assert!(matches!(error, Error::SourceNotRepository { .. }), "{error}");
}

#[tokio::test]
async fn an_empty_repository() {
    let place = tempfile::tempdir().unwrap();
    let empty = place.path().join("empty");
    fs::create_dir(&empty).unwrap();
    SampleRepository::at(&empty).git(["init", "--quiet"]);
    let error = failure(&place, &empty).await;
    assert!(matches!(error, Error::SourceEmpty { .. }), "{error}");
    // Once there is a commit it works.
    SampleRepository::at(&empty).git(["commit", "--quiet", "--allow-empty", "-m", "First"]);
    assert!(ensure(&place, &empty).await.is_ok());
}

#[tokio::test]
async fn a_shallow_clone() {
    let place = tempfile::tempdir().unwrap();
    let source = sample().build(place.path().join("source"));
    let shallow = place.path().join("shallow");
    let url = format!("file://{}", source.path().display());
    source.git(["clone", "--quiet", "--depth=1", &url, shallow.to_str().unwrap()]);
    let error = failure(&place, &shallow).await;
    assert!(matches!(error, Error::SourceShallow { .. }), "{error}");
}

#[tokio::test]
async fn a_partial_clone() {
    let place = tempfile::tempdir().unwrap();
    let source = sample().build(place.path().join("source"));
    source.git(["config", "uploadpack.allowFilter", "true"]);
    let partial = place.path().join("partial");
    let url = format!("file://{}", source.path().display());
    source.git([
        "clone",
        "--quiet",
        "--filter=blob:none",
        "--no-checkout",
        &url,
        partial.to_str().unwrap(),
    ]);
    let error = failure(&place, &partial).await;
    assert!(matches!(error, Error::SourcePartial { .. }), "{error}");
}

#[tokio::test]
async fn a_directory_inside_a_work_tree_means_the_repository() {
    let place = tempfile::tempdir().unwrap();
    let source = sample().build(place.path().join("source"));
    let mirror = ensure(&place, &source.path().join("src")).await.unwrap();
    assert_eq!(mirror.source_state().unwrap().root.as_deref(), Some(source.path()));
}

#[tokio::test]
async fn a_linked_work_tree_and_a_bare_repository() {
    let place = tempfile::tempdir().unwrap();
    let source = sample()
        .branch("other")
        .file("o", "o")
        .commit("O")
        .branch("main")
        .build(place.path().join("source"));
    let linked = place.path().join("linked");
    source.git(["worktree", "add", "--quiet", linked.to_str().unwrap(), "other"]);
    let mirror = ensure(&place, &linked).await.unwrap();
    assert_eq!(
        mirror.resolve_base(None).await.unwrap().as_str(),
        source.commit("other"),
        "its own branch"
    );

    let bare = sample().build_bare(place.path().join("bare.git"));
    let mirror = ensure(&place, bare.path()).await.unwrap();
    assert_eq!(mirror.resolve_base(None).await.unwrap().as_str(), bare.commit("main"));
}

#[tokio::test]
async fn a_path_with_every_odd_character() {
    let place = tempfile::tempdir().unwrap();
    let source = sample().build(place.path().join("--odd ':$(id)\" ü\\n"));
    let mirror = ensure(&place, source.path()).await.unwrap();
    assert_eq!(mirror.resolve_base(None).await.unwrap().as_str(), source.commit("main"));
}

#[tokio::test]
async fn uncommitted_changes_are_told_and_left_out() {
    let place = tempfile::tempdir().unwrap();
    let source = sample().build(place.path().join("source"));
    fs::write(source.path().join("README.md"), "changed\n").unwrap();
    fs::write(source.path().join("new file.txt"), "new\n").unwrap();
    fs::write(source.path().join("x.log"), "ignored\n").unwrap();
    let mirror = ensure(&place, source.path()).await.unwrap();
    let state = mirror.source_state().unwrap();
    assert_eq!(
        (state.dirty_count, state.dirty_files.as_slice()),
        (2, ["README.md", "new file.txt"].map(str::to_owned).as_slice())
    );
    let base = mirror.resolve_base(None).await.unwrap();
    assert_eq!(
        mirror.file(&base, "README.md", 100).await.unwrap().as_deref(),
        Some(b"# Sample\n".as_slice())
    );
}

#[tokio::test]
async fn submodules_are_listed() {
    let place = tempfile::tempdir().unwrap();
    let source = sample().build(place.path().join("source"));
    let entry = format!("160000,{},vendor/lib", source.commit("HEAD"));
    source.git(["update-index", "--add", "--cacheinfo", &entry]);
    source.git(["commit", "--quiet", "-m", "Add a submodule"]);
    let mirror = ensure(&place, source.path()).await.unwrap();
    let base = mirror.resolve_base(None).await.unwrap();
    assert_eq!(mirror.submodules(&base).await.unwrap(), ["vendor/lib"]);
}

#[tokio::test]
async fn nothing_that_the_source_configures_is_run_and_nothing_in_it_changes() {
    let place = tempfile::tempdir().unwrap();
    let source = sample()
        .file(".gitattributes", "*.rs filter=evil\n")
        .commit("Filter")
        .build(place.path().join("source"));
    let proof = place.path().join("it-ran");
    let script = place.path().join("payload.sh");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\ncat\n", proof.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let payload = script.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "filter.evil.clean",
        "filter.evil.process",
        "uploadpack.packObjectsHook",
        "core.alternateRefsCommand",
        "core.sshCommand",
        "diff.external",
    ] {
        source.git(["config", key, payload]);
    }
    let hooks = source.path().join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for hook in [
        "post-index-change",
        "reference-transaction",
        "post-checkout",
        "pre-auto-gc",
    ] {
        fs::copy(&script, hooks.join(hook)).unwrap();
    }
    // Newer than the index says, so that Git has to look at the content.
    fs::write(source.path().join("src/lib.rs"), "pub fn one() -> u32 {\n    1\n}\n").unwrap();
    let index = fs::read(source.path().join(".git/index")).unwrap();

    ensure(&place, source.path()).await.unwrap();

    assert!(!proof.exists(), "something of it ran");
    assert_eq!(fs::read(source.path().join(".git/index")).unwrap(), index);
}

#[tokio::test]
async fn a_repository_of_another_user_can_be_a_source() {
    let place = tempfile::tempdir().unwrap();
    let source = sample().build(place.path().join("source"));
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for path in [source.path().to_owned(), source.path().join(".git")] {
        std::os::unix::fs::chown(path, Some(12345), Some(12345)).unwrap();
    }
    assert!(ensure(&place, source.path()).await.is_ok());
}

#[tokio::test]
async fn an_object_that_gits_checks_refuse() {
    let place = tempfile::tempdir().unwrap();
    let source = sample().build(place.path().join("source"));
    let blob = source.git_with_input(["hash-object", "-w", "--stdin"], b"x");
    let digits = (0..20).map(|index| u8::from_str_radix(&blob[index * 2..index * 2 + 2], 16).unwrap());
    let tree: Vec<u8> = b"100644 .git\0".iter().copied().chain(digits).collect();
    let tree = source.git_with_input(["hash-object", "-t", "tree", "-w", "--literally", "--stdin"], &tree);
    let commit = source.git(["commit-tree", &tree, "-m", "bad"]);
    source.git(["update-ref", "refs/heads/main", &commit]);
    let error = failure(&place, source.path()).await;
    assert!(matches!(error, Error::SourceCorrupt { .. }), "{error}");
}

/// A Git whose SSH client is this script, so that URLs are fetched for real with no host.
fn git_with_ssh(place: &TempDir, script: &str) -> Git {
    let program = place.path().join("it's ssh");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    Git::find(GitSettings {
        ssh_program: Some(program),
        ..GitSettings::default()
    })
    .unwrap()
}

async fn ensure_url(place: &TempDir, git: Git, url: &str) -> Result<Mirror, Error> {
    let mirrors = Mirrors::open(git, place.path().join("repositories")).unwrap();
    mirrors.ensure(project(), &Source::Url(url.parse().unwrap())).await
}

#[tokio::test]
async fn a_url_is_cloned_and_fetched() {
    let place = tempfile::tempdir().unwrap();
    let bare = RepositoryBuilder::new()
        .history(30, 40)
        .build_bare(place.path().join("bare.git"));
    // The last argument is what SSH would run on the host: `git-upload-pack '<path>'`.
    let script = "for last; do :; done; eval \"exec $last\"";
    for url in ["git@example.org:PATH", "ssh://git@example.org:2222/PATH"] {
        let url = url
            .replace("/PATH", "PATH")
            .replace("PATH", bare.path().to_str().unwrap());
        let git = git_with_ssh(&place, script);
        let mirror = ensure_url(&place, git, &url).await.unwrap();
        assert_eq!(mirror.resolve_base(None).await.unwrap().as_str(), bare.commit("main"));
        assert!(mirror.source_state().unwrap().root.is_none());
    }
}

#[tokio::test]
async fn a_host_that_refuses_the_connection() {
    let place = tempfile::tempdir().unwrap();
    let error = ensure_url(&place, git(), "https://127.0.0.1:1/x.git")
        .await
        .unwrap_err();
    assert!(matches!(error, Error::SourceUnreachable { .. }), "{error}");
    assert!(error.to_string().contains("https://127.0.0.1:1/x.git"), "{error}");
    assert!(
        !place
            .path()
            .join("repositories")
            .join(format!("{}.git", project()))
            .exists(),
        "nothing is made"
    );
}

#[tokio::test]
async fn a_host_that_wants_credentials_has_no_such_repository_or_is_gone() {
    let place = tempfile::tempdir().unwrap();
    let says = |text: &str| format!("echo \"{text}\" >&2; exit 255");
    let url = "git@example.org:a/b";
    let git = git_with_ssh(&place, &says("git@example.org: Permission denied (publickey)."));
    let error = ensure_url(&place, git, url).await.unwrap_err();
    assert!(matches!(error, Error::SourceNeedsAuthentication { .. }), "{error}");
    let git = git_with_ssh(&place, &says("ERROR: Repository not found."));
    let error = ensure_url(&place, git, url).await.unwrap_err();
    assert!(matches!(error, Error::SourceNotFound { .. }), "{error}");
    let git = git_with_ssh(
        &place,
        &says("ssh: Could not resolve hostname example.org: Name or service not known"),
    );
    let error = ensure_url(&place, git, url).await.unwrap_err();
    assert!(matches!(error, Error::SourceUnreachable { .. }), "{error}");
    assert!(error.to_string().contains("Could not resolve hostname"), "{error}");
}

#[tokio::test]
async fn ssh_asks_nobody_anything() {
    let place = tempfile::tempdir().unwrap();
    let git = git_with_ssh(&place, "echo \"fatal: $*\" >&2; exit 255");
    let error = ensure_url(&place, git, "git@example.org:a/b")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("-o BatchMode=yes") && error.contains("git@example.org"),
        "{error}"
    );
}
