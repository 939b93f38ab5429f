//! Outside identity providers for tests: a real, certified one of OpenID Connect, a small GitHub, keys to sign and forge
//! tokens with, and a browser that walks through it all without a screen.

pub mod browser;
pub mod fake_github;
pub mod key_server;
pub mod oidc_provider;
pub mod signing;
pub mod world;
