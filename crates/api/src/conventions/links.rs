//! Where an answer leads: the links of the API's description, for clients and for whoever tests the API by following them.
//!
//! Invariant: a link names two operations that there are, and parameters that the second one has.

use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::{OpenApi, RefOr};

use crate::access::operations_of;

/// Where the slug is in a request for a thing of a project.
const SAME_PROJECT: (&str, &str) = ("slug", "$request.path.slug");
const SAME_RUN: (&str, &str) = ("run", "$request.path.run");
const SAME_PROVIDER: (&str, &str) = ("provider", "$request.path.provider");
const SAME_NAME: (&str, &str) = ("name", "$request.path.name");
const AS_SEEN: (&str, &str) = ("If-Match", "$response.header.ETag");
const MADE_PROJECT: (&str, &str) = ("slug", "$response.body#/data/slug");
const MADE_KEY: (&str, &str) = ("key", "$response.body#/data/key/id");
const MADE_VARIABLE: (&str, &str) = ("variable", "$response.body#/data/id");
const MADE_INVITATION: (&str, &str) = ("invitation", "$response.body#/data/id");
const MADE_RUN: (&str, &str) = ("run", "$response.body#/data/id");
const FIRST_RUN: (&str, &str) = ("run", "$response.body#/data/0/id");
const FIRST_SANDBOX: (&str, &str) = ("sandbox", "$response.body#/data/0/id");
const FIRST_MEMBER: (&str, &str) = ("user", "$response.body#/data/0/user");
const FIRST_SESSION: (&str, &str) = ("session", "$response.body#/data/0/id");
const FIRST_INVITATION: (&str, &str) = ("invitation", "$response.body#/data/0/id");

/// An operation, one that its answer leads to, and where the parameters of that one are.
type LeadsTo = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const LINKS: &[LeadsTo] = &[
    ("projects.create", "projects.get", &[MADE_PROJECT]),
    ("projects.create", "projects.update", &[MADE_PROJECT, AS_SEEN]),
    (
        "projects.create",
        "projects.delete",
        &[MADE_PROJECT, ("name", "$response.body#/data/name")],
    ),
    ("projects.get", "projects.update", &[MADE_PROJECT, AS_SEEN]),
    ("projects.setLogo", "projects.getLogo", &[SAME_PROJECT]),
    ("projects.setLogo", "projects.deleteLogo", &[SAME_PROJECT]),
    ("settings.get", "settings.update", &[SAME_PROJECT, AS_SEEN]),
    ("settings.update", "settings.get", &[SAME_PROJECT]),
    ("workflows.get", "workflows.save", &[SAME_PROJECT, SAME_NAME, AS_SEEN]),
    ("workflows.get", "workflows.delete", &[SAME_PROJECT, SAME_NAME, AS_SEEN]),
    ("workflows.save", "workflows.get", &[SAME_PROJECT, SAME_NAME]),
    (
        "workflows.save",
        "workflows.delete",
        &[SAME_PROJECT, SAME_NAME, AS_SEEN],
    ),
    ("keys.create", "keys.get", &[SAME_PROJECT, MADE_KEY]),
    ("keys.create", "keys.rotate", &[SAME_PROJECT, MADE_KEY]),
    ("keys.create", "keys.revoke", &[SAME_PROJECT, MADE_KEY]),
    ("variables.create", "variables.update", &[SAME_PROJECT, MADE_VARIABLE]),
    ("variables.create", "variables.remove", &[SAME_PROJECT, MADE_VARIABLE]),
    (
        "provider-keys.set",
        "provider-keys.validate",
        &[SAME_PROJECT, SAME_PROVIDER],
    ),
    (
        "provider-keys.set",
        "provider-keys.remove",
        &[SAME_PROJECT, SAME_PROVIDER],
    ),
    (
        "invitations.invite",
        "invitations.cancel",
        &[SAME_PROJECT, MADE_INVITATION],
    ),
    ("invitations.mine", "invitations.accept", &[FIRST_INVITATION]),
    ("invitations.mine", "invitations.decline", &[FIRST_INVITATION]),
    ("members.list", "members.change_role", &[SAME_PROJECT, FIRST_MEMBER]),
    ("members.list", "members.remove", &[SAME_PROJECT, FIRST_MEMBER]),
    ("runs.start", "runs.get", &[SAME_PROJECT, MADE_RUN]),
    ("runs.start", "runs.events", &[SAME_PROJECT, MADE_RUN]),
    ("runs.start", "runs.diff", &[SAME_PROJECT, MADE_RUN]),
    ("runs.start", "runs.cancel", &[SAME_PROJECT, MADE_RUN]),
    ("runs.start", "runs.rerun", &[SAME_PROJECT, MADE_RUN]),
    ("runs.list", "runs.get", &[SAME_PROJECT, FIRST_RUN]),
    ("runs.list", "runs.rerun", &[SAME_PROJECT, FIRST_RUN]),
    ("runs.get", "runs.patch", &[SAME_PROJECT, SAME_RUN]),
    ("runs.cancel", "runs.retry", &[SAME_PROJECT, SAME_RUN]),
    ("sandboxes.list", "sandboxes.get", &[SAME_PROJECT, FIRST_SANDBOX]),
    ("sandboxes.list", "sandboxes.kill", &[SAME_PROJECT, FIRST_SANDBOX]),
    ("sandboxes.list", "sandboxes.pause", &[SAME_PROJECT, FIRST_SANDBOX]),
    ("sandboxes.list", "sandboxes.resume", &[SAME_PROJECT, FIRST_SANDBOX]),
    ("sandboxes.start", "runs.get", &[SAME_PROJECT, MADE_RUN]),
    ("accounts.list_sessions", "accounts.end_session", &[FIRST_SESSION]),
];

/// Adds the links to the answers that they begin at.
pub(super) fn add(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations_of(item) {
            let name = operation.operation_id.clone().unwrap_or_default();
            for (_, to, parameters) in LINKS.iter().filter(|(from, ..)| *from == name) {
                let link = parameters
                    .iter()
                    .fold(LinkBuilder::new().operation_id(*to), |link, (name, place)| {
                        link.parameter(*name, *place)
                    })
                    .build();
                let responses = operation.responses.responses.iter_mut();
                for (_, response) in responses.filter(|(status, _)| status.starts_with('2')) {
                    if let RefOr::T(response) = response {
                        response.links.insert((*to).to_owned(), RefOr::T(link.clone()));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    #[test]
    fn links_lead_from_what_there_is_to_what_there_is() {
        let document = serde_json::to_value(crate::Api::document()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.values().flat_map(|item| item.as_object().unwrap().values());
        let of_name: BTreeMap<&str, &Value> = operations
            .map(|operation| (operation["operationId"].as_str().unwrap(), operation))
            .collect();
        for (from, to, parameters) in LINKS {
            let responses = of_name[from]["responses"].as_object().unwrap();
            assert!(
                responses.values().any(|response| !response["links"][to].is_null()),
                "{from} does not lead to {to}"
            );
            let known = of_name[to]["parameters"].as_array().unwrap();
            for (name, place) in *parameters {
                assert!(
                    known.iter().any(|known| known["name"] == *name),
                    "{to} has no parameter `{name}`"
                );
                let Some(own) = place.strip_prefix("$request.path.") else {
                    continue;
                };
                let known = of_name[from]["parameters"].as_array().unwrap();
                assert!(
                    known.iter().any(|known| known["name"] == own),
                    "{from} has no parameter `{own}`"
                );
            }
        }
    }
}
