//! What a project is set up with, as its admins and its runs meet it.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ProjectId, UserId};
use codecourier_domain::member::MemberRole;
use codecourier_domain::provider::Provider;
use codecourier_domain::revision::Revision;
use codecourier_domain::run::RunStatus;
use codecourier_engine::access::ProjectGrant;
use codecourier_engine::runs::spec::RunSpec;
use codecourier_engine::settings::{DEFAULT_SANDBOX_PROMPT, SettingsPatch};
use codecourier_engine::variables::{MAX_VALUE_BYTES, MAX_VARIABLES, NewVariable, Secrecy, VariableChange};
use codecourier_engine::vault::{MasterKeySource, Vault, renew_key_file};
use codecourier_engine::{Error, ErrorCode};
use codecourier_store::audit::{AuditEntry, AuditList, AuditScope};
use codecourier_store::changes::{Change, ChangesAfter, Scope};
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::{Act, always};
use secrecy::SecretString;
use uuid::Uuid;

use crate::agents::{good, single};
use crate::model;

/// An admin of a project of the world, by itself or with a key.
pub(crate) async fn admin(world: &World, engine: &TestEngine) -> ProjectGrant {
    let source = world.source();
    let project = engine.ask(move |engine| async move { engine.project_of(&source).await });
    grant(
        project.await.unwrap(),
        Actor::User(UserId::from_uuid(Uuid::from_u128(1))),
    )
}

pub(crate) fn grant(project: ProjectId, actor: Actor) -> ProjectGrant {
    ProjectGrant {
        project,
        slug: "project".parse().unwrap(),
        role: MemberRole::Admin,
        actor,
        address: None,
    }
}

/// An admin of some other project.
pub(crate) fn stranger() -> ProjectGrant {
    grant(ProjectId::from_uuid(Uuid::from_u128(9)), Actor::System)
}

pub(crate) fn variable(name: &str, value: &str, secrecy: Secrecy) -> NewVariable {
    NewVariable {
        name: name.to_owned(),
        value: SecretString::from(value),
        secrecy,
    }
}

/// What a run of the world's repository is when the project decides.
pub(crate) async fn spec_of_project(world: &World, engine: &TestEngine, grant: &ProjectGrant) -> RunSpec {
    let grant = grant.clone();
    let defaults = engine.ask(move |engine| async move { engine.settings().run_defaults(&grant).await });
    let defaults = defaults.await.unwrap();
    RunSpec {
        agent: defaults.agent,
        model: defaults.model.unwrap_or(world.spec().model),
        effort: defaults.effort,
        checks: defaults.checks,
        author: defaults.author,
        limits: defaults.limits,
        budget: defaults.budget,
        setup: defaults.setup,
        ..single(world)
    }
}

