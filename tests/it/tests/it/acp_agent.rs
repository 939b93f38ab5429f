//! The agent `acp`: a real program that speaks the Agent Client Protocol, started by nothing but its configured command in a
//! real sandbox, from its first message to the branch that is delivered. OpenCode stands for every such program: its
//! template has it, and the generic adapter knows nothing of it.

use codecourier_it::compare::recorded_runs;
use codecourier_it::scene::ended;
use codecourier_it::server::Installation;
use codecourier_testkit::repository::RepositoryBuilder;
use codecourier_testkit::scripted_model::ScriptedModel;
use serde_json::json;

const KEY: &str = "sk-ant-acp-canary-41";

const SCRIPT: &str = "Write the greeting.
@@bash ls /home/user/reference-images; echo $GREETING_MODE
@@write greeting.txt <<< hello
@@say The greeting is there.
";

/// A picture of one pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

#[tokio::test]
async fn any_agent_of_the_protocol_works_by_its_command_alone() {
    let installation = Installation::new().await.unwrap();
    let model = ScriptedModel::start().await.unwrap();
    let repository = RepositoryBuilder::new()
        .file("a.txt", "one\n")
        .commit("first")
        .build(installation.data().join("source"));
    let path = repository.path().display().to_string();
    let picture = installation.data().join("sketch.png");
    std::fs::write(&picture, PNG).unwrap();
    // What this program wants to be told: the gateway, by the variables that every such agent finds.
    let own = json!({
        "autoupdate": false, "share": "disabled", "permission": "allow",
        "model": "anthropic/claude-opus-5-5", "small_model": "anthropic/claude-opus-5-5",
        "provider": {"anthropic": {
            "options": {"baseURL": "{env:ANTHROPIC_BASE_URL}/v1", "apiKey": "{env:ANTHROPIC_API_KEY}"},
            "models": {"claude-opus-5-5": {"name": "claude-opus-5-5"}},
        }},
    });
    let environment = json!([
        format!("OPENCODE_CONFIG_CONTENT={own}"),
        "OPENCODE_DISABLE_MODELS_FETCH=1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS=1",
        "GREETING_MODE=careful",
    ]);
    let sketch = picture.display().to_string();
    let arguments = [
        "run",
        "--repo",
        &path,
        "--workflow",
        "single",
        "--agent",
        "acp",
        "--image",
        &sketch,
        "--json",
        SCRIPT,
    ];
    let mut command = installation.command(&arguments);
    command
        .env("ANTHROPIC_API_KEY", KEY)
        .env("ANTHROPIC_BASE_URL", model.base_url())
        .env("CODECOURIER_AGENTS_ACP_COMMAND", r#"["opencode", "acp"]"#)
        .env("CODECOURIER_AGENTS_ACP_TEMPLATE", "opencode")
        .env("CODECOURIER_AGENTS_ACP_ENVIRONMENT", environment.to_string());
    let run = ended(command).await.unwrap();
    let (stdout, stderr) = (run.stdout, run.stderr);
    assert_eq!(run.code, Some(0), "{stderr}\n{stdout}");
    let branch = repository.git(["for-each-ref", "--format=%(refname:short)", "refs/heads/codecourier/"]);
    assert_eq!(
        repository.git(["show", &format!("{}:greeting.txt", branch.trim())]),
        "hello"
    );

    // Its session is told like any other's, and its tool saw the picture's file and its environment.
    for words in ["session_started", "tool_call", "turn_ended", "1.png", "careful"] {
        assert!(stdout.contains(words), "{words}: {stdout}");
    }
    assert!(!stdout.contains("\"kind\":\"unknown\""), "{stdout}");
    assert!(!stdout.contains(KEY) && !stderr.contains(KEY));
    // The model was shown the picture.
    let shown = model
        .requests()
        .iter()
        .any(|request| request.json()["messages"].to_string().contains("iVBORw0KGgo"));
    assert!(shown, "no request to the model has the picture");
    let runs = recorded_runs(installation.data()).await.unwrap();
    assert_eq!(runs[0].faults, Vec::<String>::new());
    assert!(installation.leftovers().unwrap().is_empty());
}

#[tokio::test]
async fn without_a_command_the_run_is_refused_before_anything_is_started() {
    let installation = Installation::new().await.unwrap();
    let command = installation.command(&["run", "--agent", "acp", "--workflow", "single", "x"]);
    let run = ended(command).await.unwrap();
    let stderr = run.stderr;
    assert_ne!(run.code, Some(0));
    assert!(stderr.contains("agents.acp_command"), "{stderr}");
}
