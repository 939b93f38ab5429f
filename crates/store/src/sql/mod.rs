//! A statement, its values and its rows, free of the driver. Only this crate may use it.
//!
//! `sqlx` types know their database at compile time, and its `Any` driver cannot decode a SQLite BOOLEAN. So a
//! statement here carries its values in [`Value`], is bound for whichever connection it meets, and gives [`Row`]s.
//! Invariant: the text of a statement is the same for both databases, with `$1` placeholders.

pub(crate) mod connection;
pub(crate) mod dialect;
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
