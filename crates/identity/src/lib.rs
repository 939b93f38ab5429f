//! Proving who someone is: passwords, tokens, outside identity providers, and the mail that it takes.
//!
//! The engine uses it; it knows neither the store nor projects. Invariants: a secret is wrapped from the moment it is
//! read or minted, is compared in constant time and is written to no log; what an outside provider says is checked
//! against what was configured before anything of it is believed; passwords are hashed off the async threads, a bounded
//! number at a time.

pub mod attempt;
pub mod fuzz;
pub mod github;
pub mod jwks;
pub mod jwt;
mod kept;
pub mod mail;
pub mod oidc;
pub mod outbound;
pub mod password;
pub mod person;
pub mod provider;
pub mod secret_token;
pub mod svix;
