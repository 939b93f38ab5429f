//! Requests with everything volatile taken out, so that the same conversation is recognised in another run. Pure.
//!
//! Of Anthropic's requests is kept: the model, whether there are tools, and of each message its role, its texts, the names and inputs of tool
//! calls, and the results of tools. Dropped: the system prompt, messages of the role `system` before the model's first
//! one, and the definitions of tools (they hold dates, paths, the kernel's and the agent's versions), `metadata`, `cache_control`, limits and settings, thinking, identifiers of calls, blocks of
//! `<system-reminder>`. Replaced within texts: identifiers, times, dates, durations, decimal numbers, hashes and names of
//! temporary files, each by a placeholder; white space becomes a single space. An answer that was cut off is taken out
//! together with the agent's request to resume it: what is asked then is what was asked before, and what an agent asks
//! after a restart of the gateway is what it would have asked without.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::format::RecordedRequest;
use crate::provider::Dialect;

mod openai;

/// How Claude Code 2.1.330 asks its model to go on with an answer whose stream broke off. The half that survived is the
/// model message before; when only thinking arrived nothing of it survives, and this stands beside what came before it.
const RESUME_AFTER_CUT: &str = "Your response above was cut off mid-stream.";

/// A request as cassettes see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NormalisedRequest {
    pub(crate) dialect: Dialect,
    pub(crate) hash: String,
    pub(crate) model: String,
    pub(crate) messages: Vec<NormalisedMessage>,
    /// The number of model messages: the position in the lane.
    pub(crate) index: u32,
    /// What came after the last model message, as it was, reminders taken out.
    pub(crate) last_words: String,
    /// Bytes of the request's body.
    pub(crate) body_bytes: usize,
}

/// A message of a normalised request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NormalisedMessage {
    pub(crate) role: String,
    pub(crate) parts: Vec<String>,
}

impl NormalisedRequest {
    /// Normalises the body of a request.
    pub(crate) fn read(dialect: Dialect, body: &[u8]) -> Result<Self, serde_json::Error> {
        match dialect {
            Dialect::Messages => Self::read_messages(body),
            Dialect::Responses | Dialect::Chat => openai::read(dialect, body),
        }
    }

    fn read_messages(body: &[u8]) -> Result<Self, serde_json::Error> {
        let request: Value = serde_json::from_slice(body)?;
        let model = text_of(&request["model"]).to_owned();
        let has_tools = request["tools"].as_array().is_some_and(|tools| !tools.is_empty());
        let mut messages = Vec::new();
        let mut index = 0;
        let mut last_words = String::new();
        // What was true before the last model message, in case that one turns out to be half of an answer.
        let mut before_answer = None;
        for message in request["messages"].as_array().into_iter().flatten() {
            let role = text_of(&message["role"]).to_owned();
            if role == "system" && index == 0 {
                continue;
            }
            if role == "assistant" {
                before_answer = Some((messages.len(), index, last_words.clone()));
                index += 1;
                last_words.clear();
            }
            let mut parts = Vec::new();
            for block in blocks_of(&message["content"]) {
                if role != "assistant" && text_of(&block["text"]).contains(RESUME_AFTER_CUT) {
                    // After anything else, the answer that was cut left no trace: the one before is whole.
                    let follows_answer = |(length, ..): &mut (usize, u32, String)| messages.len() <= *length + 1;
                    if parts.is_empty()
                        && let Some((length, earlier_index, earlier_words)) = before_answer.take_if(follows_answer)
                    {
                        messages.truncate(length);
                        index = earlier_index;
                        last_words = earlier_words;
                    }
                    continue;
                }
                if let Some((plain, part)) = part_of(&block) {
                    if role != "assistant" {
                        last_words.push_str(&plain);
                        last_words.push('\n');
                    }
                    parts.push(part);
                }
            }
            if !parts.is_empty() {
                messages.push(NormalisedMessage { role, parts });
            }
        }
        Ok(Self {
            dialect: Dialect::Messages,
            hash: hash(&format!("{model}\n{has_tools}\n"), &messages),
            model,
            messages,
            index,
            last_words,
            body_bytes: body.len(),
        })
    }

