//! Pages of lists that can grow: newest first, continued by an opaque cursor.
//!
//! Invariant: a cursor names the last row that was given, not a position, so that rows that come or go between two
//! pages are neither repeated nor skipped. Text that this store did not give out is refused.

use std::fmt;
use std::str::FromStr;

use codecourier_domain::time::Timestamp;

use crate::error::Error;

/// Where the next page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageCursor<Id> {
    pub(crate) at: Timestamp,
    pub(crate) id: Id,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, Id> {
    /// The rows.
    pub items: Vec<T>,
    /// Where to go on; `None` when this was the last page.
    pub next: Option<PageCursor<Id>>,
}

impl<T, Id> Page<T, Id> {
    /// Makes a page of up to `limit` rows from a read of up to one more.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, cursor: impl FnOnce(&T) -> PageCursor<Id>) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

impl<Id: fmt::Display> fmt::Display for PageCursor<Id> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(format!("{}:{}", self.at.0, self.id)))
    }
}

impl<Id: FromStr> FromStr for PageCursor<Id> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = hex::decode(text).map_err(|_| Error::PageCursor)?;
        let plain = std::str::from_utf8(&bytes).map_err(|_| Error::PageCursor)?;
        let (at, id) = plain.split_once(':').ok_or(Error::PageCursor)?;
        Ok(Self {
            at: Timestamp(at.parse().map_err(|_| Error::PageCursor)?),
            id: id.parse().map_err(|_| Error::PageCursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use codecourier_domain::id::RunId;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(at in any::<i64>(), id in any::<u128>()) {
            let cursor = PageCursor { at: Timestamp(at), id: RunId::from_uuid(Uuid::from_u128(id)) };
            prop_assert_eq!(cursor.to_string().parse::<PageCursor<RunId>>().unwrap(), cursor);
        }

        #[test]
        fn foreign_text_is_refused_and_never_panics(text in ".*") {
            prop_assert!(text.parse::<PageCursor<RunId>>().is_err());
        }
    }

    #[test]
    fn the_last_page_has_no_successor() {
        let cursor = |_: &i32| PageCursor {
            at: Timestamp(0),
            id: RunId::from_uuid(Uuid::nil()),
        };
        assert!(Page::cut(vec![1, 2], 2, cursor).next.is_none());
        let page = Page::cut(vec![1, 2, 3], 2, cursor);
        assert_eq!(page.items, [1, 2]);
        assert!(page.next.is_some());
    }
}
