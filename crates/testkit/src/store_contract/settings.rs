//! What a project is set up with: settings, variables, provider keys, API keys; and sealing them anew.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ApiKeyId, ProjectId, UserId, VariableId};
use codecourier_domain::permission::{Permission, Resource};
use codecourier_domain::provider::Provider;
use codecourier_domain::time::Timestamp;
use codecourier_store::api_keys::{ApiKey, ApiKeyList};
use codecourier_store::ledger::TokenHash;
use codecourier_store::project_settings::ProjectSettings;
use codecourier_store::provider_keys::ProviderKey;
use codecourier_store::sealed::{Resealed, Sealed, SealedColumn, SealedValue};
use codecourier_store::variables::{Variable, VariableValue};
use codecourier_store::{Error, Result, Tx};
use futures::future::BoxFuture;
use uuid::Uuid;

use super::{Bench, NOON, body};

pub(super) async fn settings_are_saved_only_over_the_revision_they_came_from(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let settings = |project, revision, text| ProjectSettings {
        project,
        revision,
        updated_at: NOON,
        updated_by: Actor::Operator,
        body: body(text),
    };
    let save = |settings: ProjectSettings| {
        bench
            .store
            .write(move |tx| Box::pin(async move { tx.save_project_settings(&settings).await }))
    };
    assert!(matches!(
        save(settings(one, 1, "early")).await,
        Err(Error::Stale { .. })
    ));
    assert_eq!(save(settings(one, 0, "first")).await.unwrap(), 1);
    assert!(matches!(save(settings(one, 0, "twin")).await, Err(Error::Stale { .. })));
    assert_eq!(save(settings(one, 1, "second")).await.unwrap(), 2);
    assert!(matches!(save(settings(one, 1, "late")).await, Err(Error::Stale { .. })));
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(
        reader.project_settings(one).await.unwrap(),
        Some(settings(one, 2, "second"))
    );
    assert_eq!(reader.project_settings(two).await.unwrap(), None);
}

pub(super) async fn variables_have_one_value_and_one_project(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let secret = a_variable(one, "TOKEN", VariableValue::Secret(sealed("cipher", "k1")));
    let plain = a_variable(one, "MODE", VariableValue::Plain(String::new()));
    let twin = a_variable(one, "TOKEN", VariableValue::Plain("x".to_owned()));
    let elsewhere = a_variable(two, "TOKEN", VariableValue::Plain("y".to_owned()));
    for variable in [&secret, &plain, &elsewhere] {
        insert(bench, variable).await.unwrap();
    }
    assert!(matches!(
        insert(bench, &twin).await,
        Err(Error::Taken { entity: "variable" })
    ));
    let mut reader = bench.store.read().await.unwrap();
    assert_eq!(reader.variables(one).await.unwrap(), [plain.clone(), secret.clone()]);
    assert_eq!(reader.variable(one, secret.id).await.unwrap(), Some(secret.clone()));
    assert_eq!(reader.variable(two, secret.id).await.unwrap(), None);

    let opened = Variable {
        value: VariableValue::Plain("open".to_owned()),
        size: 4,
        updated_at: NOON.plus_milliseconds(1),
        ..secret.clone()
    };
    let foreign = Variable {
        project: two,
        ..opened.clone()
    };
    assert!(matches!(save(bench, &foreign).await, Err(Error::NotFound { .. })));
    save(bench, &opened).await.unwrap();
    assert_eq!(reader.variable(one, secret.id).await.unwrap(), Some(opened));

    let delete = |project, id| {
        write(bench, move |tx| {
            Box::pin(async move { tx.delete_variable(project, id).await })
        })
    };
    assert!(matches!(delete(two, secret.id).await, Err(Error::NotFound { .. })));
    delete(one, secret.id).await.unwrap();
    assert!(matches!(delete(one, secret.id).await, Err(Error::NotFound { .. })));
    assert_eq!(reader.variables(one).await.unwrap(), [plain]);
    assert_eq!(reader.variables(two).await.unwrap(), [elsewhere]);
}

