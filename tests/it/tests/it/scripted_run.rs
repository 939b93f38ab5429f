//! `codecourier run` on a repository with files and history, over the provider's own API shape: base URL and key come
//! from the environment, as with the real provider.

use codecourier_it::compare::recorded_runs;
use codecourier_it::scene::ended;
use codecourier_it::server::Installation;
use codecourier_testkit::repository::RepositoryBuilder;
use codecourier_testkit::scripted_model::ScriptedModel;

/// A key that must not be found anywhere it does not belong.
const CANARY_KEY: &str = "sk-ant-canary-7f3a9c51d2";

const SCRIPT: &str = r#"Make the greeting friendlier.
@@when role=designer iteration=1
@@bash env; cat /proc/*/environ 2>/dev/null | tr '\0' '\n'; grep -rs sk-ant- /home /tmp /run /etc /proc/self 2>/dev/null | head; ls -la /home/user
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

#[tokio::test]
async fn a_run_over_the_api_shape_delivers_a_branch_and_shows_no_key() {
    let installation = Installation::new().await.unwrap();
    let model = ScriptedModel::start().await.unwrap();
    let repository = RepositoryBuilder::new()
        .history(100, 40)
        .build(installation.data().join("source"));
    let before = repository.git(["status", "--porcelain", "--branch"]);
    let path = repository.path().display().to_string();

    let mut command = installation.command(&[
        "run",
        "--repo",
        &path,
        "--check",
        "greeting=grep -q world greeting.txt",
        "--json",
        SCRIPT,
    ]);
    command
        .env("ANTHROPIC_API_KEY", CANARY_KEY)
        .env("ANTHROPIC_BASE_URL", model.base_url());
    let run = ended(command).await.unwrap();
    let (stdout, stderr) = (run.stdout, run.stderr);
    assert_eq!(run.code, Some(0), "{stderr}");

    // The result is a branch in the user's repository, on top of where it was, and nothing else of it moved.
    let branch = repository.git(["for-each-ref", "--format=%(refname:short)", "refs/heads/codecourier/"]);
    let branch = branch.trim();
    assert!(branch.starts_with("codecourier/"), "{branch:?}");
    assert_eq!(
        repository.git(["show", &format!("{branch}:greeting.txt")]),
        "hello world"
    );
    assert_eq!(repository.git(["status", "--porcelain", "--branch"]), before);
    let trailers = repository.git([
        "log",
        "--format=%(trailers:key=CodeCourier-Run)",
        &format!("HEAD..{branch}"),
    ]);
    assert!(trailers.contains("CodeCourier-Run: run_"), "{trailers:?}");

    // The agent looked for the key everywhere; neither its output nor anything that was stored or shown holds it.
    assert!(!stdout.contains(CANARY_KEY) && !stderr.contains(CANARY_KEY));
    assert!(
        stdout.contains("cc_step_"),
        "the agent's environment was shown: the test looks at the right place"
    );
    for file in ["codecourier.db", "codecourier.db-wal", "codecourier.log"] {
        let bytes = std::fs::read(installation.data().join(file)).unwrap_or_default();
        assert!(
            !bytes
                .windows(CANARY_KEY.len())
                .any(|window| window == CANARY_KEY.as_bytes()),
            "the key is in {file}"
        );
    }

    let runs = recorded_runs(installation.data()).await.unwrap();
    assert_eq!(runs[0].faults, Vec::<String>::new());
    assert!(
        installation.leftovers().unwrap().is_empty(),
        "{:?}",
        installation.leftovers()
    );
}

#[tokio::test]
async fn a_wrong_key_fails_at_once_and_names_the_key_to_mend() {
    let installation = Installation::new().await.unwrap();
    let model = ScriptedModel::start().await.unwrap();
    let repository = RepositoryBuilder::new()
        .file("a.txt", "one\n")
        .commit("first")
        .build(installation.data().join("source"));
    let path = repository.path().display().to_string();
    let mut command = installation.command(&["run", "--repo", &path, "--workflow", "single", "@@error 401"]);
    command
        .env("ANTHROPIC_API_KEY", CANARY_KEY)
        .env("ANTHROPIC_BASE_URL", model.base_url());
    let began = std::time::Instant::now();
    let run = ended(command).await.unwrap();
    let stderr = run.stderr;
    assert_eq!(run.code, Some(1), "{stderr}");
    assert!(stderr.contains("PROVIDER_AUTH"), "{stderr}");
    // The agent by itself would go on asking for minutes.
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    assert!(installation.leftovers().unwrap().is_empty());
}
