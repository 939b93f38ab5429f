//! A furnished server, every operation that its description has, and what must hold of a refusal.

use std::collections::BTreeMap;

use codecourier_testkit::furnished::Furnished;
use codecourier_testkit::server::TestAnswer;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// The server, with its description as it serves it.
pub(super) struct Scene {
    pub(super) furnished: Furnished,
    description: Value,
}

/// An operation, as the description has it.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) method: Method,
    /// Without `/api/v1`.
    pub(super) path: String,
    written: Value,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let furnished = Furnished::new().await;
        let served = furnished.server.request(Method::GET, "/openapi.json");
        let description = furnished.server.send(served).await.json();
        Self { furnished, description }
    }

    /// Every operation.
    pub(super) fn operations(&self) -> Vec<Operation> {
        let paths = self.description["paths"].as_object().unwrap();
        let of_path = |(path, item): (&String, &Value)| {
            let path = path.strip_prefix("/api/v1").unwrap().to_owned();
            let operations = item.as_object().unwrap().clone();
            operations.into_iter().map(move |(method, written)| Operation {
                name: written["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                written,
            })
        };
        let found: Vec<Operation> = paths.iter().flat_map(of_path).collect();
        assert!(found.len() > 60, "{}", found.len());
        found
    }

    /// The address of an operation about something that there is, with some of its parameters replaced.
    pub(super) fn address(&self, operation: &Operation, replaced: &[(&str, &str)]) -> String {
        let mut address = String::new();
        for part in operation.path.split('/').skip(1) {
            address.push('/');
            let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) else {
                address.push_str(part);
                continue;
            };
            let other = replaced.iter().find(|(replaced, _)| *replaced == name);
            match (other, self.furnished.there_is.get(name)) {
                (Some((_, value)), _) => address.push_str(value),
                (None, Some(values)) => address.push_str(&values[0]),
                (None, None) => panic!("{address}: nothing is known of `{name}`; tell it in `Furnished`"),
            }
        }
        address
    }

    /// A request as the owner, with what it needs besides its body.
    pub(super) fn request(&self, operation: &Operation) -> RequestBuilder {
        self.request_to(operation, &self.address(operation, &[]), &self.furnished.owner.token)
    }

    /// A request to an address by a caller, with something in whatever its query must have.
    pub(super) fn request_to(&self, operation: &Operation, address: &str, token: &str) -> RequestBuilder {
        let request = self.furnished.server.request(operation.method.clone(), address);
        let needed: Vec<_> = operation.needed_in_query().map(|name| (name, "something")).collect();
        let request = request.query(&needed).bearer_auth(token);
        if operation.parameters("header").contains(&"If-Match".to_owned()) {
            return request.header("if-match", "\"1\"");
        }
        request
    }

    pub(super) async fn send(&self, request: RequestBuilder) -> TestAnswer {
        self.furnished.server.send(request).await
    }

    /// The schema of the JSON that an operation takes, if it takes any.
    pub(super) fn body_of(&self, operation: &Operation) -> Option<&Value> {
        // What is not signed is not read: it has tests of its own.
        if operation.name == "external.heed" {
            return None;
        }
        let content = &operation.written["requestBody"]["content"]["application/json"];
        let schema = &content["schema"];
        let reference = schema["$ref"].as_str()?;
        Some(self.resolved(reference))
    }

    /// The fields of a schema of an object, each with its own schema, read through references and `null`.
    pub(super) fn fields<'s>(&'s self, schema: &'s Value) -> BTreeMap<&'s str, &'s Value> {
        let fields = schema["properties"].as_object().unwrap();
        fields
            .iter()
            .map(|(name, field)| (name.as_str(), self.plain(field)))
            .collect()
    }

    fn plain<'s>(&'s self, schema: &'s Value) -> &'s Value {
        if let Some(reference) = schema["$ref"].as_str() {
            return self.plain(self.resolved(reference));
        }
        let choices = schema["oneOf"].as_array();
        match choices.and_then(|choices| choices.iter().find(|choice| choice["type"] != "null")) {
            Some(choice) => self.plain(choice),
            None => schema,
        }
    }

    fn resolved(&self, reference: &str) -> &Value {
        let place = reference.strip_prefix('#').unwrap();
        self.description.pointer(place).unwrap()
    }

    /// Something that a schema takes: only what must be there.
    pub(super) fn sample(&self, schema: &Value) -> Value {
        let schema = self.plain(schema);
        let first = |name: &str| schema[name].as_array().and_then(|values| values.first().cloned());
        if let Some(given) = first("examples").or_else(|| first("enum")) {
            return given;
        }
        match kind(schema) {
            "string" => {
                let length = schema["minLength"].as_u64().unwrap_or(1).max(1);
                json!("a".repeat(usize::try_from(length).unwrap()))
            }
            "integer" => json!(schema["minimum"].as_u64().unwrap_or(1)),
            "boolean" => json!(true),
            "array" if schema["minItems"].as_u64().unwrap_or(0) > 0 => json!([self.sample(&schema["items"])]),
            "array" => json!([]),
            "object" if schema["properties"].is_object() => {
                let required = schema["required"].as_array().cloned().unwrap_or_default();
                let name = |name: &Value| name.as_str().unwrap().to_owned();
                let field = |required: &Value| {
                    let name = name(required);
                    let sample = self.sample(&schema["properties"][&name]);
                    (name, sample)
                };
                Value::Object(required.iter().map(field).collect())
            }
            _ => json!({}),
        }
    }

    /// Everything that the owner can read, but what reading itself changes: to see that nothing was half-written.
    pub(super) async fn state(&self) -> Vec<(String, Value)> {
        let mut state = Vec::new();
        for address in [
            // Whoever opens a project worked in it last, which lists of projects tell.
            "/projects/shop",
            "/account",
            "/account/invitations",
            "/projects",
            "/projects?deleted=true",
            "/projects/shop/audit?limit=100",
            "/projects/shop/invitations",
            "/projects/shop/keys",
            "/projects/shop/members",
            "/projects/shop/provider-keys",
            "/projects/shop/runs",
            "/projects/shop/sandboxes",
            "/projects/shop/settings",
            "/projects/shop/variables",
            "/projects/shop/workflows",
        ] {
            let answer = self.furnished.server.get(&self.furnished.owner.token, address).await;
            assert!(answer.status.is_success(), "{address}: {}", answer.text);
            state.push((address.to_owned(), answer.json()));
        }
        state
    }

    /// Looks whether everything that the owner can read is as it was.
    pub(super) async fn is_as(&self, before: &[(String, Value)]) {
        for ((address, now), (_, before)) in self.state().await.iter().zip(before) {
            assert_eq!(now, before, "{address} is not as it was");
        }
    }
}

