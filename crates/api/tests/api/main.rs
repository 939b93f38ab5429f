//! The API as a client meets it: requests in, answers out, over a real engine with fake sandboxes.

mod access;
mod client;
mod frame;
mod limits;
mod matrix;
mod projects;
mod runs;
mod settings;
