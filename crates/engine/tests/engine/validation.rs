//! What a start refuses: by name, with what to do, and with nothing written.

use codecourier_domain::agent::AgentKind;
use codecourier_domain::check::{CheckSpec, Requirement};
use codecourier_domain::money::MicroUsd;
use codecourier_engine::ErrorCode;
use codecourier_engine::runs::spec::{MAX_CHECKS, MAX_PROMPT_BYTES, RepositorySource, RunSpec};
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::always;

use crate::agents::good;

fn check(name: &str, command: &str, timeout_seconds: u32) -> CheckSpec {
    CheckSpec {
        name: name.to_owned(),
        command: command.to_owned(),
        requirement: Requirement::Required,
        timeout_seconds,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_work_is_refused_at_the_start() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    type Change = fn(&mut RunSpec);
    let cases: [(Change, &str); 13] = [
        (|spec| spec.prompt = " \n".to_owned(), "needs a prompt"),
        (|spec| spec.prompt = "a".repeat(MAX_PROMPT_BYTES + 1), "at most 204800"),
        (
            |spec| spec.checks = vec![check("a", "true", 1); MAX_CHECKS + 1],
            "at most 20 checks",
        ),
        (
            |spec| spec.checks = vec![check("a", "true", 1); 2],
            "Two checks are called `a`",
        ),
        (|spec| spec.checks = vec![check("a", " ", 1)], "has no command"),
        (|spec| spec.checks = vec![check(" ", "true", 1)], "needs a name"),
        (|spec| spec.checks = vec![check("a", "true", 0)], "1 to 14400 seconds"),
        (|spec| spec.author.name = "a <b>".to_owned(), "author's name"),
        (|spec| spec.author.email = "a\nb".to_owned(), "author's email"),
        (|spec| spec.agent = AgentKind::Acp, "no command is configured"),
        (|spec| spec.agent = AgentKind::Codex, "agents that can are claude"),
        (|spec| spec.budget = MicroUsd::ZERO, "more than nothing"),
        (
            |spec| {
                spec.repository = RepositorySource::LocalPath {
                    path: "relative".into(),
                }
            },
            "must be absolute",
        ),
    ];
    for (change, words) in cases {
        let mut spec = world.spec();
        change(&mut spec);
        let error = engine.start_run(spec).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Validation, "{error}");
        assert!(error.message.contains(words), "{words}: {error}");
    }
    let unfinished = engine
        .read(
            |mut reader: codecourier_store::Reader<'static>| -> futures::future::BoxFuture<'static, usize> {
                Box::pin(async move { reader.unfinished_runs().await.unwrap().len() })
            },
        )
        .await;
    assert_eq!(unfinished, 0, "nothing was written");
    engine.shut_down().await;
}