pub(super) async fn a_provider_key_is_replaced_and_removed(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let key = a_provider_key(one, Provider::Anthropic, sealed("cipher", "k1"));
    let other = a_provider_key(one, Provider::Openai, sealed("other", "k1"));
    put(bench, &key).await;
    put(bench, &other).await;
    let used_at = |at| {
        write(bench, move |tx| {
            Box::pin(async move { tx.note_provider_key_used(one, Provider::Anthropic, at).await })
        })
    };
    used_at(NOON.plus_milliseconds(5)).await.unwrap();
    used_at(NOON).await.unwrap();
    let mut reader = bench.store.read().await.unwrap();
    let used = reader.provider_key(one, Provider::Anthropic).await.unwrap().unwrap();
    assert_eq!(
        used.last_used_at,
        Some(NOON.plus_milliseconds(5)),
        "the later use stays"
    );

    let replaced = a_provider_key(one, Provider::Anthropic, sealed("new", "k2"));
    put(bench, &replaced).await;
    assert_eq!(reader.provider_keys(one).await.unwrap(), [replaced, other.clone()]);
    assert_eq!(reader.provider_key(two, Provider::Anthropic).await.unwrap(), None);
    assert!(reader.provider_keys(two).await.unwrap().is_empty());

    let delete = |project| {
        write(bench, move |tx| {
            Box::pin(async move { tx.delete_provider_key(project, Provider::Anthropic).await })
        })
    };
    assert!(matches!(delete(two).await, Err(Error::NotFound { .. })));
    delete(one).await.unwrap();
    assert!(matches!(delete(one).await, Err(Error::NotFound { .. })));
    assert_eq!(reader.provider_keys(one).await.unwrap(), [other]);
}

pub(super) async fn api_keys_are_found_by_their_token_and_end_once(bench: &Bench) {
    let (one, two) = (bench.project("one", 1).await, bench.project("two", 1).await);
    let keys: Vec<ApiKey> = (0..3).map(|number| an_api_key(one, number)).collect();
    for (number, key) in keys.iter().enumerate() {
        let (key, token) = (key.clone(), TokenHash::of(&format!("token {number}")));
        write(bench, move |tx| {
            Box::pin(async move { tx.insert_api_key(&key, token).await })
        })
        .await
        .unwrap();
    }
    let mut reader = bench.store.read().await.unwrap();
    let found = reader.api_key_by_token(TokenHash::of("token 1")).await.unwrap();
    assert_eq!(found, Some(keys[1].clone()));
    assert_eq!(reader.api_key_by_token(TokenHash::of("token")).await.unwrap(), None);
    assert_eq!(reader.api_key(one, keys[0].id).await.unwrap(), Some(keys[0].clone()));
    assert_eq!(reader.api_key(two, keys[0].id).await.unwrap(), None);

    let first = ApiKeyList { after: None, limit: 2 };
    let page = reader.api_keys(one, first).await.unwrap();
    assert_eq!(page.items, [keys[2].clone(), keys[1].clone()]);
    let rest = reader
        .api_keys(
            one,
            ApiKeyList {
                after: page.next,
                limit: 2,
            },
        )
        .await
        .unwrap();
    assert_eq!((rest.items, rest.next), (vec![keys[0].clone()], None));
    assert!(reader.api_keys(two, first).await.unwrap().items.is_empty());
    assert_eq!(reader.count_api_keys(one, NOON).await.unwrap(), 3);

    let (retired, successor, revoked) = (keys[0].id, keys[1].id, keys[2].id);
    let until = NOON.plus_milliseconds(60_000);
    let retire = |project| {
        write(bench, move |tx| {
            Box::pin(async move { tx.retire_api_key(project, retired, successor, until).await })
        })
    };
    assert!(matches!(retire(two).await, Err(Error::Stale { .. })));
    retire(one).await.unwrap();
    assert!(matches!(retire(one).await, Err(Error::Stale { .. })), "rotated once");
    let revoke = |project| {
        write(bench, move |tx| {
            Box::pin(async move { tx.revoke_api_key(project, revoked, NOON).await })
        })
    };
    assert!(matches!(revoke(two).await, Err(Error::NotFound { .. })));
    revoke(one).await.unwrap();
    assert!(matches!(revoke(one).await, Err(Error::NotFound { .. })), "revoked once");
    let use_of = |project, at| {
        write(bench, move |tx| {
            Box::pin(async move { tx.note_api_key_used(project, retired, at).await })
        })
    };
    use_of(one, NOON).await.unwrap();
    use_of(two, until).await.unwrap();
    let seen = reader.api_key(one, retired).await.unwrap().unwrap();
    assert_eq!((seen.replaced_by, seen.retires_at), (Some(successor), Some(until)));
    assert_eq!(
        seen.last_used_at,
        Some(NOON),
        "another project's note counts for nothing"
    );
    assert_eq!(
        reader.api_key(one, revoked).await.unwrap().unwrap().revoked_at,
        Some(NOON)
    );
    assert_eq!(reader.count_api_keys(one, NOON).await.unwrap(), 2);
    assert_eq!(reader.count_api_keys(one, until).await.unwrap(), 1);
}

