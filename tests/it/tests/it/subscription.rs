//! A Claude subscription: the unmodified CLI logs in with its token by itself, past the gateway, and the token is in
//! nothing else. The provider is the scripted model behind TLS, under the provider's own name.

use codecourier_domain::agent::AgentKind;
use codecourier_it::project::{Followed, Project};
use codecourier_testkit::repository::RepositoryBuilder;
use codecourier_testkit::scripted_model::{Options, ScriptedModel};
use codecourier_testkit::tls_front::TlsFront;
use reqwest::Method;
use serde_json::{Value, json};

const TOKEN: &str = "sk-ant-oat01-cAnArY4c7d-e0f1-subscription";
/// How the command in the sandbox looks for it without naming it.
const BEGINNING: &str = "sk-ant-oa[t]01-";

/// Everything that an agent may try to find the token and to get out by its way.
fn look_around(step_token: &str) -> String {
    format!(
        r#"Look around.
@@bash for p in /proc/[0-9]*; do tr '\0' '\n' < $p/environ 2>/dev/null | grep -q '{BEGINNING}' && echo "holder: $(tr '\0' '\n' < $p/cmdline | head -1)"; done; echo "shared memory: $(stat -f -c %T /dev/shm) $(ls /dev/shm | tr '\n' ' ')"; echo "in files: $(grep -rls '{BEGINNING}' /home /tmp /run /etc /dev/shm /var 2>/dev/null | wc -l)"; echo "own environment: $(env | grep -c '{BEGINNING}')"
@@bash say() {{ echo "$1: $(curl -sk -m 20 -o /dev/null -w '%{{http_connect}} %{{http_code}}' $2 $3)"; }}; say listed '' https://api.anthropic.com/; say another '' https://example.com/; say port '' https://api.anthropic.com:8443/; say metadata '' https://169.254.169.254/; say mapped '' 'https://[::ffff:127.0.0.1]/'; say inside '' https://metadata.google.internal/; say stolen '-x http://step:{step_token}@127.0.0.1:4180' https://api.anthropic.com/; say neighbour '--connect-to neighbour.example:443:api.anthropic.com:443' https://neighbour.example/; say gateway '' http://127.0.0.1:4180/gateway/anthropic/api/hello; say direct '--noproxy 1.1.1.1' https://1.1.1.1/; true
@@write greeting.txt <<< hello world
@@say Done.
"#
    )
}

fn answers(run: &Followed) -> String {
    run.output_of_tools()
}

fn connections(run: &Followed) -> Vec<(String, u64, String)> {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    let events = run.shown.events("egress");
    let of = |event: &Value| {
        (
            text(event, "host"),
            event["port"].as_u64().unwrap(),
            text(event, "outcome"),
        )
    };
    events.iter().map(of).collect()
}

