//! The tier `ns`: Linux namespaces, an overlay on shared layers, control groups, capabilities and a system call filter,
//! made by this program itself, as root or as an ordinary user. The engine uses it through [`crate::Backend`].
//!
//! A sandbox is a shim (see `envd shim`), which is the parent of pid 1 inside and outlives the server. What the host
//! has of it: one directory, control groups and, as root, a range of user ids. Its mounts are in namespaces of its own
//! and go with it.
//!
//! On a host whose service manager kills a whole control group when it stops a service, that has to be told to leave
//! the shims alone (systemd: `KillMode=process`, and `Delegate=yes`).

mod backend;
mod control;
mod create;
mod destroy;
mod disk;
mod groups;
mod hierarchy;
mod host;
mod idrange;
#[path = "../../../envd/src/shim/launch.rs"]
mod launch;
mod leftovers;
#[path = "../../../envd/src/shim/message.rs"]
mod message;
mod probe;
mod program;
mod sandbox;
mod snapshot;
mod spawn;
mod state;

pub use backend::{NsBackend, NsConfig};
pub use leftovers::Leftovers;
