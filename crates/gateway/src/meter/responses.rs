//! Usage in answers of the Responses API: the last event holds the whole response, its usage at the end.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::sse::ServerSentEvent;
use super::tap::{MeteredUsage, StreamFault, micro_usd};

/// Bytes of an event with a piece of text that are not the text.
const DELTA_FRAME_BYTES: u64 = 180;

/// The last event repeats everything that was said, and every instruction and tool of the request.
const MOST_FINAL_BYTES: usize = 32 * 1024 * 1024;

/// Nothing but the length counts of these.
const MOST_OTHER_BYTES: usize = 512;

/// How much of an event is looked at. The first ones repeat the request's instructions and tools, a hundred kilobytes
/// that an idle stream need not hold.
pub(super) fn most_bytes_of(name: &[u8]) -> usize {
    match name {
        b"response.completed" | b"response.incomplete" | b"response.failed" | b"error" => MOST_FINAL_BYTES,
        b"" => 1024 * 1024,
        _ => MOST_OTHER_BYTES,
    }
}

pub(super) fn take_event(usage: &mut MeteredUsage, event: &ServerSentEvent<'_>) {
    let kind = if event.name.is_empty() {
        match serde_json::from_slice::<Kind>(event.data) {
            Ok(document) => document.kind,
            Err(_) => return,
        }
    } else {
        String::from_utf8_lossy(event.name).into_owned()
    };
    match kind.as_str() {
        "response.completed" | "response.incomplete" => {
            if let Some(response) = response_of(event.data) {
                take_response(usage, &response);
            }
            usage.ended = usage.fault.is_none();
        }
        "response.failed" => {
            let response = response_of(event.data).unwrap_or_default();
            take_response(usage, &response);
            take_fault(usage, response.error.unwrap_or_default());
        }
        "error" => {
            let document: ErrorEvent = serde_json::from_slice(event.data).unwrap_or_default();
            // Some send the error itself as the event, some put it inside.
            take_fault(usage, document.error.unwrap_or(document.itself));
        }
        "response.web_search_call.completed" => usage.web_searches += 1,
        kind if kind.ends_with(".delta") => {
            let bytes = (event.data.len() + event.dropped) as u64;
            usage.generated_bytes += bytes.saturating_sub(DELTA_FRAME_BYTES).max(4);
        }
        _ => {}
    }
}

pub(super) fn take_document(usage: &mut MeteredUsage, body: &[u8]) {
    let Ok(response) = serde_json::from_slice::<Response>(body) else {
        return;
    };
    usage.web_searches = response.searches();
    take_response(usage, &response);
    match response.status.as_deref() {
        Some("completed" | "incomplete") => usage.ended = true,
        Some("failed") => take_fault(usage, response.error.unwrap_or_default()),
        _ => {}
    }
}

fn response_of(data: &[u8]) -> Option<Response> {
    serde_json::from_slice::<Final>(data).ok()?.response
}

fn take_fault(usage: &mut MeteredUsage, error: ErrorDocument) {
    usage.ended = false;
    usage.fault = Some(StreamFault {
        kind: error
            .code
            .and_then(|code| {
                code.as_str()
                    .map(str::to_owned)
                    .or_else(|| code.as_u64().map(|code| code.to_string()))
            })
            .or(error.kind)
            .unwrap_or_default(),
        message: error.message.unwrap_or_default(),
    });
}

