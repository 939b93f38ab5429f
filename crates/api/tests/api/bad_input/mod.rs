//! Bad input, of every kind and to every operation that the description has: each gets the documented error, nothing is
//! half-written, and nothing tells whether a thing is there that the caller may not see.
//!
//! Made from the served description, so that a route that was added is tested with no further word.

mod addresses;
mod bodies;
mod hidden;
mod names;
mod scene;
mod tokens;
