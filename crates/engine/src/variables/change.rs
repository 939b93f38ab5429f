//! Listing, setting and removing variables.

use codecourier_domain::id::{ProjectId, VariableId};
use codecourier_store::Error as StoreError;
use codecourier_store::changes::ChangeOp;
use codecourier_store::sealed::{SealedColumn, SealedPlace};
use codecourier_store::variables::{Variable, VariableValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{
    MAX_TOTAL_BYTES, MAX_VALUE_BYTES, MAX_VARIABLES, MIN_SECRET_BYTES, Secrecy, VariableView, Variables, check_name,
};
use crate::access::ProjectGrant;
use crate::error::{Error, ErrorCode};
use crate::random::uuid_v7;
use crate::settings::OnRecord;

/// A variable to set.
#[derive(Debug, Clone)]
pub struct NewVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: SecretString,
    /// Whether the value may be shown.
    pub secrecy: Secrecy,
}

/// A change of a variable: what is absent stays.
#[derive(Debug, Clone)]
pub struct VariableChange {
    /// Another value.
    pub value: Option<SecretString>,
    /// Whether the value may be shown.
    pub secrecy: Option<Secrecy>,
}

impl Variables {
    /// The variables of a project, by name.
    pub async fn list(&self, grant: &ProjectGrant) -> Result<Vec<VariableView>, Error> {
        let variables = self.engine.store.read().await?.variables(grant.project).await?;
        Ok(variables.into_iter().map(VariableView::from).collect())
    }

