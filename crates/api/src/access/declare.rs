//! Writes into the API's description who may call an operation, from the type of its handler's first argument.

use axum::http::Method;
use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{PathItem, Ref, RefOr, Required};
use utoipa_axum::router::UtoipaMethodRouter;

use super::{ACCESS_EXTENSION, Access, AccessRule, Who};

/// A router of handlers, each of which says who may call it. Use it for every route: `operations!(list, get, cancel)`.
macro_rules! operations {
    ($($handler:path),+ $(,)?) => {{
        let router = utoipa_axum::router::OpenApiRouter::new();
        $(
            let rule = $crate::access::rule_of(&$handler);
            let router = router.routes($crate::access::declared(rule, utoipa_axum::routes!($handler)));
        )+
        router
    }};
}
pub(crate) use operations;

/// A handler whose first argument says who may call it.
pub trait Declares<Arguments> {
    /// Who.
    fn rule() -> AccessRule;
}

macro_rules! declares {
    ($($argument:ident)*) => {
        impl<Handler, Answer, First, $($argument,)*> Declares<(First, $($argument,)*)> for Handler
        where
            Handler: Fn(First, $($argument,)*) -> Answer,
            First: Access,
        {
            fn rule() -> AccessRule {
                First::rule()
            }
        }
    };
}

declares!();
declares!(A);
declares!(A B);
declares!(A B C);
declares!(A B C D);
declares!(A B C D E);
declares!(A B C D E F);
declares!(A B C D E F G);

/// Who may call a handler.
pub fn rule_of<Arguments, Handler: Declares<Arguments>>(_handler: &Handler) -> AccessRule {
    Handler::rule()
}

/// Writes down who may call an operation, and what follows from it.
pub fn declared<S>(rule: AccessRule, (schemas, mut paths, router): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S> {
    for item in paths.paths.values_mut() {
        for (_, operation) in operations_of(item) {
            declare(operation, rule);
        }
    }
    (schemas, paths, router)
}

/// The operations of an address, with their methods.
pub(crate) fn operations_of(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ]
    .into_iter()
    .filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

fn declare(operation: &mut Operation, rule: AccessRule) {
    let access = json!({
        "who": rule.who.as_str(),
        "role": rule.role.map(|role| role.as_str()),
        "permission": rule.permission.map(|permission| permission.to_string()),
    });
    let extensions = operation.extensions.get_or_insert_with(Extensions::default);
    extensions.insert(ACCESS_EXTENSION.to_owned(), access);
    // The name of a function is unique in its feature only; one with a tag in it was given by hand.
    let tag = operation.tags.as_ref().and_then(|tags| tags.first());
    if let (Some(tag), Some(name)) = (tag, &operation.operation_id)
        && !name.contains('.')
    {
        operation.operation_id = Some(format!("{tag}.{name}"));
    }
    let people = || SecurityRequirement::new("session", Vec::<String>::new());
    let bearer = || SecurityRequirement::new("bearer", Vec::<String>::new());
    operation.security = Some(match rule.who {
        Who::Anybody => vec![SecurityRequirement::default()],
        Who::Anyone | Who::SignedIn | Who::Project => vec![bearer(), people()],
    });
    if rule.who == Who::Project {
        let slug = ParameterBuilder::new()
            .name("slug")
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .description(Some("The project's slug. A former one works too."))
            .schema(Some(RefOr::Ref(Ref::from_schema_name("Slug"))))
            .build();
        let parameters = operation.parameters.get_or_insert_with(Vec::new);
        let is_there = parameters
            .iter()
            .any(|parameter| matches!(parameter, RefOr::T(parameter) if parameter.name == "slug"));
        if !is_there {
            parameters.insert(0, slug.into());
        }
    }
}
