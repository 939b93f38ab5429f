//! Finding the answer to a request in a cassette, and giving it in the form the request asks for. Pure.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Value, json};

use super::expand;
use super::format::{Cassette, Exchange, Pacing, RecordedRequest};
use super::normalise::{NormalisedRequest, excerpt, short_hash};
use super::{Divergence, normalise};
use crate::grant::Lane;
use crate::provider::Dialect;

/// What a cassette has for a request.
#[derive(Debug)]
pub(crate) struct Replay<'cassette> {
    pub(crate) exchange: Option<&'cassette Exchange>,
    pub(crate) divergence: Option<Divergence>,
}

/// Looks for the answer, in the order that the module above states.
pub(crate) fn find<'cassette>(
    cassette: &'cassette Cassette,
    lane: &Lane,
    request: &NormalisedRequest,
) -> Replay<'cassette> {
    let of_lane = cassette
        .with_hash(&request.hash)
        .rfind(|exchange| exchange.lane == *lane);
    if let Some(exchange) = of_lane.or_else(|| cassette.with_hash(&request.hash).next_back()) {
        return Replay {
            exchange: Some(exchange),
            divergence: None,
        };
    }
    let fitting = || {
        cassette
            .at_position(lane, request.index)
            .filter(|exchange| exchange.expects(&request.last_words) && exchange.can_be_told(request.dialect))
    };
    // What people wrote is tried in the order they wrote it; of recordings the last counts.
    let written = fitting().find(|exchange| !exchange.is_recorded());
    let Some(exchange) = written.or_else(|| fitting().next_back()) else {
        return Replay {
            exchange: None,
            divergence: Some(nothing_fits(cassette, lane, request)),
        };
    };
    let divergence = exchange
        .recorded
        .as_ref()
        .map(|recorded| first_difference(cassette, lane, recorded, request));
    Replay {
        exchange: Some(exchange),
        divergence: divergence.map(|divergence| Divergence {
            answered: exchange.index,
            ..divergence
        }),
    }
}

/// Why a cassette has no answer at all.
fn nothing_fits(cassette: &Cassette, lane: &Lane, request: &NormalisedRequest) -> Divergence {
    let report = |path: String, expected: String| Divergence {
        lane: lane.clone(),
        index: request.index,
        path,
        expected,
        got: excerpt(request.last_words.trim()),
        answered: None,
    };
    if let Some(unexpected) = cassette.at_position(lane, request.index).next() {
        return report(
            "the last message (`expect`)".to_owned(),
            excerpt(&unexpected.expect.joined()),
        );
    }
    let of_lane = cassette.exchanges().iter().filter(|exchange| exchange.lane == *lane);
    match of_lane.filter_map(|exchange| exchange.index).max() {
        Some(last) => report(
            format!("its length: the recording ends with exchange {last}"),
            String::new(),
        ),
        None => {
            let mut lanes: Vec<_> = cassette
                .exchanges()
                .iter()
                .map(|exchange| exchange.lane.as_str())
                .collect();
            lanes.sort_unstable();
            lanes.dedup();
            report(
                "its lane: the recording has none of that name".to_owned(),
                lanes.join(", "),
            )
        }
    }
}

/// The first part in which a request differs from what was recorded at its place.
fn first_difference(
    cassette: &Cassette,
    lane: &Lane,
    recorded: &RecordedRequest,
    request: &NormalisedRequest,
) -> Divergence {
    let report = |path: String, expected: String, got: String| Divergence {
        lane: lane.clone(),
        index: request.index,
        path,
        expected,
        got,
        answered: None,
    };
    if recorded.model != request.model {
        return report("model".to_owned(), recorded.model.clone(), request.model.clone());
    }
    // The recording keeps the text of each exchange's last message only; a message in the middle is the last one of an
    // earlier exchange.
    let recorded_text = |message: usize| {
        std::iter::once(recorded)
            .chain(
                cassette
                    .exchanges()
                    .iter()
                    .filter(|exchange| exchange.lane == *lane)
                    .filter_map(|exchange| exchange.recorded.as_ref()),
            )
            .find(|other| other.messages.len() == message + 1 && other.messages[message] == recorded.messages[message])
            .map(|other| other.excerpt.clone())
            .unwrap_or_default()
    };
    for (number, (role, hashes)) in recorded.messages.iter().enumerate() {
        let Some(message) = request.messages.get(number) else {
            return report(format!("messages[{number}]"), recorded_text(number), String::new());
        };
        if *role != message.role {
            let path = format!("messages[{number}].role");
            return report(path, role.clone(), message.role.clone());
        }
        for part in 0..hashes.len().max(message.parts.len()) {
            let got = message.parts.get(part);
            if got.map(|text| short_hash(text)).as_ref() != hashes.get(part) {
                let path = format!("messages[{number}].content[{part}]");
                return report(
                    path,
                    recorded_text(number),
                    got.map(|text| normalise::excerpt(text)).unwrap_or_default(),
                );
            }
        }
    }
    let path = format!("messages[{}]", recorded.messages.len());
    let extra = request
        .messages
        .get(recorded.messages.len())
        .map(|message| excerpt(&message.parts.join("\n")));
    // The same messages with another hash: only whether there are tools is left.
    match extra {
        Some(extra) => report(path, String::new(), extra),
        None => report("tools".to_owned(), String::new(), String::new()),
    }
}