    /// Sets a new variable.
    pub async fn create(&self, grant: &ProjectGrant, new: NewVariable) -> Result<VariableView, Error> {
        check_name(&new.name).map_err(|refused| Error::validation(refused.to_string()).of_field("name"))?;
        check_value(&new.value, new.secrecy)?;
        let (project, at) = (grant.project, self.engine.clock.now());
        let id = VariableId::from_uuid(uuid_v7(at));
        let variable = Variable {
            id,
            project,
            value: self.stored(project, id, &new.value, new.secrecy)?,
            size: size_of(&new.value),
            name: new.name,
            created_at: at,
            updated_at: at,
            updated_by: grant.actor,
        };
        let record = on_record(grant, &variable, ChangeOp::Put, "variable.create");
        let written = variable.clone();
        let created = self.engine.store.write(move |tx| {
            Box::pin(async move {
                let others = tx.read().variables(project).await?;
                if let Some(refused) = over_the_limit(&others, &written) {
                    return Ok(Err(refused));
                }
                tx.insert_variable(&written).await?;
                record.write(tx).await?;
                Ok(Ok(()))
            })
        });
        match created.await {
            Ok(Ok(())) => Ok(variable.into()),
            Ok(Err(refused)) => Err(refused),
            Err(StoreError::Taken { .. }) => Err(Error::new(
                ErrorCode::Conflict,
                format!("There is a variable `{}` already. Change that one.", variable.name),
            )
            .of_field("name")),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes the value of a variable, or whether it may be shown. A secret one becomes plain only together with a new
    /// value: the old one is shown to nobody.
    pub async fn update(
        &self,
        grant: &ProjectGrant,
        id: VariableId,
        change: VariableChange,
    ) -> Result<VariableView, Error> {
        let (project, at) = (grant.project, self.engine.clock.now());
        let before = self.engine.store.read().await?.variable(project, id).await?;
        let before = before.ok_or_else(no_such_variable)?;
        let was = match before.value {
            VariableValue::Plain(_) => Secrecy::Plain,
            VariableValue::Secret(_) => Secrecy::Secret,
        };
        let secrecy = change.secrecy.unwrap_or(was);
        let value = match (change.value, &before.value) {
            (Some(value), _) => value,
            (None, VariableValue::Plain(text)) => SecretString::from(text.as_str()),
            (None, VariableValue::Secret(_)) if secrecy == Secrecy::Secret => return Ok(before.into()),
            (None, VariableValue::Secret(_)) => {
                let message = "A secret value is shown to nobody. To make the variable plain, set a new value with it.";
                return Err(Error::validation(message).of_field("value"));
            }
        };
        check_value(&value, secrecy)?;
        let after = Variable {
            value: self.stored(project, id, &value, secrecy)?,
            size: size_of(&value),
            updated_at: at,
            updated_by: grant.actor,
            ..before
        };
        let record = on_record(grant, &after, ChangeOp::Put, "variable.update");
        let written = after.clone();
        let saved = self.engine.store.write(move |tx| {
            Box::pin(async move {
                let others = tx.read().variables(project).await?;
                if let Some(refused) = over_the_limit(&others, &written) {
                    return Ok(Err(refused));
                }
                tx.save_variable(&written).await?;
                record.write(tx).await?;
                Ok(Ok(()))
            })
        });
        match saved.await {
            Ok(Ok(())) => Ok(after.into()),
            Ok(Err(refused)) => Err(refused),
            Err(StoreError::NotFound { .. }) => Err(no_such_variable()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a variable.
    pub async fn delete(&self, grant: &ProjectGrant, id: VariableId) -> Result<(), Error> {
        let project = grant.project;
        let variable = self.engine.store.read().await?.variable(project, id).await?;
        let variable = Variable {
            updated_at: self.engine.clock.now(),
            ..variable.ok_or_else(no_such_variable)?
        };
        let record = on_record(grant, &variable, ChangeOp::Delete, "variable.delete");
        let deleted = self.engine.store.write(move |tx| {
            Box::pin(async move {
                tx.delete_variable(project, id).await?;
                record.write(tx).await
            })
        });
        match deleted.await {
            Err(StoreError::NotFound { .. }) => Err(no_such_variable()),
            other => Ok(other?),
        }
    }

    fn stored(
        &self,
        project: ProjectId,
        id: VariableId,
        value: &SecretString,
        secrecy: Secrecy,
    ) -> Result<VariableValue, Error> {
        Ok(match secrecy {
            Secrecy::Plain => VariableValue::Plain(value.expose_secret().to_owned()),
            Secrecy::Secret => VariableValue::Secret(self.engine.vault.seal(&place_of(project, id), value)?),
        })
    }
}

/// Where the value of a secret variable is.
pub(super) fn place_of(project: ProjectId, id: VariableId) -> SealedPlace {
    SealedPlace {
        column: SealedColumn::VariableValue,
        scope: project.to_string(),
        row: id.to_string(),
    }
}

fn check_value(value: &SecretString, secrecy: Secrecy) -> Result<(), Error> {
    let value = value.expose_secret();
    let refused = |message: String| Err(Error::validation(message).of_field("value"));
    if value.len() > MAX_VALUE_BYTES {
        return refused(format!(
            "The value has {} bytes, and at most {MAX_VALUE_BYTES} are taken.",
            value.len()
        ));
    }
    if value.contains('\0') {
        return refused("The value has a NUL character, which no environment variable can hold.".to_owned());
    }
    if secrecy == Secrecy::Secret && value.len() < MIN_SECRET_BYTES {
        return refused(format!(
            "A secret has at least {MIN_SECRET_BYTES} bytes: a shorter one could not be kept out of transcripts."
        ));
    }
    Ok(())
}

/// Why a variable does not fit beside the others of its project.
fn over_the_limit(all: &[Variable], new: &Variable) -> Option<Error> {
    let others = || all.iter().filter(|other| other.id != new.id);
    if others().count() >= MAX_VARIABLES {
        let message = format!("A project has at most {MAX_VARIABLES} variables.");
        return Some(Error::new(ErrorCode::Conflict, message));
    }
    let total: u64 = others().map(|other| u64::from(other.size)).sum();
    if total + u64::from(new.size) > MAX_TOTAL_BYTES as u64 {
        let message = format!(
            "The values of a project's variables have at most {MAX_TOTAL_BYTES} bytes together, and this would be more."
        );
        return Some(Error::validation(message).of_field("value"));
    }
    None
}

fn size_of(value: &SecretString) -> u32 {
    u32::try_from(value.expose_secret().len()).unwrap_or(u32::MAX)
}

fn on_record(grant: &ProjectGrant, variable: &Variable, op: ChangeOp, action: &'static str) -> OnRecord {
    let is_secret = matches!(variable.value, VariableValue::Secret(_));
    let detail = json!({ "name": variable.name, "secret": is_secret });
    let of = ("variable", variable.id.to_string());
    OnRecord::new(grant, variable.updated_at, of, (op, action), detail)
}

fn no_such_variable() -> Error {
    Error::not_found("There is no such variable in this project.")
}
