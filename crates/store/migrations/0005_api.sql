-- What the API needs beside the features: a project's own workflows, and the answers of requests that must not be done
-- twice.

CREATE TABLE workflow (
    project TEXT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    revision BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (project, name)
) /*clustered*/;

-- `answer` is absent while the request is under way; `boot` is the start of the server that does it.
CREATE TABLE idempotency (
    principal TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    boot TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    answer TEXT,
    PRIMARY KEY (principal, key)
) /*clustered*/;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- The sandboxes of a project that are alive.
CREATE INDEX step_live_of_project ON step (project, created_at, id) WHERE sandbox IS NOT NULL;
