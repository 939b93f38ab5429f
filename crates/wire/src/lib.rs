//! The JSON that clients see: requests with their limits, responses, the envelope around them, and their OpenAPI schemas.
//!
//! The API and the command line's client use it. Invariants: nothing else is serialised to a client; names are
//! `camelCase`, times are RFC 3339 in UTC, money is in micro-dollars with the unit in the name; no type here has a field
//! for a secret that a client has no need to see again.
