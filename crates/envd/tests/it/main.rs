//! `envd serve` on a plain host, asked over its socket as the platform asks it.
#![expect(clippy::unwrap_used, reason = "tests, and helpers of tests")]

mod access;
mod beneath;
mod client;
mod daemon;
mod files;
mod filesystem;
mod heard;
mod hostile;
mod journal;
mod kill;
mod pid_one;
mod processes;
mod pty;
