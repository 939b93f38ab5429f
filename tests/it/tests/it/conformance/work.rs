//! A run of one designer that does a bit of everything, and the rows that are seen in its transcript and its branch.

use codecourier_domain::agent::AgentKind;
use codecourier_it::conformance::{Behaviour, Judged, Scene};
use codecourier_it::project::Project;
use codecourier_testkit::repository::RepositoryBuilder;
use serde_json::{Value, json};

use super::{assert_as_expected, of_every_agent};
use crate::agents::model;

const SCRIPT: &str = r#"Do a bit of everything.
@@think I look at everything before I begin.
@@say I begin.
@@write notes/written.txt <<< written by the agent
@@run echo "I am in $(git rev-parse --show-toplevel)"
@@run seq 1 200000
@@run printf 'gr\303\274n \346\227\245\346\234\254 \360\237\246\200 \033[31mred\033[0m\n'
@@write grün-日本.txt <<< 🦀 grün
@@run echo it went wrong >&2; exit 3
@@run+ echo to the left
@@run echo to the right
@@run echo still here
@@bigline 9000000
"#;

async fn work(agent: AgentKind) {
    let repository = RepositoryBuilder::new()
        .file("README.md", "A sample.\n")
        .file("AGENTS.md", "The repository says: mind the crabs.\n")
        .commit("first");
    let project = Project::with(&[agent], repository).await.unwrap();
    project
        .instruct("The project says: be kind to the reader.")
        .await
        .unwrap();
    let request = json!({
        "workflow": "single", "agent": agent, "model": model(agent, "designer"), "prompt": SCRIPT,
    });
    let run = project.run(request).await.unwrap();
    let told = run.told();
    assert_eq!(run.detail["status"], "completed", "{told}");
    let patch = project.patch(&run.id).await.unwrap();
    let asked: Vec<String> = project
        .scene
        .model
        .requests()
        .iter()
        .map(|request| String::from_utf8_lossy(&request.body).into_owned())
        .collect();
    let (scene, runs) = project.close().await.unwrap();
    assert_eq!(runs[0].faults, Vec::<String>::new(), "{told}");
    scene.source.git_with_input(["am"], patch.as_bytes());

    let calls = run.shown.events("tool_call");
    let results = run.shown.events("tool_result");
    let outputs: Vec<&str> = results.iter().filter_map(|result| result["output"].as_str()).collect();
    let with = |words: &str| outputs.iter().any(|output| output.contains(words));
    let seen = || told.clone();
    let mut judged = Judged::of(agent, Scene::Work);

    let written = scene.source.git(["show", "HEAD:notes/written.txt"]);
    let is_called = calls
        .iter()
        .any(|call| call["input"].to_string().contains("notes/written.txt"));
    judged.row(
        Behaviour::WritesAFile,
        written.trim() == "written by the agent" && is_called,
        || format!("{written:?}, called: {is_called}\n{told}"),
    );
    judged.row(Behaviour::RunsACommand, with("I am in /home/user/project"), seen);
    let long = results.iter().find(|result| {
        result["output"]
            .as_str()
            .is_some_and(|output| output.contains("\n17\n18\n") || output.contains("\n199999\n"))
    });
    let is_cut = long.is_some_and(|long| long["output"].as_str().is_some_and(|output| output.len() < 1 << 20));
    judged.row(Behaviour::LongOutput, is_cut, seen);
    let name = scene
        .source
        .git(["-c", "core.quotePath=false", "ls-tree", "--name-only", "HEAD"]);
    let content = scene.source.git(["show", "HEAD:grün-日本.txt"]);
    judged.row(
        Behaviour::UnicodeAndAnsi,
        with("grün 日本 🦀") && with("red") && name.contains("grün-日本.txt") && content.trim() == "🦀 grün",
        || format!("{name}\n{content}\n{told}"),
    );
    let failed = results.iter().find(|result| {
        result["output"]
            .as_str()
            .is_some_and(|output| output.contains("it went wrong"))
    });
    judged.row(
        Behaviour::ToolError,
        failed.is_some_and(|failed| failed["succeeded"] == Value::Bool(false)) && with("still here"),
        || format!("{failed:?}\n{told}"),
    );
    judged.row(
        Behaviour::ParallelTools,
        with("to the left") && with("to the right"),
        seen,
    );
    let thoughts = run.shown.events("thinking");
    let is_thought = |event: &Value| {
        event["text"]
            .as_str()
            .is_some_and(|text| text.contains("before I begin"))
    };
    judged.row(
        Behaviour::ShowsThinking,
        thoughts.iter().any(is_thought) && !run.shown.events("text").iter().any(is_thought),
        seen,
    );
    let is_asked = |words: &str| asked.iter().any(|request| request.contains(words));
    judged.row(
        Behaviour::ProjectInstructions,
        is_asked("be kind to the reader"),
        || asked[0].clone(),
    );
    judged.row(Behaviour::RepositoryInstructions, is_asked("mind the crabs"), || {
        asked[0].clone()
    });
    let unknown = run.shown.events("unknown");
    let is_too_long = |event: &Value| event["reason"].as_str().is_some_and(|reason| reason.contains("long"));
    judged.row(Behaviour::HugeLine, unknown.iter().any(is_too_long), seen);
    assert_as_expected(&judged);
}

of_every_agent!(work: claude_at_work, codex_at_work, opencode_at_work, pi_at_work);
