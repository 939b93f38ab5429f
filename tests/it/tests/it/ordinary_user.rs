//! The same as an ordinary user of the machine: root is no condition, and where something is missing the user is told
//! what, in words that somebody with root can act on.
//!
//! As root, these tests start themselves again under another user id; as anybody else they are that user.
#![expect(
    clippy::unwrap_used,
    reason = "tests: helpers outside of test functions count as code"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "the part of a test learns from its environment that it is one"
)]

use std::path::{Path, PathBuf};

use codecourier_it::other_user::{PLACE, Subordinates, run_as_other_user, templates_of_user};
use codecourier_it::scene::Scene;
use codecourier_it::server::Installation;
use codecourier_sandbox::templates::Error;
use codecourier_testkit::repository::RepositoryBuilder;
use codecourier_testkit::template::claude_template_in;

const ENVIRONMENT: i32 = 4;
const GOOD: &str = "@@write a.txt <<< fine";

/// Runs a part as the user, and shows what it said if it failed.
fn as_user(part: &str, subordinates: Subordinates) {
    let output = run_as_other_user(&format!("ordinary_user::{part}"), subordinates).unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "nothing was tested: {stdout}");
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The place of whoever runs a part: given by root, or the user's own. `None` while root runs it.
fn place() -> Option<PathBuf> {
    match std::env::var(PLACE) {
        Ok(place) => Some(place.into()),
        Err(_) if is_root() => None,
        Err(_) => Some(std::env::temp_dir()),
    }
}

async fn scene(place: &Path, layers: &Path) -> Scene {
    let installation = Installation::with_layers(place, layers).unwrap();
    let sample = RepositoryBuilder::new()
        .file("README.md", "A sample.\n")
        .commit("first");
    Scene::at(installation, sample).await.unwrap()
}

/// Without root a machine keeps not every limit: that is refused, unless the user says that it will do.
async fn assert_refused_unless_allowed(scene: &Scene) {
    let run = scene.run(&[], GOOD).await.unwrap();
    if run.code == Some(0) {
        return; // This machine keeps them all, such as with a delegated control group.
    }
    assert_eq!((run.code, run.class().as_str()), (Some(ENVIRONMENT), "SANDBOX"));
    for words in ["memory limit", "instead:", "to do:", "--allow-degraded"] {
        assert!(run.message().contains(words), "{}", run.message());
    }
    assert!(scene.model.requests().is_empty(), "nothing was started");
}

#[tokio::test]
async fn an_ordinary_user_with_subordinate_ids_runs_agents() {
    if is_root() {
        as_user("the_part_with_ids", Subordinates::All);
    }
}

/// What runs as the user.
#[tokio::test]
async fn the_part_with_ids() {
    let Some(place) = place() else { return };
    let templates = templates_of_user(&place);
    if let Err(error) = claude_template_in(&templates).await {
        // A machine whose users have no such ids: the other part has seen what they are told.
        assert!(matches!(error, Error::NoSubordinateIds { .. }), "{error}");
        assert_ne!(std::env::var(PLACE).ok(), Some(place.display().to_string()), "{error}");
        return;
    }
    let scene = scene(&place, &templates.join("layers")).await;
    assert_refused_unless_allowed(&scene).await;
    let two = [
        "--allow-degraded",
        "--workflow",
        "designer-checker",
        "--check",
        "file=test -s a.txt",
    ];
    let prompt = "@@when role=designer\n@@bash id -un; ls -ld /home/user /root; (setsid sleep 4321 &)\n@@write a.txt <<< fine\n\
                  @@end\n@@when role=checker\n@@write /home/user/.codecourier/verdict.json <<< {\"verdict\":\"pass\"}\n@@end";
    let run = scene.run(&two, prompt).await.unwrap();
    let told = format!("{}\n{}", run.message(), run.stderr);
    assert_eq!(run.code, Some(0), "{told}");
    let said = run.events("tool_result")[0]["output"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(said.starts_with("user\n") && said.contains("user user"), "{said}");
    let branch = run.result()["branch"].as_str().unwrap_or_default().to_owned();
    assert_eq!(scene.source.git(["show", &format!("{branch}:a.txt")]), "fine");
    assert!(
        !run.result()["isolation"]["degraded"].is_null(),
        "the result says what was not kept"
    );
    assert_eq!(scene.faults(), Vec::<String>::new());

    let demo = scene.installation.run(&["demo", "--json", "--no-pacing"]).unwrap();
    assert!(demo.status.success(), "{}", String::from_utf8_lossy(&demo.stderr));
    assert_eq!(scene.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn an_ordinary_user_without_subordinate_ids_is_told_how_to_get_them() {
    if is_root() {
        as_user("the_part_without_ids", Subordinates::None);
    }
}

/// What runs as the user.
#[tokio::test]
async fn the_part_without_ids() {
    let Ok(place) = std::env::var(PLACE).map(PathBuf::from) else {
        // Whether this machine's own user has such ids is not for a test to say.
        return;
    };
    let layers = place.join("layers");
    std::fs::create_dir(&layers).unwrap();
    let scene = scene(&place, &layers).await;
    assert_refused_unless_allowed(&scene).await;
    let run = scene.run(&["--allow-degraded"], GOOD).await.unwrap();
    assert_eq!((run.code, run.class().as_str()), (Some(1), "TEMPLATE"));
    for words in ["/etc/subuid", "usermod --add-subuids", "uidmap", "run as root"] {
        assert!(run.message().contains(words), "{}", run.message());
    }
    assert_eq!(scene.faults(), Vec::<String>::new());

    let doctor = scene.installation.run(&["doctor"]).unwrap();
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        doctor.contains("separate user ids") && doctor.contains("/etc/subuid"),
        "{doctor}"
    );
}
