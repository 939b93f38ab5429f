//! Projects: made, listed, read, changed, deleted, restored; and their pictures.

mod convert;
mod handlers;
mod logo;

use utoipa_axum::router::OpenApiRouter;

use crate::ApiState;
use crate::access::operations;

pub(crate) fn routes() -> OpenApiRouter<ApiState> {
    operations!(
        handlers::list,
        handlers::create,
        handlers::get,
        handlers::update,
        handlers::delete,
        handlers::restore,
        logo::get_logo,
        logo::put_logo,
        logo::remove_logo,
    )
}