fn take_response(usage: &mut MeteredUsage, response: &Response) {
    if response.model.is_some() {
        usage.model.clone_from(&response.model);
    }
    // The dearer service; `flex` and `default` cost at most the list's price.
    usage.fast |= matches!(
        response.service_tier.as_deref(),
        Some("priority" | "fast" | "ultrafast")
    );
    let Some(document) = &response.usage else { return };
    let Some(input) = document.input_tokens else { return };
    let details = document.input_tokens_details.unwrap_or_default();
    let cached = details.cached_tokens.unwrap_or(0).min(input);
    let written = details.cache_write_tokens.unwrap_or(0).min(input - cached);
    usage.input_known = true;
    usage.tokens.input = input - cached - written;
    usage.tokens.cache_read = cached;
    usage.tokens.cache_write_5m = written;
    usage.tokens.output = document.output_tokens.unwrap_or(0);
    usage.reasoning = document
        .output_tokens_details
        .and_then(|details| details.reasoning_tokens)
        .unwrap_or(0);
    usage.stated_cost = micro_usd(document.cost);
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default, rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Final {
    response: Option<Response>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Response {
    status: Option<String>,
    model: Option<String>,
    service_tier: Option<String>,
    usage: Option<UsageDocument>,
    error: Option<ErrorDocument>,
    output: Option<Box<RawValue>>,
}

impl Response {
    /// Searches among the items.
    fn searches(&self) -> u64 {
        let Some(output) = &self.output else { return 0 };
        let items: Vec<Kind> = serde_json::from_str(output.get()).unwrap_or_default();
        items.iter().filter(|item| item.kind == "web_search_call").count() as u64
    }
}

#[derive(Deserialize)]
struct UsageDocument {
    input_tokens: Option<u64>,
    input_tokens_details: Option<InputDetails>,
    output_tokens: Option<u64>,
    output_tokens_details: Option<OutputDetails>,
    cost: Option<f64>,
}

#[derive(Deserialize, Clone, Copy, Default)]
struct InputDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Deserialize, Clone, Copy)]
struct OutputDetails {
    reasoning_tokens: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorEvent {
    error: Option<ErrorDocument>,
    #[serde(flatten)]
    itself: ErrorDocument,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorDocument {
    code: Option<serde_json::Value>,
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
}

#[cfg(test)]
mod tests {
    use codecourier_domain::money::MicroUsd;
    use codecourier_domain::usage::Tokens;
    use proptest::prelude::*;

    use super::super::UsageTap;
    use super::*;
    use crate::provider::Dialect;

    const STREAM: &str = concat!(
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"usage\":null}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"response.completed\"}\n\n",
        "event: response.web_search_call.completed\ndata: {\"type\":\"response.web_search_call.completed\"}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\",",
        "\"model\":\"gpt-5.5-2026-04-01\",\"output\":[{\"type\":\"message\"}],\"usage\":{\"input_tokens\":100,",
        "\"input_tokens_details\":{\"cached_tokens\":60,\"cache_write_tokens\":30},\"output_tokens\":20,",
        "\"output_tokens_details\":{\"reasoning_tokens\":8},\"total_tokens\":120,\"cost\":0.0012}}}\n\n",
    );

    fn tap(pieces: &[&[u8]]) -> MeteredUsage {
        let mut tap = UsageTap::of_stream(Dialect::Responses);
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
            input: 10,
            output: 20,
            cache_read: 60,
            cache_write_5m: 30,
            ..Tokens::default()
        };
        assert_eq!((usage.tokens, usage.is_exact(), usage.reasoning), (expected, true, 8));
        assert_eq!(usage.model.as_deref(), Some("gpt-5.5-2026-04-01"));
        assert_eq!((usage.web_searches, usage.stated_cost), (1, Some(MicroUsd(1200))));
    }

    #[test]
    fn an_answer_at_its_length_limit_has_ended() {
        let usage = tap(&[STREAM.replace("response.completed", "response.incomplete").as_bytes()]);
        assert!(usage.is_exact());
    }

    #[test]
    fn a_last_event_of_megabytes_is_read_to_its_usage() {
        let text = format!("[{{\"text\":\"{}\"}}]", "x".repeat(3_000_000));
        let stream = STREAM.replace("[{\"type\":\"message\"}]", &text);
        assert_eq!(tap(&[stream.as_bytes()]).tokens.output, 20);
    }

    #[test]
    fn a_failure_in_the_middle_is_told_with_its_code() {
        let failed = "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"}}}\n\n";
        let fault = tap(&[failed.as_bytes()]).fault.unwrap();
        assert_eq!(
            (fault.kind.as_str(), fault.message.as_str()),
            ("rate_limit_exceeded", "slow")
        );
        for event in [
            "event: error\ndata: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"m\"}\n\n",
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"server_error\",\"message\":\"m\"}}\n\n",
            "data: {\"type\":\"error\",\"code\":\"server_error\",\"message\":\"m\"}\n\n",
        ] {
            let usage = tap(&[event.as_bytes()]);
            assert_eq!(usage.fault.unwrap().kind, "server_error", "{event}");
            assert!(!usage.ended);
        }
    }

    #[test]
    fn a_cut_stream_estimates_what_was_said() {
        let cut = STREAM.find("event: response.completed\n").unwrap() + 60;
        let usage = tap(&[&STREAM.as_bytes()[..cut]]);
        assert!(!usage.ended && !usage.input_known && usage.output_at_least() > 0);
    }

    #[test]
    fn a_json_answer_is_metered() {
        let start = STREAM.rfind("\"response\":").unwrap() + "\"response\":".len();
        let body = STREAM[start..].trim_end().strip_suffix('}').unwrap();
        let mut tap = UsageTap::of_json(Dialect::Responses);
        tap.feed(&body.as_bytes()[..20]);
        tap.feed(&body.as_bytes()[20..]);
        tap.end();
        assert_eq!((tap.usage().tokens.input, tap.usage().is_exact()), (10, true));
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
        fn damage_is_survived(damage in prop::collection::vec((0..STREAM.len(), any::<u8>()), 0..12)) {
            let mut damaged = STREAM.as_bytes().to_vec();
            for (position, byte) in damage { damaged[position] = byte; }
            let usage = tap(&[&damaged]);
            prop_assert!(usage.tokens.total() < u64::MAX);
        }
    }
}
