//! `envd serve` on a plain host, asked over its socket as the platform asks it.

mod access;
mod client;
mod daemon;
mod files;
mod filesystem;
mod hostile;
mod journal;
mod kill;
mod processes;
mod pty;
