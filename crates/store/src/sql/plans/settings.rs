//! The statements about what a project is set up with.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ApiKeyId, ProjectId, VariableId};
use codecourier_domain::provider::Provider;
use codecourier_domain::time::Timestamp;
use uuid::Uuid;

use crate::api_keys::ApiKeyList;
use crate::body::Body;
use crate::error::Result;
use crate::ledger::TokenHash;
use crate::page::PageCursor;
use crate::project_settings::ProjectSettings;
use crate::sealed::{Resealed, Sealed, SealedColumn, SealedPlace, SealedValue};
use crate::variables::{Variable, VariableValue};
use crate::{Reader, Store, StoreConfig, Tx};

const NIL: Uuid = Uuid::nil();
const NOW: Timestamp = Timestamp(1);

#[tokio::test]
async fn every_statement_about_settings_finds_its_rows_by_an_index() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(StoreConfig::Sqlite {
        path: directory.path().join("store.db"),
    })
    .await
    .unwrap();
    let project = ProjectId::from_uuid(NIL);
    read_settings(&mut store.read().await.unwrap(), project).await.unwrap();
    // Whether the rows exist is of no interest: the last command finds none and says so.
    let written = store.write(|tx| Box::pin(write_settings(tx))).await;
    assert!(
        matches!(written, Err(crate::Error::NotFound { entity: "variable" })),
        "{written:?}"
    );
}

async fn read_settings(reader: &mut Reader<'_>, project: ProjectId) -> Result<()> {
    reader.project_settings(project).await?;
    reader.variable(project, VariableId::from_uuid(NIL)).await?;
    reader.variables(project).await?;
    reader.provider_key(project, Provider::Anthropic).await?;
    reader.provider_keys(project).await?;
    let id = ApiKeyId::from_uuid(NIL);
    reader.api_key(project, id).await?;
    reader.api_key_by_token(TokenHash::of("token")).await?;
    reader.count_api_keys(project, NOW).await?;
    let after = Some(PageCursor { at: NOW, id });
    reader.api_keys(project, ApiKeyList { after, limit: 1 }).await?;
    for column in SealedColumn::ALL {
        let place = SealedPlace {
            column,
            scope: project.to_string(),
            row: String::new(),
        };
        reader.sealed_with_other_keys(column, "key", Some(&place), 1).await?;
        reader.count_sealed_with_other_keys(column, "key").await?;
    }
    Ok(())
}

fn write_settings(tx: &mut Tx) -> futures::future::BoxFuture<'_, Result<()>> {
    Box::pin(async move {
        let (project, key) = (ProjectId::from_uuid(NIL), ApiKeyId::from_uuid(NIL));
        let sealed = Sealed {
            envelope: String::new(),
            key: String::new(),
        };
        for column in SealedColumn::ALL {
            let place = SealedPlace {
                column,
                scope: project.to_string(),
                row: String::new(),
            };
            let old = SealedValue {
                place,
                sealed: sealed.clone(),
            };
            assert_eq!(tx.reseal(&old, &sealed).await?, Resealed::Changed);
        }
        tx.note_provider_key_used(project, Provider::Anthropic, NOW).await?;
        tx.note_api_key_used(project, key, NOW).await?;
        assert!(tx.revoke_api_key(project, key, NOW).await.is_err());
        assert!(tx.retire_api_key(project, key, key, NOW).await.is_err());
        assert!(tx.delete_provider_key(project, Provider::Anthropic).await.is_err());
        assert!(tx.delete_variable(project, VariableId::from_uuid(NIL)).await.is_err());
        let settings = ProjectSettings {
            project,
            revision: 1,
            updated_at: NOW,
            updated_by: Actor::System,
            body: Body::null(),
        };
        assert!(tx.save_project_settings(&settings).await.is_err());
        let variable = Variable {
            id: VariableId::from_uuid(NIL),
            project,
            name: String::new(),
            value: VariableValue::Secret(sealed),
            size: 0,
            created_at: NOW,
            updated_at: NOW,
            updated_by: Actor::System,
        };
        tx.save_variable(&variable).await
    })
}
