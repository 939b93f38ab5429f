//! What the description of the API says of every operation, so that no handler repeats it.

use axum::http::Method;
use codecourier_wire::error::{ErrorBody, ErrorObject};
use codecourier_wire::schema::Slug;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    Components, ContentBuilder, Header, InfoBuilder, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};

use super::links;
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
    for (name, header) in always() {
        components.headers.insert(name.to_owned(), header.into());
    }
    for refusal in Refusal::ALL {
        components
            .responses
            .insert(refusal.name().to_owned(), refusal.response().into());
    }
    for item in document.paths.paths.values_mut() {
        if let Some(operation) = &mut item.post {
            takes_idempotency_key(operation);
        }
        for (method, operation) in operations_of(item) {
            parameters_are_texts(operation);
            answers(operation, method);
        }
    }
    links::add(document);
}

/// A parameter is there or not: it has no `null`, which would be a text of four letters.
fn parameters_are_texts(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            let schema = parameter.schema.take();
            parameter.schema = schema.map(without_null);
        }
    }
}

fn without_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    let is_null = |schema: &RefOr<Schema>| matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null));
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            if let SchemaType::Array(types) = &object.schema_type
                && let [only] = types.iter().filter(|kind| **kind != Type::Null).collect::<Vec<_>>()[..]
            {
                object.schema_type = SchemaType::Type(only.clone());
            }
            RefOr::T(Schema::Object(object))
        }
        RefOr::T(Schema::OneOf(mut one_of)) => {
            one_of.items.retain(|item| !is_null(item));
            match one_of.items.pop() {
                Some(only) if one_of.items.is_empty() => only,
                last => {
                    one_of.items.extend(last);
                    RefOr::T(Schema::OneOf(one_of))
                }
            }
        }
        other => other,
    }
}

/// The headers of every answer.
fn always() -> [(&'static str, Header); 4] {
    let whole = || {
        let number = SchemaType::Type(Type::Integer);
        ObjectBuilder::new().schema_type(number).minimum(Some(0))
    };
    let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    let header = |schema: ObjectBuilder, description: &str| {
        let header = HeaderBuilder::new().schema(Some(schema));
        header.description(Some(description)).build()
    };
    [
        (
            "X-Request-ID",
            header(text(), "The request's identifier, also in the server's log."),
        ),
        (
            "RateLimit-Limit",
            header(whole(), "How many requests may come at once."),
        ),
        ("RateLimit-Remaining", header(whole(), "How many of them are left.")),
        (
            "RateLimit-Reset",
            header(whole(), "In how many seconds all of them are there again."),
        ),
    ]
}

/// A status that says why a request was not fulfilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Invalid,
    Unknown,
    Forbidden,
    NotFound,
    Conflict,
    Outdated,
    TooLarge,
    WrongFormat,
    Unfeasible,
    Unconditional,
    TooMany,
    Broken,
    Unavailable,
    Full,
}

impl Refusal {
    const ALL: [Self; 14] = [
        Self::Invalid,
        Self::Unknown,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Outdated,
        Self::TooLarge,
        Self::WrongFormat,
        Self::Unfeasible,
        Self::Unconditional,
        Self::TooMany,
        Self::Broken,
        Self::Unavailable,
        Self::Full,
    ];

