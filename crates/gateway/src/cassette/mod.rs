//! Cassettes: recorded conversations between agents and a model, replayed with no network.
//!
//! # The file
//!
//! A cassette is UTF-8 text: JSON values one after the other, separated by white space. The first is the header, every
//! other is one exchange. The recorder writes one value per line (JSON Lines); a person may spread a value over as many
//! lines as reads well. A last value that is cut off, as a crash leaves it, is ignored.
//!
//! ```json
//! {"codecourier_cassette": 1, "description": "…", "pacing": {"first_byte_ms": 400, "event_ms": 25}}
//! {"lane": "designer#1", "say": "I look at the project.", "tool_use": {"name": "Bash", "input": {"command": "ls"}}}
//! {"lane": "designer#1", "expect": "Cargo.toml", "say": "Done.", "usage": {"input": 900, "output": 12}}
//! ```
//!
//! A cassette written by hand holds no language: the agent that asks gets the answer in its own (Anthropic Messages,
//! OpenAI Responses or Chat Completions), with the names of its own tools. In Responses, a call whose `input` is a text is
//! one of a tool that takes text. Recorded answers are played to agents of the same language only.
//!
//! Fields of an exchange, all but `lane` optional:
//!
//! | field | meaning |
//! |---|---|
//! | `lane` | the step's position in its run: `designer#1`, `checker#2` |
//! | `index` | number of model messages in the request; when absent, one more than the lane's previous exchange, from 0 |
//! | `expect` | text (or a list of texts) that the last message of the request must contain; else the exchange does not match |
//! | `think`, `say` | what the model thinks and says: a text, or a list of lines |
//! | `tool_use` | a call `{"name", "input"}` or a list of calls; in an input, `{"$lines": […]}` is a text of these lines |
//! | `content` | instead of the three above: a list of `{"think"}`, `{"say"}` and `{"tool_use"}` in any order |
//! | `stop` | the stop reason, when not `tool_use` with calls and `end_turn` without |
//! | `usage` | `{"input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h"}`; when absent, derived from the sizes |
//! | `error` | instead of an answer: `{"status", "type", "message", "retry_after"}` |
//! | `response` | instead of an answer by hand, a recorded one: `{"status", "headers", "sse"}`, or `json` or `base64` for the body |
//! | `pacing` | overrides the header's pacing |
//! | `match` | written by the recorder: what the request was, see below |
//!
//! # Matching
//!
//! Replay keeps no state, so a crash at any time loses no place and a request that is asked again gets the same answer.
//! A request is normalised (see [`normalise`](self) for what is dropped and replaced) and hashed. The answer is, in this
//! order: the lane's exchange with that hash; any lane's; the lane's exchange at that index whose `expect` holds. Of
//! several with the same hash the last wins: it is the one the recorded conversation went on from. An answer found
//! by its position although the exchange was recorded with another hash is reported as a [`Divergence`]; when nothing
//! is found, the agent gets an error that holds the report.

mod divergence;
mod expand;
mod format;
mod normalise;
mod record;
mod replay;

pub use divergence::Divergence;
pub use format::{Cassette, Exchange, Pacing};
pub(crate) use normalise::NormalisedRequest;
pub(crate) use record::{Recorders, Taping};
pub(crate) use replay::{Played, find};
