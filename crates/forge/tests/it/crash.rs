//! `kill -9` at every step, and what the next start makes of it.
//!
//! A process of its own goes through a run's Git work with a `git` that kills it at the n-th call: before the call, after
//! it, or before it with the call going on alone. For every n until one gets through; no timing is involved.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use codecourier_forge::{Error, Git, GitSettings, Mirrors, Source};

use crate::support::{Forgery, RepositoryBuilder, Scene, git, project, run_id};

const HELPER: &str = "crash::the_process_that_is_killed";
const PLACE: &str = "FORGE_CRASH_PLACE";

/// Everything that a run does with Git, from the start each time, as the engine repeats its tasks.
async fn whole_run(git: Git, place: &Path) -> Result<(), Error> {
    let scene_branch = fs::read_to_string(place.join("branch")).unwrap().parse().unwrap();
    let mirrors = Mirrors::open(git, place.join("crashing"))?;
    let source = place.join("source");
    let mirror = mirrors.ensure(project(), &Source::LocalPath(source)).await?;
    let base = mirror.resolve_base(None).await?;
    mirror.create_run_branch(&run_id(), &base, &scene_branch).await?;
    mirror
        .bundle_for_step(&base, &scene_branch, codecourier_forge::History::Full)
        .await?;
    let expectation = codecourier_forge::Expectation {
        run: run_id(),
        step: crate::support::step_id(),
        branch: scene_branch.clone(),
        base,
        identity: crate::support::identity(),
        limits: codecourier_forge::ReceiveLimits::default(),
        history: codecourier_forge::HistoryPolicy::AddOnly,
        submodules: codecourier_forge::SubmodulePolicy::Refuse,
    };
    mirror
        .receive(&place.join("forgery/forged.bundle"), &expectation)
        .await?;
    mirror.deliver_to_local(&place.join("target"), &scene_branch).await?;
    Ok(())
}

/// Does nothing unless it is started by the tests below.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the one way to hand a value to a test that runs as a process"
)]
async fn the_process_that_is_killed() {
    let Some(place) = std::env::var_os(PLACE).map(PathBuf::from) else {
        return;
    };
    let git = Git::find(GitSettings {
        program: Some(place.join("git")),
        ..GitSettings::default()
    });
    whole_run(git.unwrap(), &place).await.unwrap();
}

/// A `git` that counts its calls and kills its caller at one of them.
fn deadly_git(place: &Path, at_call: u32, then: &str) {
    let real = git().program().display().to_string();
    let count = place.join("count");
    fs::write(&count, "0").unwrap();
    let script = format!(
        "#!/bin/sh\nexec 9> '{alive}'\nread n < '{count}'; n=$((n + 1)); echo $n > '{count}'\n\
         if [ $n -eq {at_call} ]; then {then}; fi\nexec '{real}' \"$@\"\n",
        alive = place.join("alive").display(),
        count = count.display(),
        then = then.replace("REAL", &format!("'{real}' \"$@\"")),
    );
    let program = place.join("git");
    fs::write(place.join("git.new"), script).unwrap();
    fs::set_permissions(place.join("git.new"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(place.join("git.new"), program).unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test starts itself as the process to be killed"
)]
fn run_helper(place: &Path) -> std::process::ExitStatus {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", HELPER, "--nocapture", "--test-threads=1"])
        .env(PLACE, place)
        .output()
        .unwrap();
    let status = output.status;
    assert!(
        status.success() || status.signal() == Some(9),
        "{status}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    status
}

fn make_pipe(path: &Path) {
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
}

fn open_without_waiting(pipe: &Path) -> fs::File {
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    rustix::fs::open(pipe, flags, rustix::fs::Mode::empty()).unwrap().into()
}

async fn killed_at_every_call(then: &str) {
    let scene = Scene::of(RepositoryBuilder::new().history(20, 20)).await;
    let forgery = Forgery::new(&scene);
    let tree = forgery.tree(&[("100644", b"x", &forgery.blob(b"x"))]);
    // Without trailers, so that the platform has to add its commit.
    forgery.bundle(&forgery.commit_with(&tree, &[scene.base.as_str()], "No trailers\n"));
    let place = scene.place.path();
    fs::write(place.join("branch"), scene.branch.as_str()).unwrap();
    let target = place.join("target");
    // Every `git` holds its other end.
    make_pipe(&place.join("alive"));
    let mut calls = 0;
    let expected = loop {
        calls += 1;
        assert!(calls < 100, "it never gets through");
        for directory in [&place.join("crashing"), &target] {
            let _ = fs::remove_dir_all(directory);
        }
        let target = RepositoryBuilder::new().history(20, 20).build(&target);
        deadly_git(place, calls, then);
        let mut alive = open_without_waiting(&place.join("alive"));
        let was_killed = !run_helper(place).success();
        // The next start, while the call may still go on alone.
        whole_run(git(), place).await.unwrap();
        // What it made after that is for the start after that.
        rustix::io::ioctl_fionbio(&alive, false).unwrap();
        alive.read_to_end(&mut Vec::new()).unwrap();
        whole_run(git(), place).await.unwrap();
        let delivered = target.commit(&scene.branch.reference());
        assert_clean(&place.join("crashing"), &delivered);
        if !was_killed {
            break delivered;
        }
    };
    assert!(calls > 15, "only {calls} calls were tried");
    assert_eq!(scene.source.git(["cat-file", "-t", scene.base.as_str()]), "commit");
    assert_eq!(expected.len(), 40);
}

fn assert_clean(directory: &Path, tip: &str) {
    let mirror = crate::support::SampleRepository::at(directory.join(format!("{}.git", project())));
    assert!(mirror.git(["for-each-ref", "--format=%(objectname)"]).contains(tip));
    mirror.git(["fsck", "--strict", "--no-dangling"]);
    let workshop = fs::read_dir(directory.join(".workshop")).unwrap().count();
    assert_eq!(workshop, 0, "temporary directories are left");
    let mut left = Vec::new();
    unfinished(mirror.path(), &mut left);
    assert!(left.is_empty(), "{left:?}");
}

fn unfinished(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            unfinished(&path, found);
        } else if name.ends_with(".lock") || name.starts_with("tmp_") {
            found.push(path);
        }
    }
}

