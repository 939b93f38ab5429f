//! Stop means stopped: whatever an agent started in whatever way is dead, and the record says so.

use std::time::{Duration, Instant};

use codecourier_it::server::Installation;
use codecourier_testkit::repository::RepositoryBuilder;
use codecourier_testkit::scripted_model::ScriptedModel;

/// Arguments that nothing else on this machine has, so that survivors can be found by them.
const ZOO: &str = r#"Start a zoo.
@@bash (setsid sleep 864197 &) ; nohup sleep 864197 >/dev/null 2>&1 & (sh -c 'sh -c "sleep 864197 &" &') ; (trap '' TERM INT HUP; sleep 864197 & wait) >/dev/null 2>&1 & (while :; do sleep 864197 & sleep 0.05; done) >/dev/null 2>&1 & sleep 1; echo zoo-is-open
@@hang
"#;

#[tokio::test]
async fn a_cancel_leaves_no_process_of_the_run_within_two_seconds() {
    let installation = Installation::new().await.unwrap();
    let model = ScriptedModel::start().await.unwrap();
    let repository = RepositoryBuilder::new()
        .file("a.txt", "one\n")
        .commit("first")
        .build(installation.data().join("source"));
    let path = repository.path().display().to_string();
    let mut command = installation.command(&["run", "--repo", &path, "--workflow", "single", "--json", ZOO]);
    let log = installation.data().join("run.log");
    command
        .env("ANTHROPIC_API_KEY", "sk-ant-test")
        .env("ANTHROPIC_BASE_URL", model.base_url())
        .stdout(std::fs::File::create(&log).unwrap())
        .stderr(std::fs::File::create(installation.data().join("run.err")).unwrap());
    let mut run = command.spawn().unwrap();
    // The second request comes after the zoo's command ended: then every animal is there.
    tokio::time::timeout(Duration::from_secs(60), model.wait_for_requests(2))
        .await
        .expect("the agent asks twice");
    assert!(animals() >= 5, "the zoo was opened: {}", animals());

    let began = Instant::now();
    let listed = installation.run(&["runs", "--json"]).unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let at = listed.find("run_").expect("the run is listed");
    let cancelled = installation.run(&["cancel", &listed[at..at + 36]]).unwrap();
    assert!(
        cancelled.status.success(),
        "{}",
        String::from_utf8_lossy(&cancelled.stderr)
    );
    let status = tokio::task::spawn_blocking(move || run.wait()).await.unwrap().unwrap();
    let took = began.elapsed();
    assert_eq!(status.code(), Some(3), "cancelled has an exit code of its own");
    assert_eq!(animals(), 0, "something of the zoo lives on");
    assert!(took < Duration::from_secs(2), "the cancel took {took:?}");
    let log = std::fs::read_to_string(log).unwrap();
    let killed = log
        .lines()
        .rfind(|line| line.contains("\"killed\""))
        .expect("the kill is on record");
    assert!(killed.contains("\"survivors\":0"), "{killed}");
    assert!(
        installation.leftovers().unwrap().is_empty(),
        "{:?}",
        installation.leftovers()
    );
}

/// How many processes of the zoo this machine has.
fn animals() -> usize {
    let processes = std::fs::read_dir("/proc").expect("every Linux has it").flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .filter(|line| line.as_slice() == b"sleep\x00864197\x00".as_slice())
        .count()
}
