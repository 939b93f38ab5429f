//! What each agent's run does when the provider turns its key away: it waits for a stated reset and ends well, and it
//! fails at once when the key is no good, naming the key.

use std::time::Duration;

use codecourier_domain::agent::AgentKind;
use codecourier_domain::model_route::default_model;
use codecourier_it::project::{Followed, Project, REAL_KEY};
use serde_json::json;

async fn solo(agent: AgentKind, script: &str) -> (Project, Followed) {
    let project = Project::open(&[agent]).await.unwrap();
    let request = json!({"workflow": "single", "agent": agent, "model": default_model(agent), "prompt": script});
    let run = project.run(request).await.unwrap();
    (project, run)
}

/// In the middle of the work, so that there is something to lose.
const LIMITED: &str = r"Write the greeting.
@@run echo begun
@@flaky 1-429ra6.limited
@@write greeting.txt <<< hello
@@say It is written.
";

/// What the provider says of the limit, as in the script.
const RESET: Duration = Duration::from_secs(6);

/// How often the model was asked to work. An agent may ask for other things, such as a title.
fn asked_with_tools(project: &Project) -> usize {
    let requests = project.scene.model.requests();
    requests
        .iter()
        .filter(|request| request.json()["tools"].is_array())
        .count()
}

async fn waits(agent: AgentKind) {
    let (project, run) = solo(agent, LIMITED).await;
    let told = run.told();
    assert_eq!(run.detail["status"], "completed", "{told}");
    // It waited for as long as it was told to, and asked no more than it had to: the call, the refused request, the
    // same one again, and the last word.
    assert!(run.shown.took >= RESET, "{:?}\n{told}", run.shown.took);
    assert_eq!(asked_with_tools(&project), 4, "{told}");
    let patch = project.patch(&run.id).await.unwrap();
    assert!(patch.contains("+hello"), "{patch}");
    let (_scene, runs) = project.close().await.unwrap();
    let [recorded] = runs.as_slice() else {
        panic!("{} runs", runs.len())
    };
    assert_eq!(recorded.faults, Vec::<String>::new(), "{told}");
    let names: Vec<&str> = recorded.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["designer#1/1"], "the same session went on: {told}");
}

async fn fails_at_once(agent: AgentKind) {
    let (project, run) = solo(agent, "Write the greeting.\n@@error 401 no such key\n").await;
    let told = run.told();
    assert_eq!(run.detail["status"], "failed", "{told}");
    assert_eq!(run.detail["failure"]["code"], "PROVIDER_AUTH", "{told}");
    let message = run.detail["failure"]["message"].as_str().unwrap_or_default();
    let end = &REAL_KEY[REAL_KEY.len() - 4..];
    assert!(message.contains(&format!("key that ends in `{end}`")), "{message}");
    assert!(!message.contains(REAL_KEY), "{message}");
    // At once: whatever the agent would have tried again by itself was not asked.
    assert_eq!(asked_with_tools(&project), 1, "{told}");
    project.close().await.unwrap();
}

macro_rules! each_agent {
    ($($waits:ident, $fails:ident: $agent:ident;)*) => {$(
        #[tokio::test]
        async fn $waits() {
            waits(AgentKind::$agent).await;
        }

        #[tokio::test]
        async fn $fails() {
            fails_at_once(AgentKind::$agent).await;
        }
    )*};
}

each_agent! {
    claude_waits_for_the_reset, claude_fails_at_once_with_a_refused_key: Claude;
    codex_waits_for_the_reset, codex_fails_at_once_with_a_refused_key: Codex;
    opencode_waits_for_the_reset, opencode_fails_at_once_with_a_refused_key: Opencode;
    pi_waits_for_the_reset, pi_fails_at_once_with_a_refused_key: Pi;
}
