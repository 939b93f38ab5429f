//! What the end-to-end tests share: the real binary in a data directory of its own, and the comparison of what it stored
//! with what really happened.
//!
//! Used by `tests/it` and by the program `torture`. Invariant: nothing in here is a stand-in; the binary, the sandboxes,
//! Git and the agent's CLI are the real ones, and only the model is scripted or replayed. Except for [`live`]: there the
//! server, its API and its clients are real, in this process, and no agent is needed.

pub mod browser;
pub mod compare;
pub mod conformance;
pub mod live;
pub mod mail;
pub mod other_user;
pub mod person;
pub mod project;
pub mod scene;
pub mod server;
pub mod serving;
pub mod session;
mod session_gateway;
pub mod small_disk;
pub mod torture;
