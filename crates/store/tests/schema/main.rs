//! What must hold for every function of the store and for every table: nothing is forgotten, since the sources and the
//! schema themselves are read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lifecycle;
mod sources;
mod tables;
mod tenancy;
