//! Who is asking.

use axum::extract::State;
use codecourier_engine::Engine;
use codecourier_engine::access::{Principal, Standing};
use codecourier_wire::envelope::Data;
use codecourier_wire::whoami::Whoami;
use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::{Anyone, operations};
use crate::conventions::answer::{Answer, answer};

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(get)
}

/// Who is asking: a person or an API key.
#[utoipa::path(get, path = "/whoami", tag = "whoami", responses((status = 200, description = "Who is asking.", body = Data<Whoami>)))]
async fn get(Anyone(principal): Anyone, State(engine): State<Engine>) -> Answer<Data<Whoami>> {
    Ok(answer(match principal {
        Principal::Person(person) => Whoami::Person {
            user_id: person.user,
            session_id: person.session,
            operator: person.standing == Standing::Operator,
        },
        Principal::ApiKey(holder) => Whoami::ApiKey {
            key_id: holder.key,
            project_id: holder.project,
            project_slug: engine.access().project_of(&holder).await?.to_string(),
            permissions: holder.permissions,
        },
    }))
}