/// An answer ready to be sent.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) pacing: Pacing,
}

impl Played {
    /// The exchange's answer in the form the request asks for.
    pub(crate) fn answer(
        cassette: &Cassette,
        exchange: &Exchange,
        request: &NormalisedRequest,
        as_stream: bool,
    ) -> Self {
        let dialect = request.dialect;
        let (status, headers, pieces) = if let Some(error) = &exchange.error {
            written_error(dialect, error)
        } else if let Some(response) = &exchange.response {
            recorded(dialect, response, as_stream)
        } else {
            let document = expand::document(dialect, exchange, &request.model, request.body_bytes);
            let identifier = document["id"].as_str().unwrap_or_default();
            let identifier = identifier.split_once(['_', '-']).map_or(identifier, |(_, rest)| rest);
            let mut headers = content_type(as_stream);
            let name = match dialect {
                Dialect::Messages => "request-id",
                Dialect::Responses | Dialect::Chat => "x-request-id",
            };
            insert(&mut headers, name, &format!("req_{identifier}"));
            (
                200,
                headers,
                if as_stream {
                    expand::stream(dialect, &document)
                } else {
                    vec![Bytes::from(document.to_string())]
                },
            )
        };
        Self {
            status,
            headers,
            pieces,
            pacing: cassette.pacing_of(exchange),
        }
    }
}

fn written_error(dialect: Dialect, error: &super::format::WrittenError) -> (u16, HeaderMap, Vec<Bytes>) {
    let kind = match (error.kind.as_str(), error.status) {
        ("", _) if dialect != Dialect::Messages => kind_of_openai(error.status),
        ("", 401) => "authentication_error",
        ("", 403) => "permission_error",
        ("", 404) => "not_found_error",
        ("", 413) => "request_too_large",
        ("", 429) => "rate_limit_error",
        ("", 529) => "overloaded_error",
        ("", 500..) => "api_error",
        ("", _) => "invalid_request_error",
        (kind, _) => kind,
    };
    let mut headers = content_type(false);
    if let Some(seconds) = error.retry_after {
        insert(&mut headers, "retry-after", &seconds.to_string());
    }
    let body = match dialect {
        Dialect::Messages => json!({"type": "error", "error": {"type": kind, "message": error.message}}),
        Dialect::Responses | Dialect::Chat => {
            json!({"error": {"message": error.message, "type": kind, "param": null, "code": kind}})
        }
    };
    (error.status, headers, vec![Bytes::from(body.to_string())])
}

const fn kind_of_openai(status: u16) -> &'static str {
    match status {
        401 => "invalid_api_key",
        429 => "rate_limit_exceeded",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

/// A recorded answer, equal to the byte unless the request asks for the other form.
fn recorded(
    dialect: Dialect,
    response: &super::format::RecordedResponse,
    as_stream: bool,
) -> (u16, HeaderMap, Vec<Bytes>) {
    let bytes = response.bytes().unwrap_or_default();
    let was_stream = response.sse.is_some();
    let mut headers = HeaderMap::new();
    for (name, value) in &response.headers {
        insert(&mut headers, name, value);
    }
    let converted = match (was_stream, as_stream, response.status) {
        (true, false, 200) => expand::assemble(dialect, &bytes).map(|message| vec![Bytes::from(message.to_string())]),
        (false, true, 200) => serde_json::from_slice::<Value>(&bytes)
            .ok()
            .filter(Value::is_object)
            .map(|message| expand::stream(dialect, &message)),
        _ => None,
    };
    match converted {
        Some(pieces) => {
            headers.extend(content_type(as_stream));
            (response.status, headers, pieces)
        }
        None => {
            if !headers.contains_key(header::CONTENT_TYPE) {
                headers.extend(content_type(was_stream));
            }
            (
                response.status,
                headers,
                if was_stream {
                    events_of(&bytes)
                } else {
                    vec![Bytes::from(bytes)]
                },
            )
        }
    }
}

/// A raw event stream cut after each event, so that it can be paced.
fn events_of(stream: &[u8]) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(stream);
    let mut events = Vec::new();
    while let Some(position) = memchr::memmem::find(&rest, b"\n\n") {
        events.push(rest.split_to(position + 2));
    }
    if !rest.is_empty() {
        events.push(rest);
    }
    events
}

fn content_type(as_stream: bool) -> HeaderMap {
    let value = if as_stream {
        "text/event-stream; charset=utf-8"
    } else {
        "application/json"
    };
    HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))])
}

