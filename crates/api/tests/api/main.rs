//! The API as a client meets it: requests in, answers out, over a real engine with fake sandboxes.

#![expect(clippy::unwrap_used, reason = "in a test, and in its helpers, a panic is the answer")]

mod access;
mod accounts;
mod bad_input;
mod client;
mod contract;
mod external;
mod frame;
mod limits;
mod matrix;
mod projects;
mod runs;
mod sandbox_files;
mod sandboxes;
mod settings;
mod talk;
mod workflows;
