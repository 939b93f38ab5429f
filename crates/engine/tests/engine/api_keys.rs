//! API keys of a project: made, used, replaced and ended.

use std::time::Duration;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::ApiKeyId;
use codecourier_domain::permission::{Permission, Resource};
use codecourier_engine::access::{Credential, Principal, ProjectGrant};
use codecourier_engine::api_keys::{ApiKeyStatus, CreatedApiKey, MAX_OVERLAP, NewApiKey};
use codecourier_engine::{Error, ErrorCode};
use codecourier_testkit::engine::{TestEngine, World};
use codecourier_testkit::fake_agent::always;

use crate::agents::good;
use crate::settings::{admin, grant, refused, stranger, written};

async fn holder(engine: &TestEngine, made: &CreatedApiKey) -> Result<Principal, Error> {
    let credential = Credential::ApiKey(made.token.clone());
    engine
        .ask(move |engine| async move { engine.access().authenticate(&credential).await })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_key_is_good_until_it_ends_and_each_end_is_the_same_refusal() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;
    let project = admin.project;
    let create = |lifetime| {
        let admin = admin.clone();
        let new = NewApiKey {
            name: "ci".parse().unwrap(),
            permissions: vec![Permission::write(Resource::Runs), Permission::write(Resource::Runs)],
            lifetime,
        };
        engine.ask(move |engine| async move { engine.api_keys().create(&admin, new).await })
    };
    let lasting = create(None).await.unwrap();
    let short = create(Some(Duration::from_secs(3_600))).await.unwrap();
    assert_eq!(
        refused(create(Some(Duration::ZERO)).await),
        (ErrorCode::Validation, "expiresInSeconds".to_owned())
    );

    let Principal::ApiKey(found) = holder(&engine, &lasting).await.unwrap() else {
        panic!("a key is no person");
    };
    assert_eq!((found.key, found.project), (lasting.key.key.id, project));
    assert_eq!(found.permissions, [Permission::write(Resource::Runs)]);
    let (owner, id) = (admin.clone(), lasting.key.key.id);
    let status = move |id: ApiKeyId| {
        let owner = owner.clone();
        move |engine: codecourier_engine::Engine| async move {
            let view = engine.api_keys().get(&owner, id).await.unwrap();
            (view.status, view.key.last_used_at.is_some())
        }
    };
    assert_eq!(engine.ask(status(id)).await, (ApiKeyStatus::Active, true));

    // Rotated: both are good for the overlap.
    let rotate = |id, overlap| {
        let admin = admin.clone();
        engine.ask(move |engine| async move { engine.api_keys().rotate(&admin, id, overlap).await })
    };
    let long = rotate(id, MAX_OVERLAP + Duration::from_secs(1)).await;
    assert_eq!(refused(long), (ErrorCode::Validation, "overlapSeconds".to_owned()));
    let next = rotate(id, Duration::from_secs(600)).await.unwrap();
    assert_eq!(next.key.key.name, "ci");
    assert_eq!(
        refused(rotate(id, Duration::ZERO).await).0,
        ErrorCode::Conflict,
        "rotated once"
    );
    holder(&engine, &lasting).await.unwrap();
    holder(&engine, &next).await.unwrap();
    assert_eq!(engine.ask(status(id)).await.0, ApiKeyStatus::Retiring);
    world.clock.advance(601_000);
    let over = holder(&engine, &lasting).await.unwrap_err();
    holder(&engine, &next).await.unwrap();
    assert_eq!(engine.ask(status(id)).await.0, ApiKeyStatus::Retired);

    // Expired.
    holder(&engine, &short).await.unwrap();
    world.clock.advance(3_600_000);
    let expired = holder(&engine, &short).await.unwrap_err();
    assert_eq!(engine.ask(status(short.key.key.id)).await.0, ApiKeyStatus::Expired);

    // Revoked, by nobody else and once.
    let id = next.key.key.id;
    let revoke =
        |grant: ProjectGrant| engine.ask(move |engine| async move { engine.api_keys().revoke(&grant, id).await });
    assert_eq!(refused(revoke(stranger()).await).0, ErrorCode::NotFound);
    holder(&engine, &next).await.unwrap();
    revoke(admin.clone()).await.unwrap();
    revoke(admin.clone()).await.unwrap();
    let revoked = holder(&engine, &next).await.unwrap_err();
    assert_eq!(engine.ask(status(id)).await.0, ApiKeyStatus::Revoked);
    for error in [&over, &expired, &revoked] {
        assert_eq!((error.code, &error.message), (ErrorCode::AuthInvalid, &over.message));
    }
    let (audit, _) = written(&engine, project).await;
    let mut actions: Vec<&str> = audit.iter().map(|entry| entry.action.as_str()).collect();
    actions.sort_unstable();
    assert_eq!(
        actions,
        [
            "api_key.create",
            "api_key.create",
            "api_key.create",
            "api_key.revoke",
            "api_key.rotate"
        ]
    );
    engine.shut_down().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_makes_no_key_that_may_do_more_than_itself() {
    let world = World::new(always(good()));
    let engine = world.start().await;
    let admin = admin(&world, &engine).await;
    engine
        .ask(move |engine| async move {
            let keys = engine.api_keys();
            let new = |permissions: Vec<Permission>| NewApiKey {
                name: "key".parse().unwrap(),
                permissions,
                lifetime: None,
            };
            let (write_keys, read_runs) = (Permission::write(Resource::Keys), Permission::read(Resource::Runs));
            assert_eq!(
                refused(keys.create(&admin, new(Vec::new())).await),
                (ErrorCode::Validation, "permissions".to_owned())
            );
            let maker = keys.create(&admin, new(vec![write_keys, read_runs])).await.unwrap();
            let powerful = keys
                .create(&admin, new(vec![Permission::write(Resource::Settings)]))
                .await
                .unwrap();
            let key = grant(admin.project, Actor::ApiKey(maker.key.key.id));
            keys.create(&key, new(vec![read_runs])).await.unwrap();
            let more = keys
                .create(&key, new(vec![read_runs, Permission::write(Resource::Runs)]))
                .await;
            assert_eq!(refused(more), (ErrorCode::ScopeDenied, "permissions".to_owned()));
            let rotated = keys.rotate(&key, powerful.key.key.id, Duration::ZERO).await;
            assert_eq!(refused(rotated).0, ErrorCode::ScopeDenied);
            keys.rotate(&key, maker.key.key.id, Duration::ZERO).await.unwrap();
        })
        .await;
    engine.shut_down().await;
}
