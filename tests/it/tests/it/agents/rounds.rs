//! A designer and a checker of each agent, twice round, to a change that is taken; and meanwhile the agent looks for the
//! real key wherever it can look.

use codecourier_domain::agent::AgentKind;
use codecourier_domain::model_route::default_model;
use codecourier_it::project::{Project, REAL_KEY, designer_and_checker};
use serde_json::json;

/// What the agent finds is told by the pattern that it looks for, which is no match of itself. The decoys show that it
/// looks where a key would be: in a file, in the environment of a process, and in the words of an error.
const SCRIPT: &str = r#"Make the greeting friendlier.
@@when role=designer iteration=1
@@run <<<
exec 2>&1
D=decoy; echo "sk-$D-canary-in-a-file" > /home/user/note; SEEN="sk-$D-canary-in-a-process" sleep 60 > /dev/null 2>&1 &
seen=/tmp/seen.$$; sleep 0.2
cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' > $seen
token=$(grep -ao 'cc_step_[A-Za-z0-9_.-]*' $seen | head -1)
ask() { curl -sS -i -m 20 -H "x-api-key: $token" -H "authorization: Bearer $token" -H 'content-type: application/json' "$@" >> $seen; }
G=http://127.0.0.1:4180/gateway
for path in / /gateway /gateway/anthropic/v1/models /gateway/openai/v1/models /gateway/openrouter/api/v1/models /gateway/openrouter/api/v1/key /metrics; do
  ask http://127.0.0.1:4180$path
done
for path in anthropic/v1/messages openai/v1/responses openai/v1/chat/completions openrouter/api/v1/chat/completions; do
  said='@@err''or 400 the key {key} is not a good one'
  ask $G/$path -d "{\"model\":\"gpt-5.5\",\"max_tokens\":10,\"input\":\"$said\",\"messages\":[{\"role\":\"user\",\"content\":\"$said\"}],\"tools\":[{\"type\":\"function\",\"name\":\"x\",\"input_schema\":{},\"function\":{\"name\":\"x\"}}]}"
done
echo "tokens: $(grep -ac cc_step_ $seen)"
echo "errors: $(grep -ac 'is not a good one' $seen)"
grep -aohE 'sk-(real|decoy)[-]canary[a-z0-9-]*' $seen
grep -rsaohE 'sk-(real|decoy)[-]canary[a-z0-9-]*' /home /root /tmp /run /var /etc /opt /srv /mnt /dev/shm 2>/dev/null
>>>
@@write greeting.txt <<< hello
@@say I made it friendlier.
@@end
@@when role=checker iteration=1
@@run cat greeting.txt
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

async fn twice_round(agent: AgentKind) {
    let project = Project::open(&[agent]).await.unwrap();
    let with_model = (agent, default_model(agent));
    let pipeline = designer_and_checker(with_model, with_model);
    project.save_workflow("both", pipeline).await.unwrap();
    let request = json!({
        "workflow": "both", "prompt": SCRIPT,
        "checks": [{"name": "greeting", "command": "grep -q world greeting.txt"}],
    });
    let run = project.run(request).await.unwrap();
    let told = run.told();
    assert_eq!(run.detail["status"], "completed", "{told}");
    let steps: Vec<(&str, &str)> = run.detail["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|step| {
            (
                step["lane"].as_str().unwrap_or_default(),
                step["verdict"]["verdict"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    let expected = [
        ("designer#1", ""),
        ("checker#1", "fail"),
        ("designer#2", ""),
        ("checker#2", "pass"),
    ];
    assert_eq!(steps, expected, "{told}");

    let patch = project.patch(&run.id).await.unwrap();
    // The agent looked in the right places and found the decoys; it found no key, and nothing that is shown or kept has it.
    let found = run.output_of_tools();
    for decoy in ["sk-decoy-canary-in-a-file", "sk-decoy-canary-in-a-process"] {
        assert!(found.contains(decoy), "`{decoy}` was not found: {found}");
    }
    for count in ["tokens: ", "errors: "] {
        let found_some = found.contains(count) && !found.contains(&format!("{count}0"));
        assert!(found_some, "{count}{found}");
    }
    let (scene, runs) = project.close().await.unwrap();
    assert_eq!(runs[0].faults, Vec::<String>::new(), "{told}");
    assert!(
        !run.shown.stdout.contains(REAL_KEY) && !run.shown.stderr.contains(REAL_KEY),
        "{told}"
    );
    for file in ["codecourier.db", "codecourier.db-wal", "codecourier.log", "serve.log"] {
        let bytes = std::fs::read(scene.installation.data().join(file)).unwrap_or_default();
        let holds_it = bytes
            .windows(REAL_KEY.len())
            .any(|window| window == REAL_KEY.as_bytes());
        assert!(!holds_it, "the key is in {file}");
    }
    // The change is what both rounds came to, and nothing else.
    scene.source.git_with_input(["am"], patch.as_bytes());
    assert_eq!(scene.source.git(["show", "HEAD:greeting.txt"]).trim(), "hello world");
    let changed = scene.source.git(["diff", "--name-only", "HEAD~2", "HEAD"]);
    assert_eq!(changed.trim(), "greeting.txt");
}

#[tokio::test]
async fn claude_goes_twice_round_and_finds_no_key() {
    twice_round(AgentKind::Claude).await;
}

#[tokio::test]
async fn codex_goes_twice_round_and_finds_no_key() {
    twice_round(AgentKind::Codex).await;
}

#[tokio::test]
async fn opencode_goes_twice_round_and_finds_no_key() {
    twice_round(AgentKind::Opencode).await;
}

#[tokio::test]
async fn pi_goes_twice_round_and_finds_no_key() {
    twice_round(AgentKind::Pi).await;
}
