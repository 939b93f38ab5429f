//! Cutting what goes into events. Parsers use it.
