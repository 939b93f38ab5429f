-- The end of things: what purging a project and what retention need to find their rows.

-- Who holds a blob: a project's logo, the journal of a step. Written in the transaction of what refers to the blob, or
-- before it. A blob that nobody holds is removed after a while. Nothing was released before this table: the journals of
-- older data directories of ours are not in it.
CREATE TABLE blob_use (
    blob TEXT NOT NULL,
    project TEXT NOT NULL REFERENCES project (id),
    -- `logo`, or the step whose journal it is.
    holder TEXT NOT NULL,
    PRIMARY KEY (blob, project, holder)
) /*clustered*/;
CREATE INDEX blob_use_of_project ON blob_use (project, holder);
INSERT INTO blob_use (blob, project, holder) SELECT logo, id, 'logo' FROM project WHERE logo IS NOT NULL;

-- Since when a deleted project is being purged: from then on it cannot be restored.
ALTER TABLE project ADD COLUMN purge_began_at BIGINT;

-- What refers to a project or a run without an index that begins with it.
CREATE INDEX step_of_project ON step (project);
CREATE INDEX task_of_project ON task (project);
CREATE INDEX reservation_of_run ON reservation (run);

-- What has ended and is kept for a while.
CREATE INDEX task_ended ON task (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX reservation_ended ON reservation (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX step_token_ending ON step_token (expires_at);
CREATE INDEX invitation_ended ON invitation (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX api_key_expiring ON api_key (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX api_key_revoked ON api_key (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_key_retiring ON api_key (retires_at) WHERE retires_at IS NOT NULL;
CREATE INDEX boot_started ON boot (started_at);
