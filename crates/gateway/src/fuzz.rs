//! Entry points for fuzzing: what reads bytes that a provider, an agent or a stranger's file wrote.
//!
//! Called by the repository's fuzz targets and by nobody else. Each gives an error that says which promise is broken.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::cassette::{Cassette, NormalisedRequest, Played, find};
use crate::egress::hello::{Heard, HelloReader};
use crate::grant::Lane;
use crate::meter::UsageTap;
use crate::profile;
use crate::provider::{self, Dialect, Provider};
use crate::server::include_usage;

/// A wait longer than a year is none.
const LONGEST_WAIT: Duration = Duration::from_secs(366 * 86_400);

/// The meter: whatever comes, in whatever pieces, the count is the same in every language. The first byte of the input is
/// the length of the pieces.
///
/// # Errors
/// When the count depends on how the bytes were cut.
pub fn check_meter(input: &[u8]) -> Result<(), String> {
    let Some((length, stream)) = input.split_first() else {
        return Ok(());
    };
    for dialect in Dialect::ALL {
        let mut at_once = UsageTap::of_stream(dialect);
        at_once.feed(stream);
        at_once.end();
        let mut in_pieces = UsageTap::of_stream(dialect);
        for piece in stream.chunks(usize::from(*length).max(1)) {
            in_pieces.feed(piece);
        }
        in_pieces.end();
        if at_once.usage() != in_pieces.usage() {
            return Err(format!(
                "{dialect:?}: at once {:?}, in pieces {:?}",
                at_once.usage(),
                in_pieces.usage()
            ));
        }
        let mut json = UsageTap::of_json(dialect);
        json.feed(stream);
        json.end();
    }
    Ok(())
}

/// The first message of a TLS client, in whatever pieces: a host is heard only where the client said its name. The first
/// byte of the input is the length of the pieces.
///
/// # Errors
/// When a host is heard that nobody named.
pub fn check_hello(input: &[u8]) -> Result<(), String> {
    let Some((length, said)) = input.split_first() else {
        return Ok(());
    };
    let mut reader = HelloReader::default();
    for piece in said.chunks(usize::from(*length).max(1)) {
        match reader.take(piece) {
            Heard::NotYet => {}
            Heard::NoName | Heard::NoTls => return Ok(()),
            Heard::Name(name) => {
                let is_said = said
                    .windows(name.len().max(1))
                    .any(|words| words.eq_ignore_ascii_case(name.as_bytes()));
                return if is_said {
                    Ok(())
                } else {
                    Err(format!("nobody said {name:?}"))
                };
            }
        }
    }
    Ok(())
}

/// Requests: a body is profiled and normalised without a panic, every byte is in one place of the profile, and the same
/// body gives the same hash.
///
/// # Errors
/// When one of these does not hold.
pub fn check_request(input: &[u8]) -> Result<(), String> {
    for dialect in Dialect::ALL {
        if let Ok(head) = profile::read(dialect, input) {
            let profile = head.profile;
            let results: u64 = profile.tool_results.iter().map(|share| share.bytes).sum();
            let named = profile.system_bytes
                + profile.tools_bytes
                + profile.user_bytes
                + profile.assistant_bytes
                + profile.tool_call_bytes
                + profile.other_bytes
                + results;
            if named != profile.body_bytes {
                return Err(format!(
                    "{dialect:?}: {named} bytes of {} are accounted for",
                    profile.body_bytes
                ));
            }
        }
        if let Ok(request) = NormalisedRequest::read(dialect, input)
            && NormalisedRequest::read(dialect, input).ok().as_ref() != Some(&request)
        {
            return Err(format!("{dialect:?}: the same request is normalised in two ways"));
        }
    }
    Ok(())
}

/// Requests of streamed chats: one that is read still is JSON once its usage is asked for, and says everything else as before.
///
/// # Errors
/// When that does not hold.
pub fn check_asking_for_usage(input: &[u8]) -> Result<(), String> {
    if profile::read(Dialect::Chat, input).is_err() {
        return Ok(());
    }
    let read = |body: &[u8]| serde_json::from_slice::<Value>(body).map_err(|error| error.to_string());
    // What serde reads into a structure may still be no value that it can hold, such as a number without bounds.
    let Ok(mut before) = read(input) else {
        return Ok(());
    };
    let asked = include_usage::asked_for(Bytes::copy_from_slice(input));
    let mut after = read(&asked).map_err(|error| format!("the request is no JSON any more: {error}"))?;
    let options = |request: &mut Value| {
        request
            .as_object_mut()
            .and_then(|request| request.remove("stream_options"))
    };
    let (given, sent) = (options(&mut before), options(&mut after));
    let can_be_asked = given.is_none_or(|given| given.is_null() || given.is_object());
    let is_asked = sent.is_some_and(|sent| sent["include_usage"] == Value::Bool(true));
    if can_be_asked && !is_asked {
        return Err("the usage is not asked for".to_owned());
    }
    if before == after {
        Ok(())
    } else {
        Err("something else of the request changed".to_owned())
    }
}

