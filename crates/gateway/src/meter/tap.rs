//! The tap: takes an answer in pieces and keeps what it has come to, whatever its language.

use codecourier_domain::money::MicroUsd;
use codecourier_domain::usage::Tokens;

use super::sse::EventReader;
use super::{anthropic, chat, responses};
use crate::provider::Dialect;

/// The most bytes of an event's data that are looked at. Events with usage have about a kilobyte.
const MOST_EVENT_BYTES: usize = 256 * 1024;

/// The most bytes of a JSON answer that are kept to read its usage.
const MOST_JSON_BYTES: usize = 32 * 1024 * 1024;

/// What an answer has come to so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MeteredUsage {
    /// The model that answers, as the provider names it.
    pub model: Option<String>,
    /// Tokens as the provider counted them, as far as it has said.
    pub tokens: Tokens,
    /// The part of the output that was thinking, where the provider tells it apart.
    pub reasoning: u64,
    /// What the provider says the answer cost, where it says so.
    pub stated_cost: Option<MicroUsd>,
    /// Searches that the provider ran.
    pub web_searches: u64,
    /// The provider answered with its faster, dearer service.
    pub fast: bool,
    /// The provider has said how much input there was.
    pub input_known: bool,
    /// The answer came to its regular end.
    pub ended: bool,
    /// The provider has said why the answer ends; its last words may be outstanding.
    pub reason_given: bool,
    /// An error came in the middle of the answer.
    pub fault: Option<StreamFault>,
    /// Bytes of generated text seen, for estimating the output of an answer that broke off.
    pub generated_bytes: u64,
}

impl MeteredUsage {
    /// Whether the numbers are the provider's final ones. Endpoints of others may end an answer and count nothing.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.ended && self.input_known
    }

    /// The output to charge for: the provider's final count, or at least what the bytes seen amount to.
    #[must_use]
    pub fn output_at_least(&self) -> u64 {
        if self.is_exact() {
            self.tokens.output
        } else {
            self.tokens.output.max(self.generated_bytes.div_ceil(4))
        }
    }
}

/// An error in the middle of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamFault {
    /// The provider's type or code, such as `overloaded_error`.
    pub kind: String,
    /// Its words.
    pub message: String,
}

/// Reads usage from an answer while it passes. Feed it every byte in order, in any pieces.
#[derive(Debug)]
pub struct UsageTap {
    dialect: Dialect,
    form: Form,
    usage: MeteredUsage,
}

#[derive(Debug)]
enum Form {
    Stream(EventReader),
    Json { body: Vec<u8>, overflowed: bool },
}

impl UsageTap {
    /// A tap for a stream of server-sent events.
    #[must_use]
    pub fn of_stream(dialect: Dialect) -> Self {
        let reader = match dialect {
            Dialect::Messages | Dialect::Chat => EventReader::new(MOST_EVENT_BYTES),
            Dialect::Responses => EventReader::with_limits(responses::most_bytes_of),
        };
        Self {
            dialect,
            form: Form::Stream(reader),
            usage: MeteredUsage::default(),
        }
    }

    /// A tap for an answer that is one JSON document.
    #[must_use]
    pub fn of_json(dialect: Dialect) -> Self {
        Self {
            dialect,
            form: Form::Json {
                body: Vec::new(),
                overflowed: false,
            },
            usage: MeteredUsage::default(),
        }
    }

    /// Takes the next piece of the answer.
    pub fn feed(&mut self, piece: &[u8]) {
        match &mut self.form {
            Form::Stream(reader) => {
                let (dialect, usage) = (self.dialect, &mut self.usage);
                reader.feed(piece, |event| match dialect {
                    Dialect::Messages => anthropic::take_event(usage, &event),
                    Dialect::Responses => responses::take_event(usage, &event),
                    Dialect::Chat => chat::take_event(usage, &event),
                });
            }
            Form::Json { body, overflowed } => {
                if body.len() + piece.len() > MOST_JSON_BYTES {
                    *overflowed = true;
                    body.clear();
                } else if !*overflowed {
                    body.extend_from_slice(piece);
                }
            }
        }
    }

    /// The provider has closed the answer.
    pub fn end(&mut self) {
        let Form::Json { body, .. } = &mut self.form else {
            // Servers that forget the last line of a chat have ended it all the same when they gave its reason.
            self.usage.ended |= self.usage.reason_given && self.usage.fault.is_none();
            return;
        };
        let body = std::mem::take(body);
        match self.dialect {
            Dialect::Messages => anthropic::take_document(&mut self.usage, &body),
            Dialect::Responses => responses::take_document(&mut self.usage, &body),
            Dialect::Chat => chat::take_document(&mut self.usage, &body),
        }
        if !self.usage.is_exact() {
            self.usage.generated_bytes = body.len() as u64;
        }
    }

    /// What the answer has come to so far.
    #[must_use]
    pub fn usage(&self) -> &MeteredUsage {
        &self.usage
    }
}

/// Dollars as OpenRouter states them, in whole millionths, a part counting as one. None for what is no amount.
pub(super) fn micro_usd(dollars: Option<f64>) -> Option<MicroUsd> {
    let dollars = dollars.filter(|dollars| dollars.is_finite() && (0.0..1e6).contains(dollars))?;
    // A float of dollars has an error far below a thousandth of a millionth; it must not round up.
    #[expect(clippy::cast_possible_truncation, reason = "the amount is within its bounds")]
    let amount = (dollars * 1e6 - 1e-4).ceil().max(0.0) as i64;
    Some(MicroUsd(amount))
}
