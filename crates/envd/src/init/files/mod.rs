//! Files of the sandbox: `filesystem.Filesystem` and `/files`.
//!
//! Everything runs as root inside the sandbox, as E2B's daemon does: callers are the platform, not the agent. Work that
//! can be long (a recursive listing or removal, a transfer) gives way to other requests every few entries or chunks.

mod beneath;
mod download;
mod entry;
mod error;
mod list;
mod metadata;
mod multipart;
mod path;
mod remove;
mod rpc;
mod upload;

pub(crate) use beneath::{list_beneath, read_beneath};
pub(crate) use download::{FileReader, download};
pub(crate) use path::resolve;
pub(crate) use rpc::call;
pub(crate) use upload::upload;
