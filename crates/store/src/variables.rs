//! Environment variables of projects.
//!
//! Called by the engine. Invariants: a name is used once in a project; a value is either plain text or ciphertext, never
//! both, which the database checks too.

use codecourier_domain::actor::Actor;
use codecourier_domain::id::{ProjectId, VariableId};
use codecourier_domain::time::Timestamp;

use crate::error::{Error, Result};
use crate::read::Reader;
use crate::sealed::{Sealed, sealed};
use crate::sql::{Row, sql};
use crate::writer::Tx;

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its identifier.
    pub id: VariableId,
    /// The project it belongs to.
    pub project: ProjectId,
    /// Its name. Never changes.
    pub name: String,
    /// Its value.
    pub value: VariableValue,
    /// The bytes of the value, before it was sealed.
    pub size: u32,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// By whom.
    pub updated_by: Actor,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariableValue {
    /// As it is.
    Plain(String),
    /// As ciphertext.
    Secret(Sealed),
}

impl VariableValue {
    /// The three columns: plain text, ciphertext, key.
    fn columns(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        match self {
            Self::Plain(text) => (Some(text), None, None),
            Self::Secret(Sealed { envelope, key }) => (None, Some(envelope), Some(key)),
        }
    }
}

/// The columns that [`variable`] reads, and the rest of the statement.
macro_rules! select_variable {
    ($rest:literal) => {
        concat!(
            "SELECT id, project, name, size, created_at, updated_at, updated_by, plain, sealed, sealed_with \
             FROM variable ",
            $rest
        )
    };
}

impl Tx {
    /// Adds a variable. Fails with [`Error::Taken`] if the project has one of that name.
    pub async fn insert_variable(&mut self, variable: &Variable) -> Result<()> {
        let (plain, sealed, sealed_with) = variable.value.columns();
        let statement = sql(
            "INSERT INTO variable (project, id, name, size, created_at, updated_at, updated_by, plain, sealed, \
             sealed_with) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (project, name) DO NOTHING",
        )
        .bind(variable.project)
        .bind(variable.id)
        .bind(variable.name.as_str())
        .bind(i64::from(variable.size))
        .bind(variable.created_at)
        .bind(variable.updated_at)
        .bind(variable.updated_by.to_string())
        .bind(plain)
        .bind(sealed)
        .bind(sealed_with);
        match self.execute("insert a variable", statement).await? {
            0 => Err(Error::Taken { entity: "variable" }),
            _ => Ok(()),
        }
    }

    /// Saves the value of a variable.
    pub async fn save_variable(&mut self, variable: &Variable) -> Result<()> {
        let (plain, sealed, sealed_with) = variable.value.columns();
        let statement = sql(
            "UPDATE variable SET size = $3, updated_at = $4, updated_by = $5, plain = $6, sealed = $7, \
             sealed_with = $8 WHERE project = $1 AND id = $2",
        )
        .bind(variable.project)
        .bind(variable.id)
        .bind(i64::from(variable.size))
        .bind(variable.updated_at)
        .bind(variable.updated_by.to_string())
        .bind(plain)
        .bind(sealed)
        .bind(sealed_with);
        match self.execute("save a variable", statement).await? {
            0 => Err(Error::NotFound { entity: "variable" }),
            _ => Ok(()),
        }
    }

    /// Removes a variable.
    pub async fn delete_variable(&mut self, project: ProjectId, id: VariableId) -> Result<()> {
        let statement = sql("DELETE FROM variable WHERE project = $1 AND id = $2");
        match self
            .execute("delete a variable", statement.bind(project).bind(id))
            .await?
        {
            0 => Err(Error::NotFound { entity: "variable" }),
            _ => Ok(()),
        }
    }
}

impl Reader<'_> {
    /// One variable.
    pub async fn variable(&mut self, project: ProjectId, id: VariableId) -> Result<Option<Variable>> {
        let statement = sql(select_variable!("WHERE project = $1 AND id = $2"));
        self.fetch_optional("read a variable", statement.bind(project).bind(id))
            .await?
            .map(|row| variable(&row))
            .transpose()
    }

    /// The variables of a project, by name. The engine keeps their number small.
    pub async fn variables(&mut self, project: ProjectId) -> Result<Vec<Variable>> {
        let statement = sql(select_variable!("WHERE project = $1 ORDER BY name"));
        self.fetch_all("list the variables", statement.bind(project))
            .await?
            .iter()
            .map(variable)
            .collect()
    }
}

fn variable(row: &Row) -> Result<Variable> {
    Ok(Variable {
        id: row.parsed(0)?,
        project: row.parsed(1)?,
        name: row.text(2)?,
        size: row.small(3)?,
        created_at: row.time(4)?,
        updated_at: row.time(5)?,
        updated_by: row.parsed(6)?,
        value: match row.optional_text(7)? {
            Some(text) => VariableValue::Plain(text),
            None => VariableValue::Secret(sealed(row, 8)?),
        },
    })
}
