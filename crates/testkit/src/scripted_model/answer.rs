//! An answer before it is put into a provider's words: what is said, thought and called, and how it ends. Pure.

use serde_json::Value;

use super::act::ToolCall;

/// Tokens that an answer claims. The defaults are small and round, so that tests can count on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Input that no cache served.
    pub input: u64,
    /// Output, thinking included.
    pub output: u64,
    /// The part of the output that was thinking.
    pub reasoning: u64,
    /// Input read from a cache.
    pub cache_read: u64,
    /// Input written to the five-minute cache, or to a cache without tiers.
    pub cache_write_5m: u64,
    /// Input written to the one-hour cache.
    pub cache_write_1h: u64,
    /// What the provider says the answer cost, in millionths of a dollar. OpenRouter says so.
    pub cost_micro_usd: Option<u64>,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            input: 100,
            output: 20,
            reasoning: 0,
            cache_read: 0,
            cache_write_5m: 0,
            cache_write_1h: 0,
            cost_micro_usd: None,
        }
    }
}

impl Usage {
    /// Input of every kind: what OpenAI calls input.
    pub(super) const fn all_input(&self) -> u64 {
        self.input + self.cache_read + self.cache_writes()
    }

    pub(super) const fn cache_writes(&self) -> u64 {
        self.cache_write_5m + self.cache_write_1h
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Answer {
    pub(super) blocks: Vec<Block>,
    pub(super) usage: Usage,
    pub(super) stop: Option<String>,
    pub(super) ending: Ending,
    /// What goes wrong the first few times: `2-529.tag`.
    pub(super) flaky: Option<String>,
    pub(super) slow_ms: u64,
}

/// A part of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Block {
    Text(String),
    Thinking(String),
    Call(ToolCall),
}

/// How an answer goes, or goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Ending {
    #[default]
    Whole,
    Error(Failure),
    StreamError {
        kind: String,
        message: String,
    },
    Cut,
    Hang,
    HangStream,
    BigLine(usize),
    Redirect,
    Garbage,
}

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Failure {
    pub(super) status: u16,
    pub(super) kind: FailureKind,
    /// Empty: what the provider says in such a case.
    pub(super) message: String,
    /// Seconds in `retry-after`.
    pub(super) retry_after: Option<u64>,
    /// Seconds until the limit starts anew, in the provider's own header for that.
    pub(super) resets_after: Option<u64>,
}

/// What the status alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum FailureKind {
    #[default]
    Plain,
    ContextOverflow,
    ContentPolicy,
    Quota,
}

impl Failure {
    pub(super) fn of_kind(kind: FailureKind) -> Self {
        Self {
            status: match kind {
                FailureKind::Plain => 500,
                FailureKind::ContextOverflow | FailureKind::ContentPolicy => 400,
                FailureKind::Quota => 429,
            },
            kind,
            ..Self::default()
        }
    }
}

impl Answer {
    /// The blocks, the one of `@@bigline` included.
    pub(super) fn all_blocks(&self) -> Vec<Block> {
        let mut blocks = self.blocks.clone();
        if let Ending::BigLine(bytes) = &self.ending {
            blocks.push(Block::Text("x".repeat(*bytes)));
        }
        blocks
    }

    pub(super) fn has_calls(&self) -> bool {
        self.blocks.iter().any(|block| matches!(block, Block::Call(_)))
    }

    /// A text in the pieces it is streamed in.
    pub(super) fn pieces(&self, text: &str) -> Vec<String> {
        let size = match self.ending {
            Ending::BigLine(_) => usize::MAX,
            _ => 24,
        };
        let characters: Vec<char> = text.chars().collect();
        characters.chunks(size).map(|piece| piece.iter().collect()).collect()
    }
}

/// An event of a stream that names its kind in a line of its own, as Anthropic and the Responses API do.
pub(super) fn named_event(name: &str, data: &Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