pub(crate) async fn written(engine: &TestEngine, project: ProjectId) -> (Vec<AuditEntry>, Vec<Change>) {
    let store = engine.store();
    engine
        .ask(move |_| async move {
            let mut reader = store.read().await.unwrap();
            let list = AuditList {
                limit: 100,
                ..AuditList::default()
            };
            let audit = reader.audit_entries(AuditScope::Project(project), &list).await.unwrap();
            match reader.changes_after(Scope::Project(project), 0, 100).await.unwrap() {
                ChangesAfter::Changes(changes) => (audit.items, changes),
                ChangesAfter::Trimmed { .. } => panic!("nothing was trimmed"),
            }
        })
        .await
}

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (ErrorCode, String) {
    let error = result.unwrap_err();
    (error.code, error.field.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_editors_of_settings_never_overwrite_each_other() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;
    let project = admin.project;
    engine
        .ask(move |engine| async move {
            let settings = engine.settings();
            let fresh = settings.get(&admin).await.unwrap();
            assert_eq!((fresh.revision, fresh.updated_at), (Revision::FIRST, None));
            let change = |text: &str| SettingsPatch {
                instructions: Some(text.to_owned()),
                ..SettingsPatch::default()
            };
            let one = settings.update(&admin, fresh.revision, change("one")).await.unwrap();
            assert_eq!(one.revision, fresh.revision.next());
            let late = settings.update(&admin, fresh.revision, change("two")).await;
            assert_eq!(refused(late).0, ErrorCode::PreconditionFailed);
            let wrong = SettingsPatch {
                setup_script: Some("\0".to_owned()),
                ..SettingsPatch::default()
            };
            let wrong = settings.update(&admin, one.revision, wrong).await;
            assert_eq!(refused(wrong), (ErrorCode::Validation, "setupScript".to_owned()));
            // What changes nothing is no change.
            assert_eq!(settings.update(&admin, one.revision, change("one")).await.unwrap(), one);
            assert_eq!(settings.get(&admin).await.unwrap(), one);
            assert_eq!(settings.get(&stranger()).await.unwrap(), fresh);

            let racing = (0..8).map(|number| {
                let (settings, admin, text) = (settings.clone(), admin.clone(), format!("race {number}"));
                async move { settings.update(&admin, one.revision, change(&text)).await.is_ok() }
            });
            let won = futures::future::join_all(racing).await;
            assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
        })
        .await;
    let (audit, changes) = written(&engine, project).await;
    assert_eq!(audit.len(), 2);
    assert_eq!(audit[1].action, "settings.update");
    assert_eq!(audit[1].detail.as_str(), r#"{"fields":["instructions"],"revision":2}"#);
    let kinds: Vec<(&str, &str)> = changes.iter().map(|it| (it.kind.as_str(), it.body.as_str())).collect();
    assert_eq!(
        kinds,
        [("settings", r#"{"revision":2}"#), ("settings", r#"{"revision":3}"#)],
        "members are told that something changed and not what"
    );
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_value_comes_back_to_nobody() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;
    let project = admin.project;
    engine
        .ask(move |engine| async move {
            let variables = engine.variables();
            let secret = variable("TOKEN", "a secret value", Secrecy::Secret);
            let secret = variables.create(&admin, secret).await.unwrap();
            assert_eq!(secret.value, None);
            let plain = variable("MODE", "fast", Secrecy::Plain);
            let plain = variables.create(&admin, plain).await.unwrap();
            assert_eq!(variables.list(&admin).await.unwrap(), [plain.clone(), secret.clone()]);
            assert_eq!(variables.list(&stranger()).await.unwrap(), []);

            let change = |value: Option<&str>, secrecy| VariableChange {
                value: value.map(SecretString::from),
                secrecy,
            };
            let opened = variables
                .update(&admin, secret.id, change(None, Some(Secrecy::Plain)))
                .await;
            assert_eq!(refused(opened), (ErrorCode::Validation, "value".to_owned()));
            let changed = variables
                .update(&admin, secret.id, change(Some("another one"), None))
                .await;
            assert_eq!(changed.unwrap().value, None, "it stays secret");
            let opened = variables
                .update(&admin, secret.id, change(Some("open"), Some(Secrecy::Plain)))
                .await;
            assert_eq!(opened.unwrap().value.as_deref(), Some("open"));
            let short = variables
                .update(&admin, plain.id, change(None, Some(Secrecy::Secret)))
                .await;
            assert_eq!(refused(short), (ErrorCode::Validation, "value".to_owned()));
            for foreign in [
                variables
                    .update(&stranger(), plain.id, change(Some("x"), None))
                    .await
                    .map(drop),
                variables.delete(&stranger(), plain.id).await,
            ] {
                assert_eq!(refused(foreign).0, ErrorCode::NotFound);
            }
            variables.delete(&admin, plain.id).await.unwrap();
            assert_eq!(refused(variables.delete(&admin, plain.id).await).0, ErrorCode::NotFound);
        })
        .await;
    let (audit, changes) = written(&engine, project).await;
    let actions: Vec<&str> = audit.iter().rev().map(|entry| entry.action.as_str()).collect();
    let expected = ["create", "create", "update", "update", "delete"].map(|verb| format!("variable.{verb}"));
    assert_eq!(actions, expected);
    assert_eq!(changes.len(), 5);
    assert!(
        changes
            .iter()
            .all(|change| matches!(change.body.as_str(), "{}" | "null")),
        "names are settings too"
    );
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn variables_have_limits_that_are_named() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;
    engine
        .ask(move |engine| async move {
            let variables = engine.variables();
            let set = |name: String, value: String, secrecy| {
                let (variables, admin) = (variables.clone(), admin.clone());
                async move { variables.create(&admin, variable(&name, &value, secrecy)).await }
            };
            let long = "x".repeat(MAX_VALUE_BYTES + 1);
            for (name, value, secrecy, field) in [
                ("1X", "value", Secrecy::Plain, "name"),
                ("PATH", "value", Secrecy::Plain, "name"),
                ("X", &long, Secrecy::Plain, "value"),
                ("X", "a\0b", Secrecy::Plain, "value"),
                ("X", "short", Secrecy::Secret, "value"),
            ] {
                let refused = refused(set(name.to_owned(), value.to_owned(), secrecy).await);
                assert_eq!(refused, (ErrorCode::Validation, field.to_owned()), "{name}");
            }
            for number in 0..8 {
                let most = "x".repeat(MAX_VALUE_BYTES);
                set(format!("LONG_{number}"), most, Secrecy::Secret).await.unwrap();
            }
            let too_much = set("MORE".to_owned(), "x".to_owned(), Secrecy::Plain).await;
            assert_eq!(refused(too_much), (ErrorCode::Validation, "value".to_owned()));
            let taken = set("LONG_1".to_owned(), String::new(), Secrecy::Plain).await;
            assert_eq!(refused(taken), (ErrorCode::Conflict, "name".to_owned()));
            for number in 8..MAX_VARIABLES {
                set(format!("N_{number}"), String::new(), Secrecy::Plain).await.unwrap();
            }
            let too_many = set("MORE".to_owned(), String::new(), Secrecy::Plain).await;
            assert_eq!(refused(too_many).0, ErrorCode::Conflict);
        })
        .await;
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projects_own_key_pays_for_its_runs_and_its_use_is_noted() {
    let (mut world, _) = model::world(200).await;
    world.key = None;
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Failed, "there is no key yet");

    let owner = admin.clone();
    engine
        .ask(move |engine| async move {
            let keys = engine.provider_keys();
            for unsound in [
                "short",
                "with a space in the middle",
                "zeile\nzeile\nzeile\nzeile",
                &"x".repeat(5000),
            ] {
                let set = keys.set(&owner, Provider::Anthropic, SecretString::from(unsound)).await;
                assert_eq!(refused(set), (ErrorCode::Validation, "key".to_owned()), "{unsound}");
            }
            let key = SecretString::from("sk-ant-0123456789-tail");
            let set = keys.set(&owner, Provider::Anthropic, key).await.unwrap();
            assert_eq!((set.last_four.as_str(), set.last_used_at), ("tail", None));
        })
        .await;
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Completed);
    engine
        .ask(move |engine| async move {
            let keys = engine.provider_keys();
            let list = keys.list(&admin).await.unwrap();
            assert!(list[0].last_used_at.is_some(), "{list:?}");
            assert_eq!(keys.list(&stranger()).await.unwrap(), []);
            let foreign = keys.remove(&stranger(), Provider::Anthropic).await;
            assert_eq!(refused(foreign).0, ErrorCode::NotFound);
            assert_eq!(
                refused(keys.validate(&stranger(), Provider::Anthropic).await).0,
                ErrorCode::NotFound
            );
            keys.remove(&admin, Provider::Anthropic).await.unwrap();
            assert_eq!(keys.list(&admin).await.unwrap(), []);
        })
        .await;
    let run = engine.start_run(single(&world)).await.unwrap();
    assert_eq!(
        engine.wait(run).await,
        RunStatus::Failed,
        "a key that was removed is used no more"
    );
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_takes_what_its_project_says() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;
    let owner = admin.clone();
    engine
        .ask(move |engine| async move {
            let patch: SettingsPatch = SettingsPatch {
                instructions: Some("Speak like a clockmaker.".to_owned()),
                setup_script: Some("echo \"$MODE\" > prepared.txt".to_owned()),
                checks: Some(vec![codecourier_domain::check::CheckSpec {
                    name: "prepared".to_owned(),
                    command: "test \"$(cat prepared.txt)\" = fast && test \"$MODE\" = fast".to_owned(),
                    requirement: codecourier_domain::check::Requirement::Required,
                    timeout_seconds: 60,
                }]),
                ..SettingsPatch::default()
            };
            engine.settings().update(&owner, Revision::FIRST, patch).await.unwrap();
            let mode = variable("MODE", "fast", Secrecy::Plain);
            engine.variables().create(&owner, mode).await.unwrap();
        })
        .await;
    let spec = spec_of_project(&world, &engine, &admin).await;
    assert_eq!(spec.setup.sandbox_prompt.as_deref(), Some(DEFAULT_SANDBOX_PROMPT));
    let run = engine.start_run(spec).await.unwrap();
    assert_eq!(
        engine.wait(run).await,
        RunStatus::Completed,
        "{:?}",
        engine.view(run).await.state.failure()
    );
    let view = engine.view(run).await;
    assert!(view.steps[0].memo.checks[0].passed());
    let environment = world.backend.environment_of(world.backend.created()[0], "agent");
    assert_eq!(environment.get("MODE").map(String::as_str), Some("fast"));
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_setup_script_that_fails_ends_the_run_with_its_last_words() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let mut spec = single(&world);
    spec.setup.setup_script = Some("echo first; ls /no-such-place; echo never".to_owned());
    let run = engine.start_run(spec).await.unwrap();
    assert_eq!(engine.wait(run).await, RunStatus::Failed);
    let view = engine.view(run).await;
    let message = &view.state.failure().unwrap().message;
    assert!(
        message.contains("setup script failed") && message.contains("no-such-place"),
        "{message}"
    );
    assert!(!message.contains("never"), "{message}");
    assert_eq!(world.backend.present(), [], "no sandbox is left");
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_under_way_is_gone_on_with_by_the_next_start() {
    let world = World::new(always(vec![Act::EndTurn("Done.".to_owned())]));
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;
    let owner = admin.clone();
    engine
        .ask(move |engine| async move {
            for number in 0..60 {
                let secret = variable(&format!("SECRET_{number}"), "a secret value", Secrecy::Secret);
                engine.variables().create(&owner, secret).await.unwrap();
            }
        })
        .await;
    let ring = renew_key_file(&world.path().join("master.key")).unwrap();
    let begun = engine
        .ask(move |engine| async move {
            let mut batches = 0;
            let stop_in_the_middle = move |_| {
                batches += 1;
                if batches > 1 {
                    std::ops::ControlFlow::Break(())
                } else {
                    std::ops::ControlFlow::Continue(())
                }
            };
            engine.rotate_keys(ring, stop_in_the_middle).await.unwrap()
        })
        .await;
    assert!(begun.resealed > 0 && begun.remaining > 0, "{begun:?}");
    engine.kill().await;

    let engine = world.start().await;
    let source = MasterKeySource::File(world.path().join("master.key"));
    let newest = Vault::open(&source).await.unwrap().newest_key().to_string();
    let store = engine.store();
    engine
        .ask(move |engine| async move {
            let column = codecourier_store::sealed::SealedColumn::VariableValue;
            loop {
                let left = store
                    .read()
                    .await
                    .unwrap()
                    .count_sealed_with_other_keys(column, &newest)
                    .await
                    .unwrap();
                if left == 0 {
                    break;
                }
                tokio::task::yield_now().await;
            }
            assert_eq!(
                engine
                    .settings()
                    .run_defaults(&admin)
                    .await
                    .unwrap()
                    .setup
                    .variables
                    .len(),
                60
            );
        })
        .await;
    engine.shut_down().await;
}