#[tokio::test]
async fn killed_before_each_call_of_git() {
    killed_at_every_call("kill -9 $PPID; exit 1").await;
}

#[tokio::test]
async fn killed_after_each_call_of_git() {
    killed_at_every_call("REAL > /dev/null 2>&1; kill -9 $PPID; exit 1").await;
}

#[tokio::test]
async fn killed_while_each_call_of_git_goes_on_alone() {
    killed_at_every_call("kill -9 $PPID").await;
}

#[tokio::test]
async fn what_a_killed_git_leaves_is_removed_and_the_fetch_goes_on() {
    let scene = Scene::new().await;
    let mirror = scene.mirror.path().to_owned();
    let left = [
        "HEAD.lock",
        "config.lock",
        "packed-refs.lock",
        "shallow.lock",
        "refs/source/heads/main.lock",
        "refs/source/HEAD.lock",
        "refs/heads/codecourier/x.lock",
        "objects/pack/tmp_pack_abcdef",
        "objects/pack/tmp_idx_abcdef",
        "objects/ab/tmp_obj_abcdef",
    ];
    for name in left {
        let path = mirror.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    scene.source.git(["commit", "--quiet", "--allow-empty", "-m", "More"]);
    let mirrors = Mirrors::open(git(), scene.place.path().join("repositories")).unwrap();
    let fetched = mirrors
        .ensure(project(), &Source::LocalPath(scene.source.path().to_owned()))
        .await
        .unwrap();
    assert_eq!(
        fetched.resolve_base(None).await.unwrap().as_str(),
        scene.source.commit("main")
    );
    for name in left {
        assert!(!mirror.join(name).exists(), "{name}");
    }
}

#[tokio::test]
async fn a_mirror_that_is_no_repository_is_said_to_be_damaged() {
    let scene = Scene::new().await;
    fs::remove_file(scene.mirror.path().join("HEAD")).unwrap();
    let mirrors = Mirrors::open(git(), scene.place.path().join("repositories")).unwrap();
    let outcome = mirrors
        .ensure(project(), &Source::LocalPath(scene.source.path().to_owned()))
        .await;
    assert!(matches!(outcome, Err(Error::MirrorDamaged { .. })), "{outcome:?}");
}

#[tokio::test]
async fn giving_up_a_fetch_ends_its_processes() {
    let place = tempfile::tempdir().unwrap();
    let source = RepositoryBuilder::new()
        .history(5, 5)
        .build(place.path().join("source"));
    let pipe = place.path().join("alive");
    make_pipe(&pipe);
    // At the fetch: a process with a child, both of which hold the pipe open and would stay for ever.
    let script = format!(
        "#!/bin/sh\nfor word; do if [ \"$word\" = fetch ]; then\n\
         exec 9> '{pipe}'; echo here >&9; sleep 1000 & wait\nfi; done\nexec '{real}' \"$@\"\n",
        pipe = pipe.display(),
        real = git().program().display(),
    );
    let program = place.path().join("git");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let settings = GitSettings {
        program: Some(program),
        ..GitSettings::default()
    };
    let mirrors = Mirrors::open(Git::find(settings).unwrap(), place.path().join("repositories")).unwrap();
    let source = Source::LocalPath(source.path().to_owned());
    let (started, wait_for_start) = tokio::sync::oneshot::channel();
    let reader = tokio::task::spawn_blocking(move || {
        let mut pipe = fs::File::open(pipe).unwrap();
        let mut word = [0; 5];
        pipe.read_exact(&mut word).unwrap();
        started.send(()).unwrap();
        // Ends when the last process that holds the other end is gone.
        pipe.read_to_end(&mut Vec::new()).unwrap()
    });
    tokio::select! {
        outcome = mirrors.ensure(project(), &source) => panic!("{outcome:?}"),
        _ = wait_for_start => {}
    }
    let limit = std::time::Duration::from_secs(20);
    assert_eq!(tokio::time::timeout(limit, reader).await.unwrap().unwrap(), 0);

    let mirrors = Mirrors::open(git(), place.path().join("repositories")).unwrap();
    assert!(
        mirrors.ensure(project(), &source).await.is_ok(),
        "the lock is free again"
    );
}
