//! The few paths that are tested with everything real: the binary, sandboxes, Git, and Claude Code; only the model is
//! scripted or replayed.

#![expect(clippy::unwrap_used, reason = "in a test, and in its helpers, a panic is the answer")]

mod acp_agent;
mod agents;
mod bad_luck;
mod browser;
mod canary;
mod cancel;
mod command_line;
mod conformance;
mod demo;
mod live;
mod ordinary_user;
mod scripted_run;
mod serve;
mod subscription;
mod torture;