    const fn status(self) -> &'static str {
        match self {
            Self::Invalid => "400",
            Self::Unknown => "401",
            Self::Forbidden => "403",
            Self::NotFound => "404",
            Self::Conflict => "409",
            Self::Outdated => "412",
            Self::TooLarge => "413",
            Self::WrongFormat => "415",
            Self::Unfeasible => "422",
            Self::Unconditional => "428",
            Self::TooMany => "429",
            Self::Broken => "500",
            Self::Unavailable => "503",
            Self::Full => "507",
        }
    }

    /// The name of the answer in the description.
    const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "Invalid",
            Self::Unknown => "Unknown",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::Outdated => "Outdated",
            Self::TooLarge => "TooLarge",
            Self::WrongFormat => "WrongFormat",
            Self::Unfeasible => "Unfeasible",
            Self::Unconditional => "Unconditional",
            Self::TooMany => "TooMany",
            Self::Broken => "Broken",
            Self::Unavailable => "Unavailable",
            Self::Full => "Full",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Invalid => "`VALIDATION`: something in the request is out of its range or shape.",
            Self::Unknown => "`AUTH_MISSING`, `AUTH_INVALID`: nobody said who is asking, or could not prove it.",
            Self::Forbidden => "`FORBIDDEN`, `SCOPE_DENIED`: not for this role, this key, or this site.",
            Self::NotFound => "`NOT_FOUND`: there is no such thing, or not for this caller.",
            Self::Conflict => "`CONFLICT`, `AGENT_CAPABILITY`, `IDEMPOTENCY_MISMATCH`: not in the present state.",
            Self::Outdated => "`PRECONDITION_FAILED`: it was changed since the caller read it.",
            Self::TooLarge => "`TOO_LARGE`: larger than what is accepted there.",
            Self::WrongFormat => "`UNSUPPORTED_MEDIA_TYPE`: not in a format that is accepted there.",
            Self::Unfeasible => {
                "A failure with a class of its own, such as `REPOSITORY`: what the request needs did not work."
            }
            Self::Unconditional => "`PRECONDITION_REQUIRED`: the caller must say with `If-Match` what was read.",
            Self::TooMany => {
                "`RATE_LIMITED`: too many requests, or too many attempts. `Retry-After` says when to come back."
            }
            Self::Broken => "`INTERNAL`: the platform's own fault.",
            Self::Unavailable => "`UNAVAILABLE`: something that it needs is not configured, or does not answer.",
            Self::Full => "`DISK_FULL`: the server's disk is full.",
        }
    }

    fn response(self) -> Response {
        let content = ContentBuilder::new()
            .schema(Some(RefOr::Ref(Ref::from_schema_name(ErrorBody::name()))))
            .build();
        let response = ResponseBuilder::new()
            .description(self.description())
            .content("application/json", content);
        with_headers(response.build())
    }

    /// Whether an operation can answer so.
    fn is_possible(self, operation: &Operation, method: Method) -> bool {
        let parameters = || {
            let parameters = operation.parameters.iter().flatten();
            parameters.filter_map(|parameter| match parameter {
                RefOr::T(parameter) => Some(parameter),
                RefOr::Ref(_) => None,
            })
        };
        let is_open = operation
            .security
            .iter()
            .flatten()
            .all(|requirement| *requirement == SecurityRequirement::default());
        let has_body = operation.request_body.is_some();
        let is_json =
            matches!(&operation.request_body, Some(RefOr::T(body)) if body.content.contains_key("application/json"));
        let changes = method != Method::GET;
        match self {
            Self::Invalid => has_body || parameters().any(|parameter| parameter.parameter_in != ParameterIn::Path),
            Self::Unknown => !is_open,
            // A page of another site may read nothing, but can send: it is refused before anything else.
            Self::Forbidden => changes || !is_open,
            Self::NotFound => parameters().any(|parameter| parameter.parameter_in == ParameterIn::Path),
            Self::Conflict | Self::Full => changes,
            Self::Outdated | Self::Unconditional => parameters().any(|parameter| parameter.name == "If-Match"),
            Self::TooLarge => has_body || method == Method::POST,
            Self::WrongFormat => is_json,
            // What a handler says itself.
            Self::Unfeasible => false,
            Self::TooMany | Self::Broken | Self::Unavailable => true,
        }
    }
}

/// Says which errors an operation answers, and which headers are on every answer.
fn answers(operation: &mut Operation, method: Method) {
    let refusals: Vec<Refusal> = Refusal::ALL
        .into_iter()
        .filter(|refusal| refusal.is_possible(operation, method.clone()))
        .collect();
    let responses = &mut operation.responses.responses;
    for response in responses.values_mut() {
        if let RefOr::T(response) = response {
            *response = with_headers(std::mem::take(response));
        }
    }
    for refusal in refusals {
        let answer = RefOr::Ref(Ref::from_response_name(refusal.name()));
        responses.entry(refusal.status().to_owned()).or_insert(answer);
    }
}

fn with_headers(mut response: Response) -> Response {
    for (name, _) in always() {
        let header = Ref::new(format!("#/components/headers/{name}"));
        response.headers.entry(name.to_owned()).or_insert(RefOr::Ref(header));
    }
    response
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
