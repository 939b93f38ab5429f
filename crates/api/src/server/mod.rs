//! What anybody may know of the server before signing in.

use axum::extract::State;
use codecourier_engine::Engine;
use codecourier_engine::access::{OperatorSeat, SignInWay, SignUpPolicy};
use codecourier_wire::envelope::Data;
use codecourier_wire::server::{Server, SignInProvider, SignUp};
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{Anybody, operations};
use crate::conventions::answer::{Answer, answer};

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(get)
}

/// What the server is, and how people come in.
#[utoipa::path(get, path = "/server", tag = "server", responses((status = 200, description = "The server.", body = Data<Server>)))]
async fn get(_: Anybody, State(engine): State<Engine>) -> Answer<Data<Server>> {
    let entrance = engine.access().entrance().await?;
    let sign_in_providers = entrance.providers.into_iter();
    Ok(answer(Server {
        name: "CodeCourier".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        sign_up: match entrance.sign_up {
            SignUpPolicy::Open => SignUp::Open,
            SignUpPolicy::Invitation => SignUp::Invitation,
            SignUpPolicy::Closed => SignUp::Closed,
        },
        needs_operator: entrance.operator == OperatorSeat::Vacant,
        password_sign_in: entrance.ways.contains(&SignInWay::Password),
        magic_link: entrance.ways.contains(&SignInWay::MagicLink),
        sign_in_providers: sign_in_providers
            .map(|(id, name)| SignInProvider { id, name })
            .collect(),
    }))
}
