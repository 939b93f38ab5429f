//! One door for fuzzers: every decoder of this crate on arbitrary bytes.

use crate::{Decoder, EndStream, files, filesystem, parse, process};

/// The payload bound used while fuzzing.
pub const PAYLOAD_LIMIT: usize = 64 * 1024;

/// Decodes `input` as everything this crate can read. Returns how many decoders accepted something.
///
/// The first byte chooses how the rest is cut into chunks, so that a fuzzer also finds state that survives a chunk's end.
#[must_use]
pub fn decode_anything(input: &[u8]) -> usize {
    let Some((cut, rest)) = input.split_first() else {
        return 0;
    };
    let mut accepted = 0;
    let mut decoder = Decoder::new(PAYLOAD_LIMIT);
    'stream: for chunk in rest.chunks(usize::from(*cut).max(1)) {
        decoder.push(chunk);
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => accepted += decode_messages(&frame.payload),
                Ok(None) => break,
                Err(_) => break 'stream,
            }
        }
    }
    accepted + usize::from(decoder.finish().is_ok()) + decode_messages(rest)
}

fn decode_messages(payload: &[u8]) -> usize {
    [
        parse::<process::StartRequest>(payload).is_ok(),
        parse::<process::SelectRequest>(payload).is_ok(),
        parse::<process::SendInputRequest>(payload).is_ok(),
        parse::<process::SendSignalRequest>(payload).is_ok(),
        parse::<process::UpdateRequest>(payload).is_ok(),
        parse::<process::ProcessResponse>(payload).is_ok(),
        parse::<process::ListResponse>(payload).is_ok(),
        parse::<filesystem::PathRequest>(payload).is_ok(),
        parse::<filesystem::MoveRequest>(payload).is_ok(),
        parse::<filesystem::ListDirRequest>(payload).is_ok(),
        parse::<filesystem::ListDirResponse>(payload).is_ok(),
        parse::<filesystem::EntryResponse>(payload).is_ok(),
        parse::<filesystem::WatchRequest>(payload).is_ok(),
        parse::<filesystem::WatchEvent>(payload).is_ok(),
        parse::<files::HttpError>(payload).is_ok(),
        parse::<EndStream>(payload).is_ok(),
    ]
    .into_iter()
    .map(usize::from)
    .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(input in proptest::collection::vec(any::<u8>(), 0..4096)) {
            let _ = decode_anything(&input);
        }

        #[test]
        fn arbitrary_json_in_right_envelopes_never_panics(
            text in r#"(\{|\}|\[|\]|,|:|"pid"|"tag"|"event"|"start"|"data"|"stdout"|"process"|"size"|null|true|-?[0-9]{1,25}|1e999|"[a-zA-Z=+/]{0,9}"){0,40}"#,
            cut in any::<u8>(),
        ) {
            let mut wire = vec![cut];
            wire.extend_from_slice(&crate::encode(crate::Flags::MESSAGE, text.as_bytes()));
            let _ = decode_anything(&wire);
        }
    }

    #[test]
    fn deep_nesting_is_refused_not_fatal() {
        let nested = format!("0{}", "[".repeat(100_000));
        let _ = decode_anything(nested.as_bytes());
        let nested = format!("0{}", r#"{"event":"#.repeat(100_000));
        let _ = decode_anything(nested.as_bytes());
    }
}
