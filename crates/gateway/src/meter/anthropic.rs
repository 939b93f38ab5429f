//! Usage in Anthropic's answers: `message_start` has the input by kind, `message_delta` the final numbers.

use serde::Deserialize;

use super::sse::ServerSentEvent;
use super::tap::{MeteredUsage, StreamFault};

/// Bytes of an event with a piece of text that are not the text.
const DELTA_FRAME_BYTES: u64 = 90;

pub(super) fn take_document(usage: &mut MeteredUsage, body: &[u8]) {
    if let Ok(message) = serde_json::from_slice::<Message>(body) {
        usage.ended = message.kind == "message";
        take_message(usage, message);
    }
}

pub(super) fn take_event(usage: &mut MeteredUsage, event: &ServerSentEvent<'_>) {
    let parse = || serde_json::from_slice::<EventDocument>(event.data).ok();
    let kind = if event.name.is_empty() {
        match parse() {
            Some(document) => document.kind,
            None => return,
        }
    } else {
        String::from_utf8_lossy(event.name).into_owned()
    };
    match kind.as_str() {
        "content_block_delta" => {
            let bytes = (event.data.len() + event.dropped) as u64;
            usage.generated_bytes += bytes.saturating_sub(DELTA_FRAME_BYTES).max(4);
        }
        "message_start" => {
            if let Some(message) = parse().and_then(|document| document.message) {
                take_message(usage, message);
            }
        }
        "message_delta" => {
            if let Some(document) = parse().and_then(|document| document.usage) {
                take_usage(usage, &document);
            }
        }
        "message_stop" => usage.ended = usage.fault.is_none(),
        "error" => {
            let error = parse().and_then(|document| document.error).unwrap_or_default();
            usage.ended = false;
            usage.fault = Some(StreamFault {
                kind: error.kind,
                message: error.message,
            });
        }
        _ => {}
    }
}

fn take_message(usage: &mut MeteredUsage, message: Message) {
    usage.model = message.model.or_else(|| usage.model.take());
    if let Some(document) = message.usage {
        take_usage(usage, &document);
    }
}

/// Later numbers replace earlier ones: the provider's counts are running totals.
fn take_usage(usage: &mut MeteredUsage, document: &UsageDocument) {
    if let Some(input) = document.input_tokens {
        usage.tokens.input = input;
        usage.input_known = true;
    }
    if let Some(output) = document.output_tokens {
        usage.tokens.output = output;
    }
    if let Some(cache_read) = document.cache_read_input_tokens {
        usage.tokens.cache_read = cache_read;
    }
    let split = document.cache_creation.as_ref();
    let one_hour = split.and_then(|split| split.ephemeral_1h_input_tokens);
    let five_minutes = split.and_then(|split| split.ephemeral_5m_input_tokens);
    if let Some(one_hour) = one_hour {
        usage.tokens.cache_write_1h = one_hour;
    }
    match (document.cache_creation_input_tokens, five_minutes) {
        // The total is what is charged; what it holds beyond the hour's share was written for five minutes.
        (Some(total), _) => usage.tokens.cache_write_5m = total.saturating_sub(usage.tokens.cache_write_1h),
        (None, Some(five_minutes)) => usage.tokens.cache_write_5m = five_minutes,
        (None, None) => {}
    }
    if let Some(searches) = document
        .server_tool_use
        .as_ref()
        .and_then(|uses| uses.web_search_requests)
    {
        usage.web_searches = searches;
    }
    usage.fast |= document.speed.as_deref() == Some("fast");
}

#[derive(Deserialize)]
struct EventDocument {
    #[serde(default, rename = "type")]
    kind: String,
    message: Option<Message>,
    usage: Option<UsageDocument>,
    error: Option<ErrorDocument>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default, rename = "type")]
    kind: String,
    model: Option<String>,
    usage: Option<UsageDocument>,
}

#[derive(Deserialize)]
struct UsageDocument {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
    server_tool_use: Option<ServerToolUse>,
    speed: Option<String>,
}

#[derive(Deserialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct ServerToolUse {
    web_search_requests: Option<u64>,
}

#[derive(Deserialize, Default)]
struct ErrorDocument {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

#[cfg(test)]
mod tests {
    use codecourier_domain::usage::Tokens;
    use proptest::prelude::*;

    use super::super::UsageTap;
    use super::*;
    use crate::provider::Dialect;