    /// What the recorder keeps of it.
    pub(crate) fn recorded(&self) -> RecordedRequest {
        RecordedRequest {
            api: self.dialect,
            hash: self.hash.clone(),
            model: self.model.clone(),
            messages: self
                .messages
                .iter()
                .map(|message| {
                    (
                        message.role.clone(),
                        message.parts.iter().map(|part| short_hash(part)).collect(),
                    )
                })
                .collect(),
            excerpt: self
                .messages
                .last()
                .map(|message| excerpt(&message.parts.join("\n")))
                .unwrap_or_default(),
        }
    }
}

/// The hash of a whole request: what stands before its messages, and these.
fn hash(head: &str, messages: &[NormalisedMessage]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(head);
    for message in messages {
        hasher.update(format!("{}\n{}\n", message.role, message.parts.len()));
        for part in &message.parts {
            hasher.update(format!("{}\n", part.len()));
            hasher.update(part);
        }
    }
    hex::encode(&hasher.finalize()[..16])
}

/// The hash by which a part of a message is compared.
pub(super) fn short_hash(part: &str) -> String {
    hex::encode(&Sha256::digest(part)[..6])
}

/// The beginning of a text, for reports.
pub(super) fn excerpt(text: &str) -> String {
    const MOST: usize = 600;
    let mut cut: String = text.chars().take(MOST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The blocks of a content, which may also be a bare text.
fn blocks_of(content: &Value) -> Vec<Value> {
    match content {
        Value::String(text) => vec![serde_json::json!({"type": "text", "text": text})],
        Value::Array(blocks) => blocks.clone(),
        _ => Vec::new(),
    }
}

/// A block as it was, and normalised. None for a block that does not count.
fn part_of(block: &Value) -> Option<(String, String)> {
    match text_of(&block["type"]) {
        "text" => {
            let plain = without_reminders(text_of(&block["text"]));
            let part = normalise_text(&plain);
            (!part.is_empty()).then_some((plain, part))
        }
        "thinking" | "redacted_thinking" => None,
        "tool_use" | "server_tool_use" => {
            let mut part = format!("call {} ", text_of(&block["name"]));
            write_canonical(&block["input"], &mut part);
            Some((String::new(), part))
        }
        "tool_result" => {
            let plain: Vec<String> = blocks_of(&block["content"])
                .iter()
                .map(|inner| match text_of(&inner["type"]) {
                    "text" => without_reminders(text_of(&inner["text"])),
                    other => format!("[{other} {}]", short_hash(&inner["source"].to_string())),
                })
                .collect();
            let plain = plain.join("\n");
            let failed = if block["is_error"] == Value::Bool(true) {
                " failed"
            } else {
                ""
            };
            let part = format!("result{failed} {}", normalise_text(&plain));
            Some((plain, part))
        }
        other => Some((
            String::new(),
            format!("{other} {}", short_hash(&block["source"].to_string())),
        )),
    }
}

/// JSON with sorted keys and normalised strings.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (name, field) in fields {
                let _ = write!(out, "{name}:");
                write_canonical(field, out);
                out.push(';');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(';');
            }
            out.push(']');
        }
        Value::String(text) => out.push_str(&normalise_text(text)),
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// The text without what agents inject by themselves.
fn without_reminders(text: &str) -> String {
    without_element(text, "<system-reminder>", "</system-reminder>")
}

/// The text without an element, whole. An element that is not closed stays.
fn without_element(text: &str, open: &str, close: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(open) {
        let Some(length) = rest[start..].find(close) else { break };
        kept.push_str(&rest[..start]);
        rest = &rest[start + length + close.len()..];
    }
    kept.push_str(rest);
    kept
}

/// Replaces what changes from run to run, and evens out white space.
pub(super) fn normalise_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = "";
    for field in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        let is_day_of_month = is_month(previous)
            && field.trim_end_matches(',').len() <= 2
            && field.trim_end_matches(',').parse::<u8>().is_ok();
        if is_day_of_month || is_weekday(field) {
            out.push_str("<time>");
        } else {
            normalise_field(field, &mut out);
        }
        previous = field;
    }
    out
}