#[tokio::test]
async fn a_run_logs_in_by_itself_and_its_token_is_nowhere_else() {
    let provider = ScriptedModel::start_with(Options {
        api_key: Some(TOKEN.to_owned()),
        ..Options::default()
    })
    .await
    .unwrap();
    let front = TlsFront::start("api.anthropic.com", provider.address()).await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let authority = place.path().join("authority.pem");
    std::fs::write(&authority, front.authority()).unwrap();
    let environment = vec![
        ("CODECOURIER_EGRESS_CLAUDE_ADDRESS", front.address().to_string()),
        (
            "CODECOURIER_EGRESS_CLAUDE_CERTIFICATES",
            authority.display().to_string(),
        ),
    ];
    let repository = RepositoryBuilder::new().file("greeting.txt", "hello\n").commit("first");
    let project = Project::with_environment(&[AgentKind::Claude], repository, environment)
        .await
        .unwrap();

    // With a key, everything goes by the gateway, and the sandbox has no way out, not even with the step's own token.
    let prompt = "Look.\n@@bash env | grep -ic proxy; curl -s -o /dev/null -w '%{http_connect}' -x http://step:$ANTHROPIC_API_KEY@127.0.0.1:4180 https://api.anthropic.com/; true\n@@write greeting.txt <<< hi\n@@say Done.\n";
    let keyed = project
        .run(json!({"prompt": prompt, "workflow": "single"}))
        .await
        .unwrap();
    assert_eq!(keyed.detail["status"], "completed", "{}", keyed.told());
    let said = answers(&keyed);
    assert!(said.starts_with("0\n") && said.contains("404"), "{said}");
    assert_eq!(connections(&keyed), []);
    assert_eq!(provider.requests().len(), 0);
    let metered = project.scene.model.requests().len();
    assert!(metered > 0);
    assert_eq!(keyed.detail["steps"][0]["reportedUsage"], Value::Null);

    let path = "/projects/shop/provider-keys/anthropic_token";
    project.ask(Method::PUT, path, json!({"key": TOKEN})).await.unwrap();
    let run = project
        .run(json!({"prompt": look_around("nobodys"), "workflow": "single"}))
        .await
        .unwrap();
    assert_eq!(run.detail["status"], "completed", "{}", run.told());
    assert!(project.patch(&run.id).await.unwrap().contains("+hello world"));

    // The provider was asked with the token and with nothing of the platform's; the gateway was not asked at all.
    let asked = provider.requests();
    assert!(
        asked.iter().any(|request| request.path.starts_with("/v1/messages")),
        "{asked:#?}"
    );
    for request in &asked {
        // What the agent's own commands ask carries nothing at all.
        if let Some(login) = request.headers.get("authorization") {
            assert_eq!(login.to_str().unwrap(), format!("Bearer {TOKEN}"), "{}", request.path);
        }
        assert!(request.headers.get("x-api-key").is_none(), "{}", request.path);
        assert!(request.headers.get("proxy-authorization").is_none(), "{}", request.path);
        assert!(
            !String::from_utf8_lossy(&request.body).contains("cc_step_"),
            "{}",
            request.path
        );
    }
    assert_eq!(project.scene.model.requests().len(), metered);

    // In the sandbox: one process has it, in its memory, and no file.
    let said = answers(&run);
    let holders: Vec<&str> = said.lines().filter(|line| line.starts_with("holder: ")).collect();
    assert_eq!(holders, ["holder: /usr/local/bin/claude"], "{said}");
    assert!(
        said.contains("shared memory: tmpfs codecourier-certificates.pem \n"),
        "{said}"
    );
    assert!(
        said.contains("in files: 0\n") && said.contains("own environment: 0\n"),
        "{said}"
    );

    // By its way out the provider is reached, and nothing else is.
    for expected in [
        "listed: 200 401",
        "another: 403 000",
        "port: 403 000",
        "metadata: 403 000",
        "mapped: 403 000",
        "inside: 403 000",
        "stolen: 407 000",
        "neighbour: 200 000",
        "gateway: 000 405",
        "direct: 000 000",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    let connections = connections(&run);
    let has = |host: &str, port: u64, outcome: &str| {
        let wanted = (host.to_owned(), port, outcome.to_owned());
        assert!(connections.contains(&wanted), "{wanted:?}\n{connections:#?}");
    };
    has("api.anthropic.com", 443, "allowed");
    has("example.com", 443, "not_listed");
    has("api.anthropic.com", 8443, "not_listed");
    has("169.254.169.254", 443, "malformed");
    has("[::ffff:127.0.0.1]", 443, "malformed");
    has("", 0, "not_a_tunnel");
    has("api.anthropic.com", 443, "not_for_host");
    has("metadata.google.internal", 443, "not_listed");
    has("api.anthropic.com", 443, "wrong_token");

    // What was used is known by the agent's word, is said to be so, and is in no bill.
    let step = &run.detail["steps"][0];
    assert_eq!(step["requests"], 0);
    assert_eq!(run.detail["costMicroUsd"], 0);
    assert!(
        step["reportedUsage"]["tokens"]["output"].as_u64().unwrap() > 0,
        "{step}"
    );
    assert!(
        step["reportedUsage"]["estimatedCostMicroUsd"].as_i64().unwrap() > 0,
        "{step}"
    );

    // A token that the provider refuses is the step's failure, with its name.
    let wrong = json!({"key": "sk-ant-oat01-cAnArY-that-nobody-knows"});
    project.ask(Method::PUT, path, wrong).await.unwrap();
    let refused = project
        .run(json!({"prompt": "Work.\n@@say Done.\n", "workflow": "single"}))
        .await
        .unwrap();
    assert_eq!(refused.detail["status"], "failed", "{}", refused.told());
    assert_eq!(refused.detail["failure"]["code"], "PROVIDER_AUTH", "{}", refused.told());
    assert!(!refused.shown.stdout.contains("cAnArY"), "{}", refused.shown.stdout);

    // It is in nothing that is shown or kept.
    let shown = format!("{} {} {}", run.shown.stdout, run.shown.stderr, run.detail);
    assert!(!shown.contains("cAnArY"), "{shown}");
    let (scene, runs) = project.close().await.unwrap();
    let faults: Vec<&String> = runs.iter().flat_map(|run| &run.faults).collect();
    assert_eq!(faults, Vec::<&String>::new());
    let mut found = Vec::new();
    crate::canary::files(scene.installation.data(), &mut |path, bytes| {
        if bytes.windows(6).any(|window| window == b"cAnArY") {
            found.push(path.display().to_string());
        }
    });
    assert_eq!(found, Vec::<String>::new(), "the token is in what is kept");
}
