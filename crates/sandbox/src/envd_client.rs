//! The client of the daemon inside a sandbox: processes, journals, files, over HTTP on a unix socket.
//!
//! Every tier that runs our `envd` uses it. What comes back is input from a sandbox: bounded, typed, never trusted. It
//! does not know whether a sandbox lives; its callers turn a broken connection into the reason.

mod files;
mod process;
mod transport;

pub(crate) use transport::{EnvdClient, Failed, Users};
