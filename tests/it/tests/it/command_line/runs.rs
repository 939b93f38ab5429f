//! Runs, watched live, through a restart of the server and to their end.

use std::process::Stdio;
use std::time::Duration;

use codecourier_it::scene::{Ended, begin};
use serde_json::Value;

use super::{Office, is_refused, works};

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);

const SCRIPT: &str = r#"Make the greeting friendlier.
@@when role=designer iteration=1
@@bash sleep 3; echo half
@@write greeting.txt <<< hello
@@say I made it friendlier.
@@end
@@when role=checker iteration=1
@@bash cat greeting.txt
@@write /home/user/.codecourier/verdict.json <<< {"verdict":"fail","feedback":"Say hello world.","findings":[]}
@@say It is not friendly enough.
@@end
@@when role=designer iteration=2
@@write greeting.txt <<< hello world
@@say Now it is.
@@end
@@when role=checker iteration=2
@@write /home/user/.codecourier/verdict.json <<< {"verdict":"pass"}
@@say Good.
@@end
"#;

/// The numbers of the events that were written as JSON.
fn numbers(ended: &Ended) -> Vec<u64> {
    let lines = ended.lines();
    let events = lines.iter().filter(|line| line["type"] == "event");
    events.map(|line| line["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_run_is_followed_through_a_restart_of_the_server_to_a_patch_that_applies() {
    let mut office = Office::open().await;
    let ada = office.hire("ada").await;
    let repository = office.repository();
    works(&ada, &["projects", "create", "Shop", "--repository", &repository]).await;
    works(&ada, &["projects", "use", "shop"]).await;
    let check = "greeting=grep -q world greeting.txt";
    let run = ada.command(&["run", "--check", check, "--json", SCRIPT]);
    let run = begin(run);
    let asked = office.scene.model.wait_for_requests(1);
    tokio::time::timeout(PATIENCE, asked).await.unwrap();
    let listed = works(&ada, &["runs", "--json"]).await.lines();
    assert_eq!((listed.len(), &listed[0]["status"]), (1, &Value::from("running")));
    let id = listed[0]["run"].as_str().unwrap().to_owned();
    let short = id[id.len() - 8..].to_owned();

    // Two people look on: one sees JSON, one sees a screen.
    let mut followed = begin(ada.command(&["logs", "-f", "--json", &short]));
    let mut looked_at = begin(ada.command(&["logs", "-f", &short]));
    followed.says_something().await.unwrap();
    looked_at.says_something().await.unwrap();
    // In the middle of it, with the agent at work, the server is killed and started again.
    office = office.restart().await;

    let run = run.ended().await.unwrap();
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let result = run.result();
    assert_eq!(
        (&result["status"], &result["run"]),
        (&Value::from("completed"), &Value::from(id.as_str()))
    );
    let (followed, looked_at) = (followed.ended().await.unwrap(), looked_at.ended().await.unwrap());
    assert_eq!(
        (followed.code, looked_at.code),
        (Some(0), Some(0)),
        "{}{}",
        followed.stderr,
        looked_at.stderr
    );

    // Nothing is lost, nothing comes twice, whoever looked and however often the server went away.
    let kept = works(&ada, &["logs", "--json", &id]).await;
    let all: Vec<u64> = (1..=u64::try_from(kept.lines().len()).unwrap()).collect();
    assert_eq!(numbers(&kept), all);
    assert_eq!(numbers(&followed), all);
    assert_eq!(numbers(&run), all);
    assert_eq!(followed.stdout, kept.stdout);
    assert_eq!(looked_at.stdout, works(&ada, &["logs", &id]).await.stdout);
    for words in ["designer#1", "checker#1", "It is not friendly enough.", "half"] {
        assert!(
            looked_at.stdout.contains(words),
            "`{words}` is missing in {}",
            looked_at.stdout
        );
    }

    let shown = works(&ada, &["show", &short]).await.stdout;
    for words in [
        "Make the greeting friendlier.",
        "completed",
        "+1",
        "greeting.txt",
        "pass",
        "✓ greeting",
        "git am",
    ] {
        assert!(shown.contains(words), "`{words}` is missing in {shown}");
    }
    assert_eq!(
        works(&ada, &["show", &short, "--json"]).await.result()["status"],
        "completed"
    );
    let diff = works(&ada, &["diff", &short]).await.stdout;
    assert!(
        diff.contains("+hello world") && diff.contains("+++ b/greeting.txt"),
        "{diff}"
    );
    assert!(
        works(&ada, &["diff", "--stat", &short])
            .await
            .stdout
            .contains("greeting.txt")
    );
    let patch = works(&ada, &["patch", &short]).await.stdout;
    office.scene.source.git_with_input(["am"], patch.as_bytes());
    assert_eq!(office.scene.source.git(["show", "HEAD:greeting.txt"]), "hello world");

    for (filter, count) in [
        (["--status", "completed"], 1),
        (["--status", "failed"], 0),
        (["--text", "friendlier"], 1),
        (["--text", "unfriendly"], 0),
        (["--workflow", "designer-checker"], 1),
        (["--workflow", "single"], 0),
    ] {
        let arguments = [["runs", "--json"], filter].concat();
        assert_eq!(works(&ada, &arguments).await.lines().len(), count, "{filter:?}");
    }
    let listed = works(&ada, &["runs"]).await.stdout;
    assert!(listed.starts_with(&format!("{short}  completed")), "{listed}");
    office.scene.remember_source();
    assert_eq!(office.scene.faults(), Vec::<String>::new());
    assert_eq!(office.server.stop().await.unwrap(), Some(0));
}

#[tokio::test]
async fn a_run_is_cancelled_and_whoever_started_it_is_told() {
    let office = Office::open().await;
    let ada = office.hire("ada").await;
    works(&ada, &["projects", "create", "Shop"]).await;
    works(&ada, &["projects", "use", "shop"]).await;
    let repository = office.repository();
    let mut run = ada.command(&["run", "--repo", &repository, "--workflow", "single", "@@hang"]);
    run.stdin(Stdio::null());
    let run = begin(run);
    tokio::time::timeout(PATIENCE, office.scene.model.wait_for_requests(1))
        .await
        .unwrap();
    let listed = works(&ada, &["runs", "--json"]).await.lines();
    let id = listed[0]["run"].as_str().unwrap().to_owned();
    let short = &id[id.len() - 8..];

    let cancelled = works(&ada, &["cancel", short]).await;
    assert!(cancelled.stderr.contains("is cancelled"), "{}", cancelled.stderr);
    let run = run.ended().await.unwrap();
    assert_eq!(run.code, Some(3), "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains(&format!("run {short}")), "{}", run.stderr);
    assert!(run.stdout.contains("cancelled"), "{}", run.stdout);
    let again = ada.does(&["cancel", short]).await.unwrap();
    is_refused(&again, 2, &["has ended already", "CONFLICT"]);
    // Nothing came of it: that is said, and is no crash.
    is_refused(
        &ada.does(&["diff", "01234567"]).await.unwrap(),
        2,
        &["no run `01234567`", "codecourier runs"],
    );
    let nowhere = ada.does(&["run", "--repo", ".", "do it"]).await.unwrap();
    is_refused(&nowhere, 2, &["cannot see `.`"]);
    let nothing = ada.does(&["run", "do it"]).await.unwrap();
    is_refused(&nothing, 2, &["has no repository"]);
    assert_eq!(office.scene.faults(), Vec::<String>::new());
    assert_eq!(office.server.stop().await.unwrap(), Some(0));
}
