//! Usage in Chat Completions: one chunk near the end has it, when it was asked for.

use serde::Deserialize;

use super::sse::ServerSentEvent;
use super::tap::{MeteredUsage, StreamFault, micro_usd};
use crate::provider::error_text;

/// Bytes of a chunk with a piece of text that are not the text.
const CHUNK_FRAME_BYTES: u64 = 200;

pub(super) fn take_event(usage: &mut MeteredUsage, event: &ServerSentEvent<'_>) {
    if event.data == b"[DONE]" {
        usage.ended = usage.fault.is_none();
        return;
    }
    let bytes = (event.data.len() + event.dropped) as u64;
    let Ok(document) = serde_json::from_slice::<Document>(event.data) else {
        // Too big to be looked at, so it is text.
        usage.generated_bytes += bytes.saturating_sub(CHUNK_FRAME_BYTES);
        return;
    };
    let has_choice = document.choices.as_ref().is_some_and(|choices| !choices.is_empty());
    if has_choice && document.usage.is_none() {
        usage.generated_bytes += bytes.saturating_sub(CHUNK_FRAME_BYTES).max(4);
    }
    take(usage, document);
}

pub(super) fn take_document(usage: &mut MeteredUsage, body: &[u8]) {
    if let Ok(document) = serde_json::from_slice::<Document>(body) {
        take(usage, document);
        usage.ended = usage.reason_given && usage.fault.is_none();
    }
}

fn take(usage: &mut MeteredUsage, document: Document) {
    if let Some(model) = document.model.filter(|model| !model.is_empty()) {
        usage.model = Some(model);
    }
    usage.fast |= matches!(
        document.service_tier.as_deref(),
        Some("priority" | "fast" | "ultrafast")
    );
    for choice in document.choices.into_iter().flatten() {
        match choice.finish_reason.as_deref() {
            Some("error") | None => {}
            Some(_) => usage.reason_given = true,
        }
    }
    if let Some(error) = document.error.filter(|error| !error.is_null()) {
        let (kind, message) = error_text(&error);
        usage.ended = false;
        usage.fault = Some(StreamFault { kind, message });
    }
    let Some(document) = document.usage else { return };
    let Some(input) = document.prompt_tokens else { return };
    let details = document.prompt_tokens_details.unwrap_or_default();
    let cached = details
        .cached_tokens
        .or(document.prompt_cache_hit_tokens)
        .unwrap_or(0)
        .min(input);
    let written = details.cache_write_tokens.unwrap_or(0).min(input - cached);
    usage.input_known = true;
    usage.tokens.input = input - cached - written;
    usage.tokens.cache_read = cached;
    usage.tokens.cache_write_5m = written;
    usage.tokens.output = document.completion_tokens.unwrap_or(0);
    usage.reasoning = document
        .completion_tokens_details
        .and_then(|details| details.reasoning_tokens)
        .unwrap_or(0);
    // With a key of one's own at the provider behind it, OpenRouter charges its fee and that provider the rest.
    let behind = document
        .cost_details
        .filter(|_| document.is_byok == Some(true))
        .and_then(|details| details.upstream_inference_cost);
    usage.stated_cost = micro_usd(document.cost.map(|fee| fee + behind.unwrap_or(0.0)));
}

#[derive(Deserialize)]
struct Document {
    model: Option<String>,
    service_tier: Option<String>,
    choices: Option<Vec<Choice>>,
    usage: Option<UsageDocument>,
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Choice {
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct UsageDocument {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
    /// `DeepSeek`'s word for cached tokens.
    prompt_cache_hit_tokens: Option<u64>,
    cost: Option<f64>,
    is_byok: Option<bool>,
    cost_details: Option<CostDetails>,
}

#[derive(Deserialize, Clone, Copy)]
struct CostDetails {
    upstream_inference_cost: Option<f64>,
}

#[derive(Deserialize, Clone, Copy, Default)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Deserialize, Clone, Copy)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
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
        ": OPENROUTER PROCESSING\n\n",
        "data: {\"id\":\"c\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[DONE]\"},\"finish_reason\":null}],\"usage\":null}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,\"cost\":0.000123,",
        "\"prompt_tokens_details\":{\"cached_tokens\":60,\"cache_write_tokens\":30},\"completion_tokens_details\":{\"reasoning_tokens\":8}}}\n\n",
        "data: [DONE]\n\n",
    );

    fn tap(pieces: &[&[u8]]) -> MeteredUsage {
        let mut tap = UsageTap::of_stream(Dialect::Chat);
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
        assert_eq!(usage.stated_cost, Some(MicroUsd(123)));
        assert_eq!(usage.model.as_deref(), Some("m-1"));
    }

    #[test]
    fn a_server_that_forgets_the_last_line_has_ended_all_the_same() {
        let forgetful = STREAM.replace("data: [DONE]\n\n", "");
        assert!(tap(&[forgetful.as_bytes()]).is_exact());
        let silent = &STREAM[..STREAM.find("data: {\"id\":\"c\",\"choices\":[],").unwrap()];
        let usage = tap(&[silent.as_bytes()]);
        assert!(usage.ended && !usage.is_exact() && usage.output_at_least() > 0);
    }

    #[test]
    fn an_error_in_the_middle_is_told() {
        let openrouter = "data: {\"id\":\"c\",\"error\":{\"code\":502,\"message\":\"down\"},\"choices\":[{\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\ndata: [DONE]\n\n";
        let usage = tap(&[openrouter.as_bytes()]);
        assert!(!usage.ended);
        let fault = usage.fault.unwrap();
        assert_eq!((fault.kind.as_str(), fault.message.as_str()), ("502", "down"));
        let openai = "data: {\"error\":{\"message\":\"m\",\"type\":\"server_error\",\"code\":null}}\n\n";
        assert_eq!(tap(&[openai.as_bytes()]).fault.unwrap().kind, "server_error");
    }

    #[test]
    fn a_json_answer_is_metered() {
        let body = br#"{"object":"chat.completion","model":"m","choices":[{"finish_reason":"stop","message":{}}],"usage":{"prompt_tokens":5,"completion_tokens":6,"prompt_cache_hit_tokens":2}}"#;
        let mut tap = UsageTap::of_json(Dialect::Chat);
        tap.feed(&body[..20]);
        tap.feed(&body[20..]);
        tap.end();
        let usage = tap.usage();
        assert_eq!(
            (usage.tokens.input, usage.tokens.cache_read, usage.is_exact()),
            (3, 2, true)
        );
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
