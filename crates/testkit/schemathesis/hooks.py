"""Who asks, for each request that schemathesis makes, and what no schema can say of a good request."""

import itertools
import json
import os

import schemathesis

with open(os.environ["CONTRACT_PEOPLE"], encoding="utf-8") as file:
    PEOPLE = json.load(file)

# Operations after which the caller, or the caller's session, is not what it was. Each time it is somebody else, so that
# the next operation still has its caller.
CONSUMING = {
    "accounts.sign_out",
    "accounts.delete",
    "accounts.end_session",
    "accounts.end_other_sessions",
    "accounts.change_password",
    # The token before the last one ends its session when it is shown again: it was copied.
    "accounts.rotate_session",
}

passers_by = itertools.cycle(PEOPLE["passersBy"])


def name_of(operation):
    return operation.definition.raw.get("operationId")


@schemathesis.auth(refresh_interval=None)
class Bearer:
    def get(self, case, context):
        return next(passers_by) if name_of(context.operation) in CONSUMING else PEOPLE["owner"]

    def set(self, case, token, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    query = case.query or {}
    # A cursor is good for the query that gave it only. Pages and foreign cursors have tests of their own.
    query.pop("cursor", None)
    # They exclude each other, which OpenAPI cannot say of parameters.
    if "after" in query:
        query.pop("before", None)
    body = case.body if isinstance(case.body, dict) else {}
    if name_of(case.operation) in {"runs.start", "runs.rerun", "sandboxes.start"}:
        # A run names a workflow and a branch that there are, and fetches what it is told to: nothing may leave the
        # machine.
        if body.get("workflow") is not None:
            body["workflow"] = "designer-checker"
        if body.get("baseBranch") is not None:
            body["baseBranch"] = "main"
        if body.get("repository") is not None:
            body["repository"] = "https://127.0.0.1:9/nothing.git"
        unique_names(body.get("checks"))
    if name_of(case.operation) in {"projects.create", "projects.update"}:
        # What names a repository or a branch has rules that no pattern can hold.
        if body.get("repository") is not None:
            body["repository"] = "https://127.0.0.1:9/nothing.git"
        if body.get("defaultBranch") is not None:
            body["defaultBranch"] = "main"
    if name_of(case.operation) == "settings.update":
        unique_names(body.get("checks"))


def unique_names(checks):
    """Two checks have two names, which JSON Schema cannot say of one field of an item."""
    for number, check in enumerate(checks or []):
        check["name"] = f"{check['name'][:60]}-{number}"
