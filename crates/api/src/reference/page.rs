//! The page for people, made of the OpenAPI document: every operation with its parameters, body and answers, then every
//! type. No script and nothing from elsewhere: it works offline and under the strictest policy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::style::STYLE;

/// The page of a document.
pub(super) fn page(document: &Value) -> String {
    let mut by_tag: BTreeMap<&str, Vec<(&str, &str, &Value)>> = BTreeMap::new();
    for (path, item) in members(&document["paths"]) {
        for (method, operation) in members(item) {
            let tag = operation["tags"][0].as_str().unwrap_or("other");
            by_tag.entry(tag).or_default().push((path, method, operation));
        }
    }
    let mut html = String::from("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width\"><title>CodeCourier API</title><style>");
    html.push_str(STYLE);
    html.push_str("</style></head><body><nav aria-label=\"Contents\">");
    for tag in by_tag.keys() {
        link(&mut html, &format!("tag-{tag}"), tag);
    }
    link(&mut html, "types", "types");
    html.push_str("</nav><main><h1>CodeCourier API ");
    html.push_str(&escaped(document["info"]["version"].as_str().unwrap_or_default()));
    html.push_str("</h1>");
    paragraphs(&mut html, document["info"]["description"].as_str().unwrap_or_default());
    html.push_str("<p>For programs: <a href=\"openapi.json\">openapi.json</a></p>");
    for (tag, operations) in &by_tag {
        let _ = write!(html, "<h2 id=\"tag-{0}\">{0}</h2>", escaped(tag));
        for (path, method, operation) in operations {
            self::operation(&mut html, path, method, operation);
        }
    }
    html.push_str("<h2 id=\"types\">types</h2>");
    for (name, schema) in members(&document["components"]["schemas"]) {
        let _ = write!(html, "<h3 id=\"type-{0}\"><code>{0}</code></h3>", escaped(name));
        paragraphs(&mut html, schema["description"].as_str().unwrap_or_default());
        fields(&mut html, schema);
    }
    html.push_str("</main></body></html>");
    html
}

