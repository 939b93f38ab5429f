//! Entry points for fuzzing: what reads bytes that a provider, an agent or a stranger's file wrote.
//!
//! Called by the repository's fuzz targets and by nobody else. Each gives an error that says which promise is broken.

use crate::cassette::{Cassette, NormalisedRequest, Played, find};
use crate::grant::Lane;
use crate::meter::UsageTap;
use crate::profile;
use crate::provider::Dialect;

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
            prop_assert_eq!(check_cassette(&damaged(CASSETTE, &damage)), Ok(()));
        }
    }
}
