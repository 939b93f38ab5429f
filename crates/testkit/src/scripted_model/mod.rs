//! A model that does what the prompt says: the fake of every provider for tests.
//!
//! It speaks Anthropic Messages, OpenAI Responses and OpenAI Chat Completions, as streams and as JSON, well enough for
//! the real Claude Code, Codex, opencode and Pi; the same script works with each, since a call is made from the tools
//! that the request offers. The script travels in the prompt, so tests need no cassette for each case, and parallel
//! agents, retries and resumed sessions need no coordination: what the model answers depends on the request alone. (The
//! one exception is `flaky`, in a script or as a scenario, which counts per tag.) A request without tools wants a title and gets one,
//! whatever its script.
//!
//! | path | what |
//! |---|---|
//! | `POST …/v1/messages`, `…/v1/messages/count_tokens`, `HEAD …/api/hello` | Anthropic |
//! | `POST …/v1/responses`, `…/v1/responses/input_tokens`, `…/v1/chat/completions` | OpenAI |
//! | `POST …/api/v1/chat/completions`, `…/api/v1/responses`, `…/api/v1/messages`, `GET …/api/v1/key` | OpenRouter |
//! | `GET …/v1/models` | the list of models, in the shape of whoever's path it is |
//!
//! # The script
//!
//! Lines of the user's message that start with `@@` (after white space and `>`); the rest of the message is ignored.
//!
//! | line | meaning |
//! |---|---|
//! | `@@say TEXT`, `@@think TEXT` | what the model says or thinks in this answer |
//! | `@@write PATH <<< TEXT` | writes a file; a relative path is taken from the agent's working directory |
//! | `@@run COMMAND` (or `@@bash`) | runs a command |
//! | `@@read PATH`, `@@skill NAME` | reads a file, opens a skill |
//! | `@@plan ENTRY \| ENTRY` | states the plan, the first entry under way |
//! | `@@mcp SERVER TOOL {json}` | calls a tool of an MCP server |
//! | `@@tool NAME {json}` | calls a tool by the agent's own name for it |
//! | `@@error STATUS [SECONDS] [MESSAGE]` | answers with an error, with `retry-after` when seconds are given; `{key}` in the message is the key that was sent |
//! | `@@overflow`, `@@policy`, `@@quota` | refuses as the provider does: too long, forbidden content, nothing left |
//! | `@@stream-error TYPE [MESSAGE]` | begins to answer, then sends an `error` event |
//! | `@@flaky N-FAILURE.TAG` | this answer fails the first N times, as the scenario `flaky` does: `2-529.a`, `1-cut.b` |
//! | `@@cut` | begins to answer, then drops the connection |
//! | `@@hang` | never answers; `@@hang-stream` begins to answer and falls silent |
//! | `@@bigline N` | says one text of N bytes in a single event |
//! | `@@slow MS` | waits that long before each event of this answer |
//! | `@@usage input=N output=N cache_read=N cache_write_5m=N cache_write_1h=N reasoning=N cost=N` | usage of the answers from here on; `cost` in millionths of a dollar |
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
//! `/err429ra3/v1/messages` (status 429, `retry-after: 3`), `/err429reset20` (the reset in the provider's own header),
//! `/flaky2-529.tag` (the first two requests of that tag fail with 529; `429ra3` and the other failures work too), `/overflow`, `/policy`,
//! `/quota`, `/hang`, `/hang-stream`, `/cut`, `/stream-error`, `/redirect`, `/garbage`.

mod act;
mod answer;
mod conversation;
mod protocol;
mod scenario;
mod script;
mod server;

pub use answer::Usage;
pub use server::{GivenAnswer, LoggedRequest, Options, ScriptedModel};
