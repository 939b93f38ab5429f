//! The adapters, against transcripts of the real CLIs and against bytes that nobody should have to expect.

#![expect(clippy::unwrap_used, reason = "in a test, and in its helpers, a panic is the answer")]

mod acp;
mod claude_launch;
mod claude_transcripts;
mod launches;
mod session;
mod stream;
mod transcripts;
