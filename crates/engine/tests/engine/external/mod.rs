//! Outside providers as the API calls them: a certified provider of OpenID Connect, a small GitHub, an issuer of tokens.

mod departure;
mod sign_in;
mod tokens;

use codecourier_engine::access::SignUpPolicy;
use codecourier_engine::accounts::Visitor;
use codecourier_testkit::engine::World;
use codecourier_testkit::fake_agent::always;
use codecourier_testkit::outside::fake_github::FakeGitHub;
use codecourier_testkit::outside::key_server::KeyServer;
use codecourier_testkit::outside::oidc_provider::OidcProvider;
use codecourier_testkit::outside::world::{let_in_through, trust};

use crate::agents::good;

const MINUTE: i64 = 60_000;

fn visitor() -> Visitor {
    Visitor::new("192.0.2.1".parse().unwrap(), Some("Firefox"))
}

/// A world whose people come in through these two providers.
fn world_of_providers(sign_up: SignUpPolicy, oidc: &OidcProvider, github: &FakeGitHub) -> World {
    let mut world = World::new(always(good()));
    world.accounts.sign_up = sign_up;
    let_in_through(&mut world, oidc, github);
    world
}

/// A world that leaves its accounts to an issuer of tokens.
fn world_of_issuer(server: &KeyServer) -> World {
    let mut world = World::new(always(good()));
    world.accounts.sign_up = SignUpPolicy::Closed;
    trust(&mut world, server);
    world
}
