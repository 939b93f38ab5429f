//! JSON bodies of requests.
//!
//! Invariants: a body is at most as long and as deep as the settings say, before anything is made of it; a text never
//! holds a zero character, which not every database can keep; unknown fields are refused, since each request type says
//! so; an error names the field.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use codecourier_engine::{Error, ErrorCode};
use garde::Validate;
use serde::de::DeserializeOwned;

use super::error::ApiError;
use super::strict::Strict;
use crate::ApiState;

/// The deepest nesting of a body.
const MAXIMUM_DEPTH: usize = 32;

/// A body: read, and within its limits.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T> FromRequest<ApiState> for Json<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE);
        if !kind.is_some_and(|kind| is_json(kind.as_bytes())) {
            return Err(ApiError::new(
                ErrorCode::UnsupportedMediaType,
                "Send the body as JSON, with `Content-Type: application/json`.",
            ));
        }
        let bytes = super::upload::read(request, state.config.body_limit).await?;
        read(&bytes).map(Self).map_err(ApiError::from)
    }
}

fn is_json(kind: &[u8]) -> bool {
    let essence = kind.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Reads a body and looks at its limits.
pub(crate) fn read<T>(bytes: &[u8]) -> Result<T, Error>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let text = std::str::from_utf8(bytes).map_err(|_| Error::validation("The body is not UTF-8."))?;
    if text.trim().is_empty() {
        return Err(Error::validation("The body is empty. Send JSON."));
    }
    if !text.trim_start().starts_with('{') {
        return Err(Error::validation("The body is not a JSON object."));
    }
    look_through(text)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value: T = serde_path_to_error::deserialize(Strict(&mut deserializer)).map_err(|error| {
        let path = error.path().to_string();
        of_serde(error.inner(), &path)
    })?;
    deserializer
        .end()
        .map_err(|_| Error::validation("Something follows the JSON in the body."))?;
    valid(value)
}

/// Looks at the limits that a type states.
pub(crate) fn valid<T: Validate<Context = ()>>(value: T) -> Result<T, Error> {
    let Err(report) = value.validate() else {
        return Ok(value);
    };
    let Some((path, error)) = report.iter().next() else {
        return Ok(value);
    };
    let field = field_of_rust(&path.to_string());
    let message = codecourier_engine::error::sentence(&error.to_string());
    Err(Error::validation(match field.as_str() {
        "" => message,
        field => format!("`{field}`: {message}"),
    })
    .of_field_unless_empty(field))
}

trait OfField {
    fn of_field_unless_empty(self, field: String) -> Self;
}

impl OfField for Error {
    fn of_field_unless_empty(self, field: String) -> Self {
        if field.is_empty() { self } else { self.of_field(field) }
    }
}

/// Refuses depth and zero characters without building anything.
fn look_through(text: &str) -> Result<(), Error> {
    let (mut depth, mut in_text) = (0_usize, false);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (in_text, byte) {
            (true, b'\\') => {
                if bytes[at..].starts_with(b"\\u0000") {
                    return Err(Error::validation("A text in the body holds the zero character."));
                }
                at += 1;
            }
            (true, b'"') => in_text = false,
            (false, b'"') => in_text = true,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > MAXIMUM_DEPTH {
                    return Err(Error::new(
                        ErrorCode::TooLarge,
                        format!("The body is nested more than {MAXIMUM_DEPTH} deep."),
                    ));
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// What serde found wrong, with the field it is about.
pub(crate) fn of_serde(error: &impl std::fmt::Display, path: &str) -> Error {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    let path = path.replace('[', ".").replace(']', "");
    let parent = if path == "." { "" } else { path.as_str() };
    // The field that is too many or too few is in the text and not in the path.
    let named = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| text.strip_prefix(start)?.split('`').next());
    let field = match (parent, named) {
        (parent, None) => parent.to_owned(),
        ("", Some(named)) => named.to_owned(),
        (parent, Some(named)) if parent == named || parent.ends_with(&format!(".{named}")) => parent.to_owned(),
        (parent, Some(named)) => format!("{parent}.{named}"),
    };
    let field: String = field.chars().take(200).collect();
    let shown: String = codecourier_engine::error::sentence(text).chars().take(500).collect();
    Error::validation(shown).of_field_unless_empty(field)
}

/// A path as garde writes it, as clients write it: `checks[0].time_limit` becomes `checks.0.timeLimit`.
fn field_of_rust(path: &str) -> String {
    let mut field = String::with_capacity(path.len());
    let mut raise = false;
    for letter in path.chars() {
        match letter {
            '[' => field.push('.'),
            ']' => {}
            '_' => raise = true,
            letter if raise => {
                raise = false;
                field.extend(letter.to_uppercase());
            }
            letter => field.push(letter),
        }
    }
    field
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Sample {
        #[garde(length(chars, max = 5))]
        first_name: String,
        #[garde(dive)]
        #[serde(default)]
        inner_parts: Vec<Part>,
    }

    #[derive(Debug, Deserialize, Validate)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Part {
        #[garde(range(min = 1))]
        part_size: u32,
    }

    fn refused(text: &str) -> (ErrorCode, Option<String>) {
        let error = read::<Sample>(text.as_bytes()).unwrap_err();
        (error.code, error.field)
    }

    #[test]
    fn an_error_names_the_field_as_the_client_wrote_it() {
        let at = |field: &str| (ErrorCode::Validation, Some(field.to_owned()));
        assert_eq!(refused(r#"{"firstName":7}"#), at("firstName"));
        assert_eq!(refused("{}"), at("firstName"));
        assert_eq!(refused(r#"{"firstName":"a","x":1}"#), at("x"));
        assert_eq!(refused(r#"{"firstName":"a","firstName":"b"}"#), at("firstName"));
        assert_eq!(refused(r#"{"firstName":"abcdef"}"#), at("firstName"));
        let part = |part: &str| format!(r#"{{"firstName":"a","innerParts":[{{"partSize":2}},{part}]}}"#);
        assert_eq!(refused(&part(r#"{"partSize":-1}"#)), at("innerParts.1.partSize"));
        assert_eq!(refused(&part(r#"{"partSize":0}"#)), at("innerParts.1.partSize"));
        assert_eq!(refused(&part(r#"{"partSize":1,"y":1}"#)), at("innerParts.1.y"));
        assert_eq!(refused(&part("{}")), at("innerParts.1.partSize"));
    }

    #[test]
    fn what_is_no_body_is_refused() {
        for text in [
            "",
            "  ",
            "{",
            "[]",
            r#"["a",[]]"#,
            "null",
            r#"{"firstName":"a"} x"#,
            "\u{feff}{}",
        ] {
            assert_eq!(refused(text).0, ErrorCode::Validation, "{text:?}");
        }
        assert!(read::<Sample>(b"{\"firstName\":\"\xff\"}").is_err());
        assert!(read::<Sample>(br#"{"firstName":"a\u0000"}"#).is_err());
        assert!(read::<Sample>(br#"{"firstName":"\\\u0000"}"#).is_err());
        assert!(read::<Sample>(br#"{"firstName":"\\u00"}"#).is_ok());
    }

    #[test]
    fn depth_is_refused_and_brackets_in_texts_are_no_depth() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(refused(&format!("{{\"firstName\":{deep}}}")).0, ErrorCode::TooLarge);
        assert!(look_through(&format!("\"{}\\\"[\"", "[".repeat(100))).is_ok());
        assert!(look_through(&"[]".repeat(100)).is_ok());
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(read::<Sample>(&bytes));
        }
    }
}
