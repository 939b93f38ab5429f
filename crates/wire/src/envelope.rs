//! What is around every answer: `data` for one thing, and for a list also how to go on.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Data<T> {
    /// The thing.
    pub data: T,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct List<T> {
    /// The page's rows.
    pub data: Vec<T>,
    /// Where the next page begins; `null` on the last one. Good only for the same query.
    #[schema(required)]
    pub next_cursor: Option<String>,
    /// Whether there is a next page.
    pub has_more: bool,
}

impl<T> List<T> {
    /// A list that is given whole.
    #[must_use]
    pub const fn whole(data: Vec<T>) -> Self {
        Self {
            data,
            next_cursor: None,
            has_more: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelopes_look_as_documented() {
        let one = serde_json::to_string(&Data { data: 7 }).unwrap();
        assert_eq!(one, r#"{"data":7}"#);
        let list = serde_json::to_string(&List::whole(vec![7])).unwrap();
        assert_eq!(list, r#"{"data":[7],"nextCursor":null,"hasMore":false}"#);
    }
}
