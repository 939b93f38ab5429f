//! How the end of a turn is decided.