pub(super) async fn whatever_another_key_sealed_is_found_once_and_replaced_if_unchanged(bench: &Bench) {
    let mut projects = [bench.project("one", 1).await, bench.project("two", 1).await];
    projects.sort_by_key(ToString::to_string);
    for project in projects {
        for (name, key) in [("A", "old"), ("B", "new"), ("C", "older")] {
            let secret = VariableValue::Secret(sealed(&format!("{project} {name}"), key));
            insert(bench, &a_variable(project, name, secret)).await.unwrap();
        }
        insert(bench, &a_variable(project, "D", VariableValue::Plain("d".to_owned())))
            .await
            .unwrap();
        put(
            bench,
            &a_provider_key(project, Provider::Github, sealed("cipher", "old")),
        )
        .await;
        put(bench, &a_provider_key(project, Provider::E2b, sealed("cipher", "new"))).await;
    }
    let mut reader = bench.store.read().await.unwrap();
    for (column, expected) in [(SealedColumn::VariableValue, 4), (SealedColumn::ProviderKey, 2)] {
        assert_eq!(
            reader.count_sealed_with_other_keys(column, "new").await.unwrap(),
            expected
        );
        let mut found: Vec<SealedValue> = Vec::new();
        loop {
            let after = found.last().map(|value| value.place.clone());
            let page = reader
                .sealed_with_other_keys(column, "new", after.as_ref(), 1)
                .await
                .unwrap();
            let Some(value) = page.into_iter().next() else { break };
            found.push(value);
        }
        assert_eq!(found.len() as u64, expected, "each once: {found:?}");
        assert!(found.iter().all(|value| value.sealed.key != "new"));
        let reseal = |old: SealedValue| {
            write(bench, move |tx| {
                Box::pin(async move { tx.reseal(&old, &sealed("again", "new")).await })
            })
        };
        for value in &found {
            assert_eq!(reseal(value.clone()).await.unwrap(), Resealed::Replaced);
            assert_eq!(
                reseal(value.clone()).await.unwrap(),
                Resealed::Changed,
                "it is another one by now"
            );
        }
        assert_eq!(reader.count_sealed_with_other_keys(column, "new").await.unwrap(), 0);
    }
}

async fn write<T: Send + 'static>(
    bench: &Bench,
    command: impl for<'c> FnOnce(&'c mut Tx) -> BoxFuture<'c, Result<T>> + Send + 'static,
) -> Result<T> {
    bench.store.write(command).await
}

async fn insert(bench: &Bench, variable: &Variable) -> Result<()> {
    let variable = variable.clone();
    write(bench, move |tx| {
        Box::pin(async move { tx.insert_variable(&variable).await })
    })
    .await
}

async fn save(bench: &Bench, variable: &Variable) -> Result<()> {
    let variable = variable.clone();
    write(bench, move |tx| {
        Box::pin(async move { tx.save_variable(&variable).await })
    })
    .await
}

async fn put(bench: &Bench, key: &ProviderKey) {
    let key = key.clone();
    write(bench, move |tx| {
        Box::pin(async move { tx.put_provider_key(&key).await })
    })
    .await
    .unwrap();
}

fn sealed(envelope: &str, key: &str) -> Sealed {
    Sealed {
        envelope: envelope.to_owned(),
        key: key.to_owned(),
    }
}

fn a_variable(project: ProjectId, name: &str, value: VariableValue) -> Variable {
    Variable {
        id: VariableId::from_uuid(Uuid::now_v7()),
        project,
        name: name.to_owned(),
        value,
        size: 0,
        created_at: NOON,
        updated_at: NOON,
        updated_by: Actor::User(UserId::from_uuid(Uuid::nil())),
    }
}

fn a_provider_key(project: ProjectId, provider: Provider, sealed: Sealed) -> ProviderKey {
    ProviderKey {
        project,
        provider,
        sealed,
        last_four: "1234".to_owned(),
        set_at: NOON,
        set_by: Actor::Operator,
        last_used_at: None,
    }
}

fn an_api_key(project: ProjectId, number: i64) -> ApiKey {
    ApiKey {
        id: ApiKeyId::from_uuid(Uuid::now_v7()),
        project,
        display_prefix: format!("cc_live_{number:04}"),
        name: "ci".to_owned(),
        permissions: vec![Permission::read(Resource::Runs), Permission::write(Resource::Sandboxes)],
        created_at: Timestamp(NOON.0 + number),
        created_by: Actor::System,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
        replaced_by: None,
        retires_at: None,
    }
}
