-- The spine: projects, runs, steps, events, tasks, the change log and the ledger.
--
-- Large or immutable text stays out of rows that are updated often: SQLite rewrites a whole row at each update.
-- `/*clustered*/` becomes WITHOUT ROWID on SQLite and nothing on PostgreSQL.

CREATE TABLE setting (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    updated_at BIGINT NOT NULL
) /*clustered*/;

CREATE TABLE boot (
    id TEXT NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL,
    body TEXT NOT NULL
) /*clustered*/;

CREATE TABLE project (
    id TEXT NOT NULL PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- How many tasks of class `work` may run at a time.
    work_limit BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE run (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES project (id),
    status TEXT NOT NULL,
    workflow TEXT NOT NULL,
    prompt_preview TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    revision BIGINT NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX run_newest ON run (project, created_at, id);
CREATE INDEX run_newest_by_status ON run (project, status, created_at, id);
CREATE INDEX run_unfinished ON run (created_at, id) WHERE finished_at IS NULL;

-- What was pinned when the run was created. Never updated.
CREATE TABLE run_body (
    run TEXT NOT NULL PRIMARY KEY REFERENCES run (id),
    project TEXT NOT NULL,
    body TEXT NOT NULL
) /*clustered*/;

-- What the run has used so far; the sums of its rows in `usage_record` and its held rows in `reservation`.
CREATE TABLE run_total (
    run TEXT NOT NULL PRIMARY KEY REFERENCES run (id),
    project TEXT NOT NULL,
    requests BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cache_write_5m_tokens BIGINT NOT NULL,
    cache_write_1h_tokens BIGINT NOT NULL,
    spent BIGINT NOT NULL,
    reserved BIGINT NOT NULL
) /*clustered*/;

CREATE TABLE step (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES project (id),
    run TEXT NOT NULL REFERENCES run (id),
    ordinal BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    iteration BIGINT NOT NULL,
    lane TEXT NOT NULL,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    sandbox TEXT,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    body TEXT NOT NULL
);
CREATE UNIQUE INDEX step_of_run ON step (run, ordinal, attempt);
CREATE INDEX step_with_sandbox ON step (sandbox) WHERE sandbox IS NOT NULL;

-- How far the journals of a step's processes have been turned into events.
CREATE TABLE step_journal (
    step TEXT NOT NULL PRIMARY KEY REFERENCES step (id),
    run TEXT NOT NULL,
    project TEXT NOT NULL,
    cursor TEXT NOT NULL
) /*clustered*/;

CREATE TABLE event_head (
    run TEXT NOT NULL PRIMARY KEY REFERENCES run (id),
    project TEXT NOT NULL,
    seq BIGINT NOT NULL
) /*clustered*/;

-- Not clustered: rows of many runs arrive together and are appended at the end of the table, with only their index entries
-- spread. Clustered by run, every append splits pages in the middle, and a quarter more bytes are written.
CREATE TABLE event (
    run TEXT NOT NULL,
    seq BIGINT NOT NULL,
    step TEXT,
    kind TEXT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
);

CREATE TABLE task (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES project (id),
    run TEXT,
    kind TEXT NOT NULL,
    class TEXT NOT NULL,
    status TEXT NOT NULL,
    priority BIGINT NOT NULL,
    due BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    owner TEXT,
    lease_until BIGINT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    failure TEXT,
    body TEXT NOT NULL
);
CREATE INDEX task_ready ON task (class, project, priority DESC, due, id) WHERE status = 'ready';
CREATE INDEX task_scheduled ON task (due) WHERE status = 'scheduled';
CREATE INDEX task_leased ON task (lease_until) WHERE status = 'running';
CREATE INDEX task_running ON task (class, project) WHERE status = 'running';
CREATE INDEX task_of_run ON task (run, created_at, id);

CREATE TABLE scope (
    scope TEXT NOT NULL PRIMARY KEY,
    -- The newest number given, and the newest number that retention removed.
    seq BIGINT NOT NULL,
    trimmed BIGINT NOT NULL
) /*clustered*/;

CREATE TABLE change (
    scope TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    op TEXT NOT NULL,
    actor TEXT NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (scope, seq)
) /*clustered*/;

-- The token itself is nowhere: only its SHA-256.
CREATE TABLE step_token (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    run TEXT NOT NULL,
    step TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    body TEXT NOT NULL
) /*clustered*/;
CREATE INDEX step_token_of_run ON step_token (run, step);

CREATE TABLE reservation (
    request TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    project TEXT NOT NULL,
    run TEXT NOT NULL,
    step TEXT NOT NULL,
    boot TEXT NOT NULL,
    amount BIGINT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
) /*clustered*/;
CREATE INDEX reservation_held ON reservation (boot) WHERE status = 'held';

CREATE TABLE usage_record (
    request TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL,
    run TEXT NOT NULL,
    step TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    at BIGINT NOT NULL,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    cache_read_tokens BIGINT NOT NULL,
    cache_write_5m_tokens BIGINT NOT NULL,
    cache_write_1h_tokens BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    body TEXT NOT NULL
) /*clustered*/;
CREATE INDEX usage_of_run ON usage_record (run, at, request);
