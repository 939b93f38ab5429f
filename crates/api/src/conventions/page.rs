//! Pages of lists.
//!
//! Invariant: a cursor is good for the query that gave it and for no other: it carries a digest of the address and the
//! filters, so that a cursor of another list, another project or another filter is `VALIDATION` and never a wrong page.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use codecourier_engine::Error;
use codecourier_wire::envelope::List;
use codecourier_wire::page::{DEFAULT_LIMIT, MAXIMUM_LIMIT};
use garde::Validate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use super::error::ApiError;
use super::query;
use crate::ApiState;

/// How much of the digest a cursor carries: enough that no mistake passes. It is no secret, and guards none.
const BINDING_BYTES: usize = 8;

/// Which page is asked for, of which list. Filters are the type's own query parameters.
#[derive(Debug, Clone)]
pub struct Page<F = NoFilter> {
    /// The filters.
    pub filter: F,
    /// How many rows, 1 to 100.
    pub limit: u32,
    /// What [`Page::list`] was given as the place to go on.
    pub cursor: Option<String>,
    binding: [u8; BINDING_BYTES],
}

/// A list without filters.
#[derive(Debug, Clone, Copy, Default, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

impl<F> Page<F> {
    /// The place to go on, read as the engine's or the store's type.
    pub fn after<C: std::str::FromStr>(&self) -> Result<Option<C>, ApiError> {
        let read = |cursor: &String| cursor.parse().map_err(|_| foreign_cursor().into());
        self.cursor.as_ref().map(read).transpose()
    }

    /// A page of rows, with where the next one begins.
    pub fn list<T>(&self, data: Vec<T>, next: Option<impl std::fmt::Display>) -> List<T> {
        let next_cursor = next.map(|next| {
            let mut bytes = self.binding.to_vec();
            bytes.extend(next.to_string().into_bytes());
            URL_SAFE_NO_PAD.encode(bytes)
        });
        List {
            data,
            has_more: next_cursor.is_some(),
            next_cursor,
        }
    }
}

impl<F> FromRequestParts<ApiState> for Page<F>
where
    F: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, ApiError> {
        Ok(page(parts.uri.path(), query::pairs(&parts.uri)?)?)
    }
}

fn page<F>(path: &str, mut pairs: Vec<(String, String)>) -> Result<Page<F>, Error>
where
    F: DeserializeOwned + Validate<Context = ()>,
{
    let mut take = |name: &str| {
        let position = pairs.iter().position(|(found, _)| found == name)?;
        Some(pairs.remove(position).1)
    };
    let limit = take("limit").map_or(Ok(DEFAULT_LIMIT), |text| {
        let number = text.parse().ok().filter(|number| (1..=MAXIMUM_LIMIT).contains(number));
        let message = format!("`limit` is a number from 1 to {MAXIMUM_LIMIT}.");
        number.ok_or_else(|| Error::validation(message).of_field("limit"))
    })?;
    let cursor = take("cursor");
    let binding = binding(path, &mut pairs);
    let cursor = cursor.map(|text| opened(&text, binding)).transpose()?;
    Ok(Page {
        filter: query::read(&pairs)?,
        limit,
        cursor,
        binding,
    })
}

fn binding(path: &str, filters: &mut [(String, String)]) -> [u8; BINDING_BYTES] {
    filters.sort();
    let mut digest = Sha256::new();
    let parts = std::iter::once(path).chain(filters.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]));
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    let mut binding = [0; BINDING_BYTES];
    binding.copy_from_slice(&digest.finalize()[..BINDING_BYTES]);
    binding
}

fn opened(text: &str, binding: [u8; BINDING_BYTES]) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| foreign_cursor())?;
    let place = bytes.strip_prefix(&binding).ok_or_else(foreign_cursor)?;
    String::from_utf8(place.to_vec()).map_err(|_| foreign_cursor())
}

/// For fuzzing; see [`crate::fuzz`].
pub(crate) fn check_cursor(text: &str) -> Result<(), String> {
    let pairs = vec![("cursor".to_owned(), text.to_owned())];
    let Ok(page) = page::<NoFilter>("/list", pairs) else {
        return Ok(());
    };
    let place = page.cursor.clone().unwrap_or_default();
    let given = page.list(Vec::<()>::new(), Some(&place)).next_cursor;
    if given.as_deref() != Some(text) {
        return Err(format!("`{text}` passes for a cursor of `{place}`"));
    }
    Ok(())
}

fn foreign_cursor() -> Error {
    Error::validation("`cursor` is none that this query gave. Begin without one.").of_field("cursor")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        #[garde(skip)]
        status: Option<String>,
        #[garde(skip)]
        text: Option<String>,
    }

    fn ask(path: &str, pairs: &[(&str, &str)]) -> Result<Page<Filter>, Error> {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        page(path, owned.collect())
    }

    #[test]
    fn a_cursor_is_good_for_its_query_only() {
        let first = ask("/runs", &[("status", "failed"), ("text", "x"), ("limit", "2")]).unwrap();
        let cursor = first.list(vec![1, 2], Some("12:run_7")).next_cursor.unwrap();
        let again = ask("/runs", &[("text", "x"), ("cursor", &cursor), ("status", "failed")]).unwrap();
        assert_eq!(
            (again.cursor.as_deref(), again.limit),
            (Some("12:run_7"), DEFAULT_LIMIT)
        );
        for (path, filters) in [
            ("/runs", vec![("status", "failed")]),
            ("/runs", vec![("status", "failed"), ("text", "y")]),
            ("/other", vec![("status", "failed"), ("text", "x")]),
        ] {
            let mut filters = filters;
            filters.push(("cursor", &cursor));
            let error = ask(path, &filters).unwrap_err();
            assert_eq!(error.field.as_deref(), Some("cursor"), "{path} {filters:?}");
        }
    }

    #[test]
    fn the_limit_has_a_range() {
        for limit in ["0", "101", "-1", "ten", "", "1e1"] {
            let error = ask("/runs", &[("limit", limit)]).unwrap_err();
            assert_eq!(error.field.as_deref(), Some("limit"), "{limit}");
        }
        assert_eq!(ask("/runs", &[("limit", "100")]).unwrap().limit, 100);
        assert_eq!(
            ask("/runs", &[("other", "1")]).unwrap_err().field.as_deref(),
            Some("other")
        );
        let filter = ask("/runs", &[("status", "failed")]).unwrap().filter;
        assert_eq!((filter.status.as_deref(), filter.text), (Some("failed"), None));
    }

    proptest! {
        #[test]
        fn foreign_cursors_never_panic(text in ".{0,60}") {
            prop_assert!(ask("/runs", &[("cursor", &text)]).is_err());
        }
    }
}
