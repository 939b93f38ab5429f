//! Query strings.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use codecourier_engine::Error;
use garde::Validate;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::json::{of_serde, valid};
use crate::ApiState;

/// A query: read, and within its limits. Its type says `deny_unknown_fields`.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T> FromRequestParts<ApiState> for Query<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, ApiError> {
        Ok(Self(read(&pairs(&parts.uri)?)?))
    }
}

/// The names and values of a query, decoded.
pub(super) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Error> {
    let query = uri.query().unwrap_or_default();
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let (Some(name), Some(value)) = (decoded(name), decoded(value)) else {
            return Err(Error::validation("The query is not percent-encoded UTF-8."));
        };
        if pairs.iter().any(|(earlier, _)| *earlier == name) {
            let shown: String = name.chars().take(64).collect();
            return Err(Error::validation(format!("`{shown}` is in the query twice.")).of_field(shown));
        }
        pairs.push((name, value));
    }
    Ok(pairs)
}

/// Reads decoded pairs as a type.
pub(super) fn read<T>(pairs: &[(String, String)]) -> Result<T, Error>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let encoded = serde_urlencoded::to_string(pairs)
        .map_err(|error| Error::validation("The query cannot be read.").because(error))?;
    let deserializer = serde_urlencoded::Deserializer::new(form_urlencoded::parse(encoded.as_bytes()));
    let value = serde_path_to_error::deserialize(deserializer)
        .map_err(|error| of_serde(error.inner(), &error.path().to_string()))?;
    valid(value)
}

/// Percent-decodes; `None` when that is not UTF-8 without zero characters.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Sample {
        #[garde(length(chars, max = 5))]
        some_text: Option<String>,
        #[garde(range(max = 9))]
        number: Option<u32>,
    }

    fn sample(query: &str) -> Result<Sample, Error> {
        read(&pairs(&format!("/x?{query}").parse().unwrap())?)
    }

    #[test]
    fn a_query_is_read() {
        let read = sample("someText=%C3%A4+b&number=7").unwrap();
        assert_eq!((read.some_text.as_deref(), read.number), (Some("ä b"), Some(7)));
        assert_eq!(sample("").unwrap().number, None);
    }

    #[test]
    fn an_error_names_the_parameter() {
        for (query, field) in [
            ("number=x", Some("number")),
            ("number=10", Some("number")),
            ("someText=abcdef", Some("someText")),
            ("other=1", Some("other")),
            ("number=1&number=2", Some("number")),
            ("someText=%ff", None),
            ("someText=%00", None),
            ("someText=%zz", None),
            ("someText=%1", None),
        ] {
            assert_eq!(sample(query).unwrap_err().field.as_deref(), field, "{query}");
        }
    }
}
