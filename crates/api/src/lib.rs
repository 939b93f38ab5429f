//! The HTTP side of the server: REST routes, extractors, the live socket.
//!
//! The binary mounts it. Invariants: a handler parses, authorises (the role is an argument's type), calls one function
//! of the engine and converts the result; it holds no SQL and no rule. What a request may do is decided before its body
//! is looked at. Every answer carries a request id; every error has a code with a page in `docs/errors/`.