fn operation(html: &mut String, path: &str, method: &str, operation: &Value) {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let _ = write!(
        html,
        "<h3 id=\"{}\"><span class=\"method\">{}</span><code>{}</code></h3>",
        escaped(id),
        escaped(&method.to_uppercase()),
        escaped(path)
    );
    let summary = operation["summary"].as_str().unwrap_or_default();
    paragraphs(html, summary);
    let description = operation["description"].as_str().unwrap_or_default();
    if description != summary {
        paragraphs(html, description.strip_prefix(summary).unwrap_or(description));
    }
    let _ = write!(html, "<p class=\"access\">{}</p>", escaped(&access(operation)));
    let parameters = operation["parameters"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !parameters.is_empty() {
        html.push_str("<table><tr><th>parameter</th><th>in</th><th>type</th><th></th></tr>");
        for parameter in parameters {
            let required = if parameter["required"] == true {
                " (required)"
            } else {
                ""
            };
            let _ = write!(
                html,
                "<tr><td><code>{}</code>{required}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(parameter["name"].as_str().unwrap_or_default()),
                escaped(parameter["in"].as_str().unwrap_or_default()),
                kind(&parameter["schema"]),
                escaped(parameter["description"].as_str().unwrap_or_default()),
            );
        }
        html.push_str("</table>");
    }
    for (media, content) in members(&operation["requestBody"]["content"]) {
        let _ = write!(html, "<p>Body ({}): {}</p>", escaped(media), kind(&content["schema"]));
    }
    for (status, answer) in members(&operation["responses"]) {
        let contents = members(&answer["content"]).map(|(_, content)| kind(&content["schema"]));
        let _ = write!(
            html,
            "<p><code>{}</code> {} {}</p>",
            escaped(status),
            escaped(answer["description"].as_str().unwrap_or_default()),
            contents.collect::<Vec<_>>().join(", ")
        );
    }
}

fn access(operation: &Value) -> String {
    let access = &operation["x-codecourier-access"];
    let permission = access["permission"].as_str();
    match (access["who"].as_str().unwrap_or_default(), access["role"].as_str()) {
        ("anybody", _) => "For everybody.".to_owned(),
        ("anyone", _) => "For whoever is signed in, and for API keys.".to_owned(),
        ("signed-in", _) => "For whoever is signed in. Not for API keys.".to_owned(),
        (_, role) => {
            let role = role.unwrap_or("member");
            permission.map_or_else(
                || format!("Least role: {role}. Not for API keys."),
                |permission| format!("Least role: {role}. API keys need the scope {permission}."),
            )
        }
    }
}

fn fields(html: &mut String, schema: &Value) {
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut rows = members(&schema["properties"]).peekable();
    if rows.peek().is_none() {
        let _ = write!(html, "<p>{}</p>", kind(schema));
        return;
    }
    html.push_str("<table>");
    for (name, field) in rows {
        let mark = if required.iter().any(|required| required == name) {
            ""
        } else {
            " (optional)"
        };
        let _ = write!(
            html,
            "<tr><td><code>{}</code>{mark}</td><td>{}</td><td>{}</td></tr>",
            escaped(name),
            kind(field),
            escaped(field["description"].as_str().unwrap_or_default())
        );
    }
    html.push_str("</table>");
}

/// A type in words, with links.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        let name = escaped(name);
        return format!("<a href=\"#type-{name}\">{name}</a>");
    }
    for word in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[word].as_array() {
            let joint = if word == "allOf" { " and " } else { " or " };
            return parts.iter().map(kind).collect::<Vec<_>>().join(joint);
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words
            .iter()
            .map(|word| format!("<code>{}</code>", escaped(&word.to_string())));
        return words.collect::<Vec<_>>().join(" | ");
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec!["anything"],
    };
    let mut text = escaped(&names.join(" or "));
    if names.contains(&"array") {
        let _ = write!(text, " of {}", kind(&schema["items"]));
    }
    if names.contains(&"object") && schema["properties"].is_object() {
        let inner = members(&schema["properties"])
            .map(|(name, field)| format!("<code>{}</code>: {}", escaped(name), kind(field)));
        let _ = write!(text, " {{ {} }}", inner.collect::<Vec<_>>().join(", "));
    }
    for limit in [
        "format",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "maxItems",
        "pattern",
        "default",
    ] {
        match &schema[limit] {
            Value::Null => {}
            Value::String(value) => {
                let _ = write!(text, ", {limit} <code>{}</code>", escaped(value));
            }
            value => {
                let _ = write!(text, ", {limit} {}", escaped(&value.to_string()));
            }
        }
    }
    text
}

fn paragraphs(html: &mut String, text: &str) {
    for paragraph in text
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
    {
        let _ = write!(html, "<p>{}</p>", escaped(paragraph));
    }
}

fn link(html: &mut String, target: &str, text: &str) {
    let _ = write!(html, "<a href=\"#{}\">{}</a>", escaped(target), escaped(text));
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_operation_and_escapes_what_it_shows() {
        let document = serde_json::json!({
            "info": {"version": "1", "description": "a <b>"},
            "paths": {"/x": {"get": {"operationId": "x.get", "summary": "Reads & more",
                "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}}},
                "x-codecourier-access": {"who": "project", "role": "admin", "permission": "keys:read"}}}},
            "components": {"schemas": {"X": {"type": "object", "properties": {"a": {"type": ["string", "null"], "maxLength": 3}}}}},
        });
        let page = page(&document);
        for part in [
            "a &lt;b&gt;",
            "Reads &amp; more",
            "<a href=\"#type-X\">X</a>",
            "Least role: admin. API keys need the scope keys:read.",
            "string or null, maxLength 3",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }
}
