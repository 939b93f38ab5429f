//! A statement, its values and its rows, free of the driver. Only this crate may use it.
//!
//! `sqlx` types know their database at compile time, and its `Any` driver cannot decode a SQLite BOOLEAN. So a
//! statement here carries its values in [`Value`], is bound for whichever connection it meets, and gives [`Row`]s.
//! Invariant: the text of a statement is the same for both databases, with `$1` placeholders.

pub(crate) mod connection;
pub(crate) mod copy;
pub(crate) mod dialect;
pub(crate) mod hints;
#[cfg(test)]
mod plans;
mod row;
mod value;

use sqlx::AssertSqlSafe;
use sqlx::{Arguments as _, SqlSafeStr as _, SqlStr};

pub(crate) use connection::{Connection, Database, PooledConnection};
pub(crate) use row::Row;
pub(crate) use value::{Value, count};

/// A statement with its values, ready for either database.
#[derive(Debug)]
pub(crate) struct Statement {
    text: SqlStr,
    values: Vec<Value>,
}

/// A statement from a literal.
pub(crate) fn sql(text: &'static str) -> Statement {
    Statement {
        text: text.into_sql_str(),
        values: Vec::new(),
    }
}

/// A statement whose text was put together by this crate, from literals and placeholders only: never from input.
pub(crate) fn assembled(text: String) -> Statement {
    Statement {
        text: AssertSqlSafe(text).into_sql_str(),
        values: Vec::new(),
    }
}

/// How many values a list in a statement has. A few fixed sizes, so that each statement is prepared once.
const LIST_SIZES: [usize; 3] = [8, 64, 512];

/// Statements that end in a list of placeholders, for values of any number: each with its part of the values, the last of
/// which are repeated to fill the list.
pub(crate) fn chunks<T: Copy>(beginning: &str, values: &[T]) -> Vec<(String, Vec<T>)> {
    let longest = LIST_SIZES[LIST_SIZES.len() - 1];
    let lists = values.chunks(longest).map(|chunk| {
        let size = LIST_SIZES
            .into_iter()
            .find(|size| *size >= chunk.len())
            .unwrap_or(longest);
        let placeholders: Vec<String> = (1..=size).map(|number| format!("${number}")).collect();
        let mut filled = chunk.to_vec();
        if let Some(last) = chunk.last() {
            filled.resize(size, *last);
        }
        (format!("{beginning}({})", placeholders.join(", ")), filled)
    });
    lists.collect()
}

impl Statement {
    /// Gives the next placeholder its value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Gives the next placeholder its value, in a loop.
    pub(crate) fn push(&mut self, value: impl Into<Value>) {
        self.values.push(value.into());
    }

    fn into_sqlite(self) -> Result<(SqlStr, sqlx::sqlite::SqliteArguments), sqlx::Error> {
        let mut arguments = sqlx::sqlite::SqliteArguments::default();
        for value in self.values {
            match value {
                Value::Text(value) => arguments.add(value),
                Value::Integer(value) => arguments.add(value),
                Value::Boolean(value) => arguments.add(value),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok((self.text, arguments))
    }

    fn into_postgres(self) -> Result<(SqlStr, sqlx::postgres::PgArguments), sqlx::Error> {
        let mut arguments = sqlx::postgres::PgArguments::default();
        for value in self.values {
            match value {
                Value::Text(value) => arguments.add(value),
                Value::Integer(value) => arguments.add(value),
                Value::Boolean(value) => arguments.add(value),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok((self.text, arguments))
    }
}
