//! The JSON that clients see: requests with their limits, responses, the envelope around them, and their OpenAPI schemas.
//!
//! The API and the command line's client use it. Invariants: nothing else is serialised to a client; names are
//! `camelCase`, times are RFC 3339 in UTC, money is in micro-dollars with the unit in the name; no type here has a field
//! for a secret that a client has no need to see again.
//!
//! One folder per feature, named as in the API. How a type is written here:
//!
//! - A request derives `Serialize, Deserialize, ToSchema, garde::Validate`, has `#[serde(deny_unknown_fields)]`, and says
//!   each limit twice, in `#[garde(…)]` for the server and in `#[schema(…)]` for clients; tests find where they differ.
//! - A response derives `Serialize, Deserialize, ToSchema`. Identifiers are the domain's, times are [`time::Time`].
//! - An identifier's schema is named by hand: `#[schema(value_type = schema::RunId)]`.

pub mod accounts;
pub mod agents;
pub mod audit;
pub mod envelope;
pub mod error;
pub mod external;
pub mod invitations;
pub mod keys;
pub mod live;
pub mod members;
mod nullable;
pub mod page;
pub mod path;
pub mod projects;
pub mod provider_keys;
pub mod runs;
pub mod sandboxes;
pub mod schema;
pub mod secret;
pub mod server;
pub mod settings;
pub mod time;
pub mod variables;
pub mod whoami;
pub mod workflows;
