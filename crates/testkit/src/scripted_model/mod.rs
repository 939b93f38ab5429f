//! A model that does what the prompt says: the fake Anthropic Messages endpoint for tests.
//!
//! The script travels in the prompt, so tests need no cassette for each case, and parallel agents, retries and resumed
//! sessions need no coordination: what the model answers depends on the request alone. (The one exception is the
//! scenario `flaky`, which counts per tag.) It speaks the protocol well enough for the real Claude Code: `POST
//! …/v1/messages` as a stream and as JSON, `POST …/v1/messages/count_tokens`, `GET` and `HEAD …/api/hello`.
//!
//! # The script
//!
//! Lines of the user's message that start with `@@` (after white space and `>`); the rest of the message is ignored.
//!
//! | line | meaning |
//! |---|---|
//! | `@@say TEXT`, `@@think TEXT` | what the model says or thinks in this answer |
//! | `@@write PATH <<< TEXT` | calls `Write`; a relative path is taken from the agent's working directory |
//! | `@@bash COMMAND` | calls `Bash` |
//! | `@@tool NAME {json}` | calls any tool |
//! | `@@error STATUS [SECONDS] [MESSAGE]` | answers with an error, with `retry-after` when seconds are given |
//! | `@@stream-error TYPE [MESSAGE]` | begins to answer, then sends an `error` event |
//! | `@@cut` | begins to answer, then drops the connection |
//! | `@@hang` | never answers; `@@hang-stream` begins to answer and falls silent |
//! | `@@bigline N` | says one text of N bytes in a single event |
//! | `@@slow MS` | waits that long before each event of this answer |
//! | `@@usage input=N output=N cache_read=N cache_write_5m=N cache_write_1h=N` | usage of the answers from here on |
//! | `@@stop REASON` | the stop reason of this answer |
//! | `@@when role=R iteration=N turn=N` | what follows is for such requests only; `@@end` ends it |
//!
//! A text may be a block: `<<<` at the end of the line, then lines up to one that is `>>>`. An answer ends with its tool
//! call; a call written with a plus (`@@bash+ ls`) shares its answer with the next call. After the last call comes what
//! is said then, or `Done.`.
//!
//! `role` and `iteration` are compared with the lines `Role: …` and `Iteration: …` of the request. `turn` counts the
//! user's messages from the scripted one on, so that a later message without a script, such as the platform asking
//! again, can be scripted too: a section without `turn` is for turn 1. The first section that fits is played; if none
//! does, the lines outside of sections are.
//!
//! # Scenarios
//!
//! The first component of the URL's path can be a failure that holds for every request, whatever the script says:
//! `/err429ra3/v1/messages` (status 429, `retry-after: 3`), `/hang`, `/hang-stream`, `/cut`, `/stream-error`,
//! `/flaky2-529.tag` (the first two requests of that tag fail with 529), `/redirect`, `/garbage`.

mod answer;
mod request;
mod scenario;
mod script;
mod server;

pub use answer::Usage;
pub use server::{LoggedRequest, Options, ScriptedModel};