/// Adds a header from a file; one that cannot be a header is left out.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse()) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cassette(exchanges: &str) -> Cassette {
        Cassette::parse(
            "test",
            format!("{{\"codecourier_cassette\": 1}}\n{exchanges}").as_bytes(),
        )
        .unwrap()
    }

    fn request(messages: &Value) -> NormalisedRequest {
        let body = json!({"model": "m", "messages": messages});
        NormalisedRequest::read(Dialect::Messages, body.to_string().as_bytes()).unwrap()
    }

    fn recorded_exchange(lane: &str, request: &NormalisedRequest, answer: &str) -> String {
        let exchange = json!({
            "lane": lane, "index": request.index, "match": request.recorded(),
            "response": {"status": 200, "headers": {"request-id": answer}, "sse": "event: ping\ndata: {}\n\nrest"},
        });
        exchange.to_string()
    }

    fn name(replay: &Replay<'_>) -> String {
        let response = replay.exchange.unwrap().response.as_ref().unwrap();
        response.headers["request-id"].clone()
    }

    #[test]
    fn a_hash_beats_a_position_and_the_last_recording_wins() {
        let one = request(&json!([{"role": "user", "content": "one"}]));
        let two = request(&json!([{"role": "user", "content": "two"}]));
        let cassette = cassette(
            &[
                recorded_exchange("a#1", &one, "one-a"),
                recorded_exchange("b#1", &one, "one-b"),
                recorded_exchange("a#1", &two, "two-a"),
                recorded_exchange("a#1", &one, "one-a-again"),
            ]
            .join("\n"),
        );
        assert_eq!(name(&find(&cassette, &Lane::new("a#1"), &one)), "one-a-again");
        assert_eq!(name(&find(&cassette, &Lane::new("b#1"), &one)), "one-b");
        assert_eq!(name(&find(&cassette, &Lane::new("c#9"), &two)), "two-a");
        assert!(find(&cassette, &Lane::new("a#1"), &two).divergence.is_none());
    }

    #[test]
    fn a_changed_request_gets_its_positions_answer_and_the_difference_is_told() {
        let messages = |result: &str| {
            json!([
                {"role": "user", "content": "do it"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "x", "name": "Bash", "input": {"command": "ls"}}]},
                {"role": "user", "content": [{"type": "text", "text": "note"}, {"type": "tool_result", "tool_use_id": "x", "content": result}]},
            ])
        };
        let was = request(&messages("a.rs b.rs"));
        let cassette = cassette(&recorded_exchange("a#1", &was, "second"));
        let replay = find(&cassette, &Lane::new("a#1"), &request(&messages("a.rs c.rs")));
        assert_eq!(name(&replay), "second");
        let divergence = replay.divergence.unwrap();
        assert_eq!(divergence.path, "messages[2].content[1]");
        assert_eq!((divergence.index, divergence.answered), (1, Some(1)));
        assert!(
            divergence.expected.contains("b.rs") && divergence.got.contains("c.rs"),
            "{divergence}"
        );
        assert!(divergence.to_string().contains("messages[2].content[1]"));
    }

    #[test]
    fn what_has_no_answer_says_why() {
        let cassette = cassette(r#"{"lane": "a#1", "say": "x", "expect": "1 failed"}"#);
        let asked = request(&json!([{"role": "user", "content": "2 passed"}]));
        let path = |lane: &str, request: &NormalisedRequest| {
            let replay = find(&cassette, &Lane::new(lane), request);
            assert!(replay.exchange.is_none());
            replay.divergence.unwrap()
        };
        let unexpected = path("a#1", &asked);
        assert_eq!(
            (unexpected.expected.as_str(), unexpected.got.as_str()),
            ("1 failed", "2 passed")
        );
        let later = request(&json!([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]));
        assert!(path("a#1", &later).path.contains("ends with exchange 0"));
        assert_eq!(path("b#1", &asked).expected, "a#1");
    }

    #[test]
    fn of_hand_written_alternatives_the_first_that_fits_is_given() {
        let cassette = cassette(
            r#"{"lane": "a#1", "index": 0, "say": "red", "expect": ["failed", "1"]}
               {"lane": "a#1", "index": 0, "say": "green"}"#,
        );
        let answer = |words: &str| {
            let request = request(&json!([{"role": "user", "content": words}]));
            let replay = find(&cassette, &Lane::new("a#1"), &request);
            let played = Played::answer(&cassette, replay.exchange.unwrap(), &request, false);
            String::from_utf8(played.pieces.concat()).unwrap()
        };
        assert!(answer("1 failed").contains("red"));
        assert!(answer("2 failed").contains("green"));
    }

    #[test]
    fn a_recorded_stream_is_cut_between_events_and_stays_equal() {
        let bytes = b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\ntail";
        let events = events_of(bytes);
        assert_eq!(events.len(), 3);
        assert_eq!(events.concat(), bytes);
    }

    #[test]
    fn a_written_error_has_its_status_type_and_wait() {
        let cassette = cassette(r#"{"lane": "a#1", "error": {"status": 429, "message": "slow", "retry_after": 3}}"#);
        let request = request(&json!([]));
        let played = Played::answer(&cassette, &cassette.exchanges()[0], &request, true);
        assert_eq!(
            (played.status, &played.headers["retry-after"]),
            (429, &HeaderValue::from_static("3"))
        );
        assert!(
            String::from_utf8(played.pieces.concat())
                .unwrap()
                .contains("rate_limit_error")
        );
    }
}
