//! Asking for the usage of a streamed chat: OpenAI says what a stream has used only when it is asked to, and the usage is
//! the bill. Pure.
//!
//! The stream then has one chunk more, without a choice, before its end; clients know it, since every server that is
//! asked sends it and OpenRouter always does. Nothing else of the request changes.

use std::collections::HashMap;

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The request, asking for its usage. A body that is no such request is given back as it is: it was read before.
pub(crate) fn asked_for(body: Bytes) -> Bytes {
    rewritten(&body).unwrap_or(body)
}

/// The request with the wish added. None when it has the wish already.
fn rewritten(body: &[u8]) -> Option<Bytes> {
    // As raw values: a `null` is one too, and must be replaced and not stand beside another of the same name.
    let request: HashMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let Some(raw) = request.get("stream_options") else {
        let start = body.iter().position(|byte| *byte == b'{')? + 1;
        return Some(joined(
            &body[..start],
            br#""stream_options":{"include_usage":true},"#,
            &body[start..],
        ));
    };
    let text = raw.get();
    // The raw value lies within the body, since it was borrowed from it.
    let start = (text.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    let end = start.checked_add(text.len()).filter(|end| *end <= body.len())?;
    let options: Option<Map<String, Value>> = serde_json::from_str(text).ok()?;
    let mut options = options.unwrap_or_default();
    if options.get("include_usage") == Some(&Value::Bool(true)) {
        return None;
    }
    options.insert("include_usage".to_owned(), Value::Bool(true));
    let options = Value::Object(options).to_string();
    Some(joined(&body[..start], options.as_bytes(), &body[end..]))
}

fn joined(before: &[u8], middle: &[u8], after: &[u8]) -> Bytes {
    Bytes::from([before, middle, after].concat())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn asked(body: &str) -> String {
        String::from_utf8(asked_for(Bytes::from(body.to_owned())).to_vec()).unwrap()
    }

    #[test]
    fn the_wish_is_added_where_it_is_missing_and_nothing_else_changes() {
        assert_eq!(
            asked(r#" { "model":"m",  "stream":true}"#),
            r#" {"stream_options":{"include_usage":true}, "model":"m",  "stream":true}"#
        );
        assert_eq!(
            asked(r#"{"stream_options": {"include_obfuscation":false} ,"x":1e2}"#),
            r#"{"stream_options": {"include_obfuscation":false,"include_usage":true} ,"x":1e2}"#
        );
        for (body, expected) in [
            (
                r#"{"stream_options":null}"#,
                r#"{"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"stream_options":{"include_usage":false}}"#,
                r#"{"stream_options":{"include_usage":true}}"#,
            ),
        ] {
            assert_eq!(asked(body), expected);
        }
        for same in [
            r#"{"stream_options":{"include_usage":true}}"#,
            "[]",
            "",
            r#"{"stream_options":3}"#,
        ] {
            assert_eq!(asked(same), same);
        }
    }

    proptest! {
        #[test]
        fn the_rest_of_the_request_is_the_same(model in ".{0,12}", text in ".{0,40}", has_options: bool) {
            let mut request = json!({"model": model, "stream": true, "messages": [{"role": "user", "content": text}]});
            if has_options {
                request["stream_options"] = json!({"other": text});
            }
            let rewritten: Value = serde_json::from_str(&asked(&request.to_string())).unwrap();
            prop_assert_eq!(&rewritten["stream_options"]["include_usage"], &json!(true));
            prop_assert_eq!(&rewritten["messages"], &request["messages"]);
            prop_assert_eq!(&rewritten["stream_options"]["other"], &request["stream_options"]["other"]);
        }
    }
}
