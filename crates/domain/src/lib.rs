//! The domain of CodeCourier: its words as types, and its rules as pure functions.
//!
//! Every other crate may use this one; it uses none of them. Invariants: no I/O, no clock, no randomness, no
//! environment, no async. Whatever changes with time or chance comes in as an argument, so that each decision of the
//! engine can be replayed from recorded history and tested without waiting.

pub mod actor;
pub mod agent;
pub mod agent_pin;
pub mod branch;
pub mod check;
pub mod email;
pub mod event;
pub mod failure;
pub mod id;
pub mod image;
pub mod limits;
pub mod member;
pub mod model_route;
pub mod money;
pub mod permission;
pub mod pipeline;
pub mod provider;
pub mod revision;
pub mod role;
pub mod run;
pub mod slug;
pub mod stillness;
pub mod text;
pub mod time;
pub mod usage;
pub mod verdict;
