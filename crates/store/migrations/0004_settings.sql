-- What a project is set up with: settings, environment variables, keys of outside services, keys of its own API.
--
-- A column named `sealed` holds ciphertext, and `sealed_with` the identifier of the key that opens it. Secrets go with
-- their project.

CREATE TABLE project_settings (
    project TEXT NOT NULL PRIMARY KEY REFERENCES project (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    body TEXT NOT NULL
) /*clustered*/;

-- Either `plain`, or `sealed` and `sealed_with`.
CREATE TABLE variable (
    project TEXT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    plain TEXT,
    sealed TEXT,
    sealed_with TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (project, id),
    CHECK ((plain IS NULL) <> (sealed IS NULL)),
    CHECK ((sealed IS NULL) = (sealed_with IS NULL))
) /*clustered*/;
CREATE UNIQUE INDEX variable_by_name ON variable (project, name);

CREATE TABLE provider_key (
    project TEXT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    provider TEXT NOT NULL,
    sealed TEXT NOT NULL,
    sealed_with TEXT NOT NULL,
    last_four TEXT NOT NULL,
    set_at BIGINT NOT NULL,
    set_by TEXT NOT NULL,
    last_used_at BIGINT,
    PRIMARY KEY (project, provider)
) /*clustered*/;

-- The token itself is nowhere: only its SHA-256. A key that was rotated ends at `retires_at`.
CREATE TABLE api_key (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    token_sha256 TEXT NOT NULL UNIQUE,
    display_prefix TEXT NOT NULL,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    revoked_at BIGINT,
    replaced_by TEXT,
    retires_at BIGINT
) /*clustered*/;
CREATE INDEX api_key_newest ON api_key (project, created_at, id);