impl Operation {
    /// Whether everybody may call it.
    pub(super) fn is_open(&self) -> bool {
        self.written["x-codecourier-access"]["who"] == "anybody"
    }

    /// Whether it is about a project that the caller must be in.
    pub(super) fn is_in_project(&self) -> bool {
        self.written["x-codecourier-access"]["who"] == "project"
    }

    /// The names of its parameters at a place.
    pub(super) fn parameters(&self, place: &str) -> Vec<String> {
        let parameters = self.written["parameters"].as_array().into_iter().flatten();
        let there = parameters.filter(|parameter| parameter["in"] == place);
        there
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The parameters that its query must have.
    fn needed_in_query(&self) -> impl Iterator<Item = &str> {
        let parameters = self.written["parameters"].as_array().into_iter().flatten();
        let needed = parameters.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
        needed.filter_map(|parameter| parameter["name"].as_str())
    }

    /// The media type of its body, if it has one.
    pub(super) fn media_type(&self) -> Option<String> {
        let content = self.written["requestBody"]["content"].as_object()?;
        content.keys().next().cloned()
    }
}

/// The one type of a schema that is not `null`; empty for one that takes anything.
pub(super) fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or_default(),
        _ => "",
    }
}

/// Looks whether an answer is a refusal as every refusal is, and gives its status, its code and its field.
pub(super) fn refusal(answer: &TestAnswer) -> Result<(u16, String, Option<String>), String> {
    let body = answer.json();
    let error = body["error"]
        .as_object()
        .ok_or_else(|| format!("{} {}", answer.status, answer.text))?;
    let names: Vec<&str> = error.keys().map(String::as_str).collect();
    let id = answer.headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let is_whole = names == ["code", "message", "field", "requestId", "retryable"]
        && error["message"].as_str().is_some_and(|message| !message.is_empty())
        && error["requestId"].as_str() == id
        && body.as_object().is_some_and(|body| body.len() == 1);
    if !is_whole {
        return Err(format!("not the error object: {}", answer.text));
    }
    let code = error["code"].as_str().unwrap_or_default().to_owned();
    Ok((answer.status.as_u16(), code, error["field"].as_str().map(str::to_owned)))
}
