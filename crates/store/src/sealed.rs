//! Columns that hold ciphertext, and what it takes to seal them anew with another key.
//!
//! The engine's vault seals and opens; this module only keeps. Invariants: what is sealed comes in and goes out as a
//! [`Sealed`], together with the identifier of its key; a value is replaced only if it is still the one that was read,
//! so that whoever sets a new one meanwhile wins.

use crate::error::Result;
use crate::read::Reader;
use crate::sql::{Row, sql};
use crate::writer::Tx;

/// Ciphertext, and which key opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The ciphertext with what is needed to open it, as text.
    pub envelope: String,
    /// The identifier of the key. No secret.
    pub key: String,
}

/// A column that holds ciphertext. A new one is added here, and the vault's rotation goes over it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SealedColumn {
    /// The values of secret environment variables; a row is named by the variable's identifier.
    VariableValue,
    /// The keys of outside services; a row is named by the provider.
    ProviderKey,
    /// What mails say that are on their way; a row is named by the mail's identifier.
    Mail,
    /// Answers that are kept for whoever repeats a request; a row is named by who asked and the key of the request.
    KeptAnswer,
}

impl SealedColumn {
    /// Every column, in the order of a rotation.
    pub const ALL: [Self; 4] = [Self::VariableValue, Self::ProviderKey, Self::Mail, Self::KeptAnswer];

    /// The name of the table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::VariableValue => "variable",
            Self::ProviderKey => "provider_key",
            Self::Mail => "mail",
            Self::KeptAnswer => "idempotency",
        }
    }

    /// The name of the column.
    #[must_use]
    pub const fn column(self) -> &'static str {
        match self {
            Self::VariableValue | Self::ProviderKey | Self::Mail => "sealed",
            Self::KeptAnswer => "answer",
        }
    }

    /// The statements about it.
    const fn statements(self) -> Statements {
        match self {
            Self::VariableValue => Statements {
                reseal: "UPDATE variable SET sealed = $4, sealed_with = $5 \
                         WHERE project = $1 AND id = $2 AND sealed = $3",
                page: "SELECT project, id, sealed, sealed_with FROM variable \
                       WHERE (project, id) > ($2, $3) AND sealed_with <> $1 ORDER BY project, id LIMIT $4",
                count: "SELECT count(*) FROM variable WHERE (project, id) > ('', '') AND sealed_with <> $1",
            },
            Self::ProviderKey => Statements {
                reseal: "UPDATE provider_key SET sealed = $4, sealed_with = $5 \
                         WHERE project = $1 AND provider = $2 AND sealed = $3",
                page: "SELECT project, provider, sealed, sealed_with FROM provider_key \
                       WHERE (project, provider) > ($2, $3) AND sealed_with <> $1 ORDER BY project, provider LIMIT $4",
                count: "SELECT count(*) FROM provider_key WHERE (project, provider) > ('', '') AND sealed_with <> $1",
            },
            // The scope is the same for all, and empty: what is behind an empty text is behind it with any row.
            Self::Mail => Statements {
                reseal: "UPDATE mail SET sealed = $4, sealed_with = $5 WHERE id = $2 AND sealed = $3 AND $1 = ''",
                page: "SELECT '', id, sealed, sealed_with FROM mail \
                       WHERE id > $3 AND sealed_with <> $1 AND $2 = '' ORDER BY id LIMIT $4",
                count: "SELECT count(*) FROM mail WHERE id > '' AND sealed_with <> $1",
            },
            Self::KeptAnswer => Statements {
                reseal: "UPDATE idempotency SET answer = $4, sealed_with = $5 \
                         WHERE principal = $1 AND key = $2 AND answer = $3",
                page: "SELECT principal, key, answer, sealed_with FROM idempotency \
                       WHERE (principal, key) > ($2, $3) AND sealed_with <> $1 ORDER BY principal, key LIMIT $4",
                count: "SELECT count(*) FROM idempotency WHERE (principal, key) > ('', '') AND sealed_with <> $1",
            },
        }
    }
}

/// The statements about a column.
struct Statements {
    /// `$1` the scope, `$2` the row, `$3` the old value, `$4` the new one, `$5` its key.
    reseal: &'static str,
    /// `$1` the key, `$2` the scope and `$3` the row behind which, `$4` how many.
    page: &'static str,
    /// `$1` the key. Nothing comes before the empty text: the comparison only says by which index the table is walked.
    count: &'static str,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPlace {
    /// The column.
    pub column: SealedColumn,
    /// What the row belongs to: mostly a project; empty where all rows belong to the server.
    pub scope: String,
    /// The row in the scope.
    pub row: String,
}

/// A value where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    /// Where.
    pub place: SealedPlace,
    /// The value.
    pub sealed: Sealed,
}

/// Whether a value was still the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resealed {
    /// It was, and is replaced.
    Replaced,
    /// It was changed or removed meanwhile, and stays as it is.
    Changed,
}

impl Tx {
    /// Replaces a value by the same one under another key.
    pub async fn reseal(&mut self, old: &SealedValue, new: &Sealed) -> Result<Resealed> {
        let statement = sql(old.place.column.statements().reseal)
            .bind(old.place.scope.as_str())
            .bind(old.place.row.as_str())
            .bind(old.sealed.envelope.as_str())
            .bind(new.envelope.as_str())
            .bind(new.key.as_str());
        Ok(match self.execute("seal a value anew", statement).await? {
            0 => Resealed::Changed,
            _ => Resealed::Replaced,
        })
    }
}

impl Reader<'_> {
    /// The values of a column, whatever they belong to, that are sealed with another key than `key`; in a fixed order, behind
    /// `after`. The one reader over all projects is the rotation of the server's own keys.
    pub async fn sealed_with_other_keys(
        &mut self,
        column: SealedColumn,
        key: &str,
        after: Option<&SealedPlace>,
        limit: u32,
    ) -> Result<Vec<SealedValue>> {
        let (scope, row) = after.map_or(("", ""), |place| (place.scope.as_str(), place.row.as_str()));
        let statement = sql(column.statements().page)
            .bind(key)
            .bind(scope)
            .bind(row)
            .bind(i64::from(limit));
        self.fetch_all("read sealed values", statement)
            .await?
            .iter()
            .map(|row| {
                Ok(SealedValue {
                    place: SealedPlace {
                        column,
                        scope: row.text(0)?,
                        row: row.text(1)?,
                    },
                    sealed: sealed(row, 2)?,
                })
            })
            .collect()
    }

    /// How many values of a column are sealed with another key than `key`.
    pub async fn count_sealed_with_other_keys(&mut self, column: SealedColumn, key: &str) -> Result<u64> {
        self.fetch_optional("count sealed values", sql(column.statements().count).bind(key))
            .await?
            .map_or(Ok(0), |row| row.count(0))
    }
}

/// The value whose two columns begin at `index`.
pub(crate) fn sealed(row: &Row, index: usize) -> Result<Sealed> {
    Ok(Sealed {
        envelope: row.text(index)?,
        key: row.text(index + 1)?,
    })
}
