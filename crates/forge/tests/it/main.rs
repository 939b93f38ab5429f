//! What this crate does with real repositories, real bundles and the real Git.

#![expect(clippy::unwrap_used, reason = "in a test, and in its helpers, a panic is the answer")]

mod copy;
mod crash;
mod deliver;
mod diff;
mod hostile_bundle;
mod hostile_tree;
mod mirror;
mod names;
mod receive;
mod sandbox;
mod source;
mod support;