/// Error answers: whatever a provider says, it is classed, and a wait is one that a clock can hold. The input is a status
/// (from its first byte), lines of headers, an empty line and a body.
///
/// # Errors
/// When a wait is longer than a year.
pub fn check_failure(input: &[u8]) -> Result<(), String> {
    let Some((status, rest)) = input.split_first() else {
        return Ok(());
    };
    let status = 400 + u16::from(*status) % 200;
    let mut headers = HeaderMap::new();
    let mut body = rest;
    while let Some(end) = body.iter().position(|byte| *byte == b'\n') {
        let line = &body[..end];
        body = &body[end + 1..];
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            break;
        };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    for provider in Provider::ALL {
        let verdict = provider::classify(provider, status, &headers, body);
        if let Some(wait) = verdict.retry_after
            && wait > LONGEST_WAIT
        {
            return Err(format!("{provider}: a wait of {wait:?}"));
        }
        if let Some(moment) = verdict.resets_at {
            let _ = provider::wait_until(moment, &headers);
        }
        let _ = provider::request_id(&headers);
        let _ = provider::classify_stream_error(provider, &verdict.message, &verdict.message);
    }
    Ok(())
}

/// Cassettes: whatever a file holds, it is read or refused, and what was read can be played.
///
/// # Errors
/// Never; a broken promise shows as a panic.
pub fn check_cassette(input: &[u8]) -> Result<(), String> {
    let Ok(cassette) = Cassette::parse("fuzz", input) else {
        return Ok(());
    };
    let request = br#"{"model": "m", "messages": [{"role": "user", "content": "x"}]}"#;
    for dialect in Dialect::ALL {
        let Ok(request) = NormalisedRequest::read(dialect, request) else {
            return Ok(());
        };
        let _ = find(&cassette, &Lane::new("designer#1"), &request);
        for exchange in cassette.exchanges() {
            for as_stream in [true, false] {
                let _ = Played::answer(&cassette, exchange, &request, as_stream);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CASSETTE: &str = r#"{"codecourier_cassette": 1} {"lane": "a", "say": ["x"], "tool_use": {"name": "B", "input": {"c": {"$lines": ["d"]}}}}
        {"lane": "a", "response": {"status": 200, "sse": "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"content\":[]}}\n\n"}}
        {"lane": "b", "error": {"status": 429, "retry_after": 3}}"#;
    const REQUEST: &str = r#"{"model": "m", "system": "s", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"},
        {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": "2026-11-22"}]}]}]}"#;

    const OPENAI: &str = r#"{"model": "m", "instructions": "s", "input": [{"role": "user", "content": "a"}, {"type": "function_call", "call_id": "x", "name": "b", "arguments": "{\"cmd\":1}"},
        {"type": "function_call_output", "call_id": "x", "output": "2026-11-22"}], "messages": [{"role": "system", "content": "s"}, {"role": "assistant", "tool_calls": [{"id": "x", "function": {"name": "b", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "2026-11-22"}]}]}"#;

    fn damaged(text: &str, damage: &[(usize, u8)]) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for (position, byte) in damage {
            let length = bytes.len();
            bytes[position % length] = *byte;
        }
        bytes
    }

    proptest! {
        #[test]
        fn the_promises_hold_on_damaged_input(
            damage in prop::collection::vec((any::<usize>(), any::<u8>()), 0..6),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert_eq!(check_meter(&bytes), Ok(()));
            prop_assert_eq!(check_request(&damaged(REQUEST, &damage)), Ok(()));
            prop_assert_eq!(check_request(&damaged(OPENAI, &damage)), Ok(()));
            prop_assert_eq!(check_asking_for_usage(&damaged(OPENAI, &damage)), Ok(()));
            prop_assert_eq!(check_failure(&bytes), Ok(()));
            prop_assert_eq!(check_cassette(&damaged(CASSETTE, &damage)), Ok(()));
        }
    }
}
