//! A row of either database, read by the position of its columns.
//!
//! Invariant: what does not decode is reported as corrupt with the name of the operation, never a panic.

use std::str::FromStr;

use codecourier_domain::money::MicroUsd;
use codecourier_domain::time::Timestamp;
use sqlx::Row as _;

use crate::body::Body;
use crate::error::{DatabaseError, Error, Operation};

/// One row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(super) operation: Operation,
    pub(super) driver: DriverRow,
}

#[derive(Debug)]
pub(super) enum DriverRow {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

macro_rules! column {
    ($row:expr, $index:expr) => {
        match &$row.driver {
            DriverRow::Sqlite(row) => row.try_get($index),
            DriverRow::Postgres(row) => row.try_get($index),
        }
        .map_err(|source| Error::Database(DatabaseError::new($row.operation, source)))
    };
}

impl Row {
    pub(crate) fn text(&self, index: usize) -> Result<String, Error> {
        column!(self, index)
    }

    pub(crate) fn optional_text(&self, index: usize) -> Result<Option<String>, Error> {
        column!(self, index)
    }

    pub(crate) fn integer(&self, index: usize) -> Result<i64, Error> {
        column!(self, index)
    }

    pub(crate) fn optional_integer(&self, index: usize) -> Result<Option<i64>, Error> {
        column!(self, index)
    }

    pub(crate) fn boolean(&self, index: usize) -> Result<bool, Error> {
        column!(self, index)
    }

    /// A count, which the database holds signed.
    pub(crate) fn count(&self, index: usize) -> Result<u64, Error> {
        u64::try_from(self.integer(index)?).map_err(|source| self.corrupt(index, source))
    }

    /// A number that the domain keeps small.
    pub(crate) fn small(&self, index: usize) -> Result<u32, Error> {
        u32::try_from(self.integer(index)?).map_err(|source| self.corrupt(index, source))
    }

    pub(crate) fn time(&self, index: usize) -> Result<Timestamp, Error> {
        self.integer(index).map(Timestamp)
    }

    pub(crate) fn optional_time(&self, index: usize) -> Result<Option<Timestamp>, Error> {
        Ok(self.optional_integer(index)?.map(Timestamp))
    }

    pub(crate) fn money(&self, index: usize) -> Result<MicroUsd, Error> {
        self.integer(index).map(MicroUsd)
    }

    pub(crate) fn body(&self, index: usize) -> Result<Body, Error> {
        self.text(index).map(Body::from_stored)
    }

    /// An identifier or a word that the domain parses.
    pub(crate) fn parsed<T>(&self, index: usize) -> Result<T, Error>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        self.text(index)?.parse().map_err(|source| self.corrupt(index, source))
    }

    /// The same where the column may be NULL.
    pub(crate) fn optional_parsed<T>(&self, index: usize) -> Result<Option<T>, Error>
    where
        T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        self.optional_text(index)?
            .map(|text| text.parse().map_err(|source| self.corrupt(index, source)))
            .transpose()
    }

    pub(crate) fn corrupt(&self, column: usize, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::Corrupt {
            operation: self.operation,
            column,
            source: Box::new(source),
        }
    }
}
