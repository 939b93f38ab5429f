//! What the description of the API says of every operation, so that no handler repeats it.

use codecourier_wire::error::{ErrorBody, ErrorObject};
use codecourier_wire::schema::Slug;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::access::operations_of;

const ABOUT: &str = "Everything the product's own page does goes through this interface.

Successes are `{\"data\": …}`; lists add `nextCursor` and `hasMore`. Errors are `{\"error\": {…}}` with a code that has a \
page in the manual. Every answer has `X-Request-ID`. Every `POST` takes an `Idempotency-Key`: the same request with the \
same key takes effect once within 24 hours. `x-codecourier-access` says who may call an operation: which kind of \
caller, the least role in the project, and the scope that an API key must have.";

/// Adds what holds everywhere.
pub(crate) fn complete(document: &mut OpenApi) {
    document.info = InfoBuilder::new()
        .title("CodeCourier")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    for (name, schema) in [
        (ErrorBody::name(), ErrorBody::schema()),
        (ErrorObject::name(), ErrorObject::schema()),
        (Slug::name(), Slug::schema()),
    ] {
        components.schemas.insert(name.into_owned(), schema);
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A session's token, a project's API key, or an outside identity provider's token.",
        ))
        .build();
    let cookie = ApiKeyValue::with_description("cc_session", "A session's cookie, as browsers have it.");
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    for item in document.paths.paths.values_mut() {
        if let Some(operation) = &mut item.post {
            takes_idempotency_key(operation);
        }
        for operation in operations_of(item) {
            answers_errors(operation);
        }
    }
}

fn answers_errors(operation: &mut Operation) {
    let content = ContentBuilder::new()
        .schema(Some(RefOr::Ref(Ref::from_schema_name(ErrorBody::name()))))
        .build();
    let error = ResponseBuilder::new()
        .description("Why the request was not fulfilled.")
        .content("application/json", content)
        .build();
    operation
        .responses
        .responses
        .entry("default".to_owned())
        .or_insert(RefOr::T(error));
}

fn takes_idempotency_key(operation: &mut Operation) {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some("^[!-~]{1,128}$"));
    let parameter = ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The same request with the same key takes effect once within 24 hours.",
        ))
        .schema(Some(schema))
        .build();
    operation.parameters.get_or_insert_with(Vec::new).push(parameter.into());
}
