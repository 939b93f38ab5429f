//! A rotation that is ended between any two of its batches, and goes on.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{BootId, ProjectId, VariableId};
use codecourier_domain::provider::Provider;
use codecourier_domain::time::{Clock, Timestamp};
use codecourier_store::idempotency::KeyedRequest;
use codecourier_store::projects::NewProject;
use codecourier_store::provider_keys::ProviderKey;
use codecourier_store::sealed::{Sealed, SealedColumn, SealedPlace, SealedValue};
use codecourier_store::variables::{Variable, VariableValue};
use codecourier_store::{Body, Store, StoreConfig};

use super::{BATCH, RotationProgress, is_unfinished, rotate};
use crate::vault::{KeyRing, Vault};

const OLD: &str = "1111111111111111111111111111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222222222222222222222222222";
const NOON: Timestamp = Timestamp(1_800_000_000_000);
/// So many variables in each of two projects that a rotation takes several batches.
const VARIABLES: u32 = BATCH + 7;

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        NOON
    }
}

fn vault(keys: &[&str]) -> Vault {
    Vault::new(KeyRing::read(&keys.join("\n"), "a test").unwrap())
}

async fn open(directory: &Path) -> Store {
    Store::open(StoreConfig::Sqlite {
        path: directory.join("store.db"),
    })
    .await
    .unwrap()
}

/// Two projects full of secrets, sealed with a key.
async fn fill(store: &Store, vault: &Vault) {
    for number in 0..2 {
        let project = ProjectId::from_uuid(Uuid::from_u128(number));
        let row = NewProject {
            id: project,
            slug: format!("project-{number}"),
            name: String::new(),
            description: String::new(),
            work_limit: 1,
            created_at: NOON,
            body: Body::null(),
        };
        let variables: Vec<Variable> = (0..VARIABLES).map(|number| variable(vault, project, number)).collect();
        let key = provider_key(vault, project);
        let (request, answer) = kept_answer(vault, number);
        let inserted = store.write(move |tx| {
            Box::pin(async move {
                tx.insert_project(&row).await?;
                for variable in &variables {
                    tx.insert_variable(variable).await?;
                }
                tx.put_provider_key(&key).await?;
                let boot = BootId::from_uuid(Uuid::nil());
                tx.claim_request(&request, boot, NOON, Timestamp(0)).await?;
                tx.answer_request(&request.principal, &request.key, &answer).await
            })
        });
        inserted.await.unwrap();
    }
}

fn variable(vault: &Vault, project: ProjectId, number: u32) -> Variable {
    let id = VariableId::from_uuid(Uuid::from_u128(u128::from(number)));
    let place = SealedPlace {
        column: SealedColumn::VariableValue,
        scope: project.to_string(),
        row: id.to_string(),
    };
    let secret = SecretString::from(format!("value {number} of {project}"));
    Variable {
        id,
        project,
        name: format!("NAME_{number}"),
        value: VariableValue::Secret(vault.seal(&place, &secret).unwrap()),
        size: 0,
        created_at: NOON,
        updated_at: NOON,
        updated_by: Actor::System,
    }
}

fn kept_answer(vault: &Vault, number: u128) -> (KeyedRequest, Sealed) {
    let request = KeyedRequest {
        principal: format!("person {number}"),
        key: "key".to_owned(),
        fingerprint: String::new(),
    };
    let place = SealedPlace {
        column: SealedColumn::KeptAnswer,
        scope: request.principal.clone(),
        row: request.key.clone(),
    };
    let answer = vault
        .seal(&place, &SecretString::from(format!("answer {number}")))
        .unwrap();
    (request, answer)
}

fn provider_key(vault: &Vault, project: ProjectId) -> ProviderKey {
    let place = SealedPlace {
        column: SealedColumn::ProviderKey,
        scope: project.to_string(),
        row: Provider::Anthropic.to_string(),
    };
    ProviderKey {
        project,
        provider: Provider::Anthropic,
        sealed: vault
            .seal(&place, &SecretString::from(format!("key of {project}")))
            .unwrap(),
        last_four: "four".to_owned(),
        set_at: NOON,
        set_by: Actor::System,
        last_used_at: None,
    }
}

/// Every secret in the store by its place, as a vault opens it.
async fn secrets(store: &Store, vault: &Vault) -> BTreeMap<String, String> {
    let mut reader = store.read().await.unwrap();
    let mut found = BTreeMap::new();
    for column in SealedColumn::ALL {
        let values = reader
            .sealed_with_other_keys(column, "none", None, 100_000)
            .await
            .unwrap();
        for SealedValue { place, sealed } in values {
            let secret = vault.unseal(&place, &sealed).unwrap();
            found.insert(format!("{place:?}"), secret.expose_secret().to_owned());
        }
    }
    found
}

#[tokio::test]
async fn a_rotation_that_is_killed_between_any_two_batches_loses_nothing_and_goes_on() {
    let mut stop_after = 0;
    loop {
        let directory = tempfile::tempdir().unwrap();
        let store = open(directory.path()).await;
        fill(&store, &vault(&[OLD])).await;
        let before = secrets(&store, &vault(&[OLD])).await;
        assert_eq!(before.len(), 2 * (VARIABLES as usize + 2));

        let both = vault(&[NEW, OLD]);
        let mut told = 0;
        let stopped = rotate(&store, &both, &Noon, |_| {
            told += 1;
            if told > stop_after {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        let stopped = stopped.await.unwrap();
        drop(store);

        let store = open(directory.path()).await;
        assert_eq!(secrets(&store, &both).await, before, "stopped after {stop_after}");
        let was_over = told <= stop_after;
        assert_eq!(is_unfinished(&store, &both).await.unwrap(), !was_over);
        let rest = rotate(&store, &both, &Noon, |_| ControlFlow::Continue(()))
            .await
            .unwrap();
        assert_eq!((rest.remaining, rest.unopened), (0, 0));
        assert_eq!(stopped.resealed + rest.resealed, before.len() as u64, "each once");
        assert!(!is_unfinished(&store, &both).await.unwrap());
        assert_eq!(
            secrets(&store, &vault(&[NEW])).await,
            before,
            "the old key is not needed any more"
        );
        if was_over {
            break;
        }
        stop_after += 1;
    }
    assert!(stop_after >= 4, "there were only {stop_after} batches");
}

#[tokio::test]
async fn a_secret_whose_key_is_missing_is_counted_and_holds_nothing_up() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    fill(&store, &vault(&[OLD])).await;
    let lost = provider_key(&vault(&[&"3c".repeat(32)]), ProjectId::from_uuid(Uuid::from_u128(0)));
    store
        .write(move |tx| Box::pin(async move { tx.put_provider_key(&lost).await }))
        .await
        .unwrap();
    let mut told = Vec::new();
    let both = vault(&[NEW, OLD]);
    let rotated = rotate(&store, &both, &Noon, |progress| {
        told.push(progress);
        ControlFlow::Continue(())
    });
    let all = 2 * (u64::from(VARIABLES) + 2);
    let expected = RotationProgress {
        resealed: all - 1,
        remaining: 0,
        unopened: 1,
    };
    assert_eq!(rotated.await.unwrap(), expected);
    assert_eq!(told[0].remaining, all);
    assert!(
        told.windows(2).all(|pair| pair[1].remaining < pair[0].remaining),
        "{told:?}"
    );
}
