//! The demo: what a newcomer sees first.

use codecourier_it::compare::recorded_runs;
use codecourier_it::server::Installation;

#[tokio::test]
async fn the_demo_shows_a_rejected_and_then_an_accepted_change() {
    let installation = Installation::new().await.unwrap();
    let output = installation.run(&["demo", "--json", "--no-pacing"]).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");

    let runs = recorded_runs(installation.data()).await.unwrap();
    let [run] = runs.as_slice() else {
        panic!("one run was expected, {} are there", runs.len())
    };
    assert_eq!(run.status, "completed");
    assert_eq!(
        run.faults,
        Vec::<String>::new(),
        "the event log is what the journals hold"
    );
    let steps: Vec<(&str, Option<&str>)> = run
        .steps
        .iter()
        .map(|step| (step.name.as_str(), step.verdict.as_deref()))
        .collect();
    assert_eq!(
        steps,
        [
            ("designer#1/1", None),
            ("checker#1/1", Some("fail")),
            ("designer#2/1", None),
            ("checker#2/1", Some("pass"))
        ]
    );
    assert!(
        installation.leftovers().unwrap().is_empty(),
        "{:?}",
        installation.leftovers()
    );
}

#[tokio::test]
async fn a_replay_without_its_cassette_fails_and_says_which_file_is_missing() {
    let installation = Installation::new().await.unwrap();
    let repository = codecourier_testkit::repository::RepositoryBuilder::new()
        .file("a.txt", "one\n")
        .commit("first")
        .build(installation.data().join("source"));
    let repository = repository.path().display().to_string();
    let output = installation
        .run(&[
            "run",
            "--repo",
            &repository,
            "--replay",
            "/nowhere/cassette.json",
            "do it",
        ])
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/cassette.json"));
}