/// Replaces the volatile words of a text without white space. Words are runs of letters, digits and `_.:+-`.
fn normalise_field(field: &str, out: &mut String) {
    let is_word_character = |character: char| character.is_ascii_alphanumeric() || "_.:+-".contains(character);
    let mut rest = field;
    while !rest.is_empty() {
        let length = rest
            .find(|character| !is_word_character(character))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let core = word.trim_end_matches(['.', ':', '-', '+']);
        match placeholder(core) {
            Some(placeholder) => {
                out.push_str(placeholder);
                out.push_str(&word[core.len()..]);
            }
            None => out.push_str(word),
        }
        let separator = after.find(is_word_character).unwrap_or(after.len());
        out.push_str(&after[..separator]);
        rest = &after[separator..];
    }
}

/// What stands for a word that changes from run to run.
fn placeholder(word: &str) -> Option<&'static str> {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    if !has_digit {
        return None;
    }
    let is_identifier = |text: &str| {
        let groups: Vec<_> = text.split('-').collect();
        (text.len() == 32 && is_hex(text))
            || (groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| is_hex(group)))
    };
    if is_identifier(word)
        || word.split_once('_').is_some_and(|(prefix, rest)| {
            is_identifier(rest)
                || (matches!(
                    prefix,
                    "toolu" | "msg" | "req" | "call" | "resp" | "fc" | "rs" | "ctc" | "chatcmpl"
                ) && rest.len() >= 8)
        })
    {
        return Some("<id>");
    }
    if is_date(word) || is_clock(word) {
        return Some("<time>");
    }
    let number = word.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let unit = &word[number.len()..];
    let is_decimal = number
        .split_once('.')
        .is_some_and(|(whole, decimals)| is_digits(whole) && is_digits(decimals));
    if matches!(unit, "ns" | "us" | "ms" | "s" | "m" | "h" | "secs" | "sec") && (is_digits(number) || is_decimal) {
        return Some("<duration>");
    }
    if unit.is_empty() && (is_decimal || (is_digits(number) && number.len() >= 9)) {
        return Some("<number>");
    }
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let has_letter = digits.bytes().any(|byte| byte.is_ascii_alphabetic());
    if digits.len() >= 7 && is_hex(digits) && (has_letter || digits.len() < word.len()) {
        return Some("<hash>");
    }
    if word.len() >= 8 && (word.starts_with("tmp") || word.starts_with(".tmp")) {
        return Some("<temporary>");
    }
    // A run's branch: the short identifier before the words of the prompt.
    None
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `2026-11-22`, alone or followed by a time.
fn is_date(word: &str) -> bool {
    let Some((date, rest)) = word.split_at_checked(10) else {
        return false;
    };
    let parts: Vec<_> = date.split('-').collect();
    parts.iter().map(|part| part.len()).eq([4, 2, 2])
        && parts.iter().all(|part| is_digits(part))
        && (rest.is_empty() || rest.starts_with(['T', '-', ':', '_']))
}

/// `23:59`, `23:59:59`, `23:59:59.123Z`.
fn is_clock(word: &str) -> bool {
    let mut parts = word.trim_end_matches('Z').split(':');
    let (Some(hours), Some(minutes)) = (parts.next(), parts.next()) else {
        return false;
    };
    let seconds = parts.next().unwrap_or("00").split('.').next().unwrap_or_default();
    hours.len() <= 2 && is_digits(hours) && [minutes, seconds].iter().all(|part| part.len() == 2 && is_digits(part))
}

fn is_month(word: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    word.get(..3).is_some_and(|start| MONTHS.contains(&start)) && word.len() <= 9
}

fn is_weekday(word: &str) -> bool {
    matches!(
        word.trim_end_matches(','),
        "Mon" | "Tue" | "Wed" | "Thu" | "Fri" | "Sat" | "Sun"
    )
}

#[cfg(test)]
mod tests;