    const STREAM: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"claude-opus-5-5-x\",",
        "\"usage\":{\"input_tokens\":12,\"cache_creation_input_tokens\":30,\"cache_read_input_tokens\":7,",
        "\"cache_creation\":{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":20},\"output_tokens\":1}}}\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"message_stop\"}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":99,\"server_tool_use\":{\"web_search_requests\":2}}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );

    fn tap(pieces: &[&[u8]]) -> MeteredUsage {
        let mut tap = UsageTap::of_stream(Dialect::Messages);
        for piece in pieces {
            tap.feed(piece);
        }
        tap.end();
        tap.usage().clone()
    }

    #[test]
    fn a_whole_stream_is_metered_exactly() {
        let usage = tap(&[STREAM.as_bytes()]);
        let expected = Tokens {
            input: 12,
            output: 99,
            cache_read: 7,
            cache_write_5m: 10,
            cache_write_1h: 20,
        };
        assert_eq!(
            (usage.tokens, usage.is_exact(), usage.web_searches),
            (expected, true, 2)
        );
        assert_eq!(usage.model.as_deref(), Some("claude-opus-5-5-x"));
    }

    #[test]
    fn a_cut_stream_keeps_the_input_and_estimates_the_output() {
        let cut = STREAM.find("event: message_delta").unwrap() + 40;
        let usage = tap(&[&STREAM.as_bytes()[..cut]]);
        assert!(!usage.ended && usage.input_known);
        assert_eq!(usage.tokens.input, 12);
        assert!(usage.output_at_least() >= 1);
        assert!(!tap(&[b""]).input_known);
    }

    #[test]
    fn an_error_in_the_middle_is_told() {
        let stream = format!(
            "{}event: error\ndata: {{\"type\":\"error\",\"error\":{{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}}}\n\n",
            &STREAM[..STREAM.find("event: message_delta").unwrap()]
        );
        let usage = tap(&[stream.as_bytes()]);
        assert_eq!(usage.fault.unwrap().kind, "overloaded_error");
        assert!(!usage.ended);
    }

    #[test]
    fn a_json_answer_is_metered() {
        let mut tap = UsageTap::of_json(Dialect::Messages);
        let body = br#"{"type":"message","model":"m","content":[],"usage":{"input_tokens":5,"output_tokens":6,"cache_creation_input_tokens":3}}"#;
        tap.feed(&body[..20]);
        tap.feed(&body[20..]);
        tap.end();
        assert_eq!(
            tap.usage().tokens,
            Tokens {
                input: 5,
                output: 6,
                cache_write_5m: 3,
                ..Tokens::default()
            }
        );
        assert!(tap.usage().is_exact());
        let mut broken = UsageTap::of_json(Dialect::Messages);
        broken.feed(&body[..50]);
        broken.end();
        assert!(!broken.usage().ended);
    }

    #[test]
    fn an_endpoint_that_counts_nothing_has_ended_all_the_same() {
        let usage = tap(&[
            b"event: content_block_delta\ndata: {\"delta\":{\"text\":\"hello\"}}\n\nevent: message_stop\ndata: {}\n\n",
        ]);
        assert!(usage.ended && !usage.is_exact());
        assert!(usage.output_at_least() > 0);
    }

    #[test]
    fn events_without_names_and_wild_numbers_do_no_harm() {
        let nameless = STREAM
            .lines()
            .filter(|line| !line.starts_with("event:"))
            .collect::<Vec<_>>()
            .join("\n")
            + "\n\n";
        assert_eq!(tap(&[nameless.as_bytes()]).tokens.output, 99);
        let wild = STREAM.replace("\"input_tokens\":12", "\"input_tokens\":-1");
        assert!(!tap(&[wild.as_bytes()]).input_known);
    }

    proptest! {
        #[test]
        fn the_cuts_do_not_matter(cuts in prop::collection::vec(0..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|pair| &STREAM.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(tap(&pieces), tap(&[STREAM.as_bytes()]));
        }

        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut damaged = STREAM.as_bytes().to_vec();
            for (position, byte) in bytes.chunks_exact(2).map(|pair| (usize::from(pair[0]) * 3, pair[1])) {
                if let Some(place) = damaged.get_mut(position) { *place = byte; }
            }
            let _ = (tap(&[&damaged]), tap(&[&bytes]));
        }
    }
}
