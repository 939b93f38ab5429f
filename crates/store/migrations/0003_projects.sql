-- Projects as people work in them: who is in one, who is asked to be, what it was called, and what was done.

ALTER TABLE project ADD COLUMN description TEXT NOT NULL DEFAULT '';
-- The name of a blob, and its media type.
ALTER TABLE project ADD COLUMN logo TEXT;
ALTER TABLE project ADD COLUMN logo_type TEXT;
-- Both or neither: a deleted project is hidden until it is restored or, from `purge_at` on, purged.
ALTER TABLE project ADD COLUMN deleted_at BIGINT;
ALTER TABLE project ADD COLUMN purge_at BIGINT;
-- Counts the edits of people, for those who edit at the same time.
ALTER TABLE project ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
CREATE INDEX project_to_purge ON project (purge_at) WHERE purge_at IS NOT NULL;

-- A former slug of a project. It yields as soon as another project takes the slug.
CREATE TABLE former_slug (
    slug TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES project (id),
    since BIGINT NOT NULL
) /*clustered*/;
CREATE INDEX former_slug_of_project ON former_slug (project, since);

-- Every row names an owner of its project, an owner's row itself or another one: so a project with members has an
-- owner, whoever writes, and two who write at the same time. See docs/decisions.
CREATE TABLE membership (
    project TEXT NOT NULL REFERENCES project (id),
    user_id TEXT NOT NULL REFERENCES account (id),
    role TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    joined_at BIGINT NOT NULL,
    owner TEXT NOT NULL,
    owner_role TEXT NOT NULL CHECK (owner_role = 'owner'),
    PRIMARY KEY (project, user_id),
    UNIQUE (project, user_id, role),
    FOREIGN KEY (project, owner, owner_role) REFERENCES membership (project, user_id, role)
);
CREATE INDEX membership_newest ON membership (project, joined_at, user_id);
CREATE INDEX membership_under_owner ON membership (project, owner, owner_role);
CREATE INDEX membership_of_user ON membership (user_id, project);

-- The project that a person worked in last.
CREATE TABLE last_project (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES account (id),
    project TEXT NOT NULL REFERENCES project (id),
    at BIGINT NOT NULL
) /*clustered*/;
CREATE INDEX last_project_of_project ON last_project (project);

CREATE TABLE invitation (
    id TEXT NOT NULL PRIMARY KEY,
    project TEXT NOT NULL REFERENCES project (id),
    email TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
    inviter TEXT NOT NULL,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX invitation_pending ON invitation (project, email) WHERE status = 'pending';
CREATE INDEX invitation_newest ON invitation (project, created_at, id);
CREATE INDEX invitation_of_email ON invitation (email, created_at, id) WHERE status = 'pending';
CREATE INDEX invitation_expiring ON invitation (expires_at) WHERE status = 'pending';

-- What was done, by whom. `scope` is a project or `installation`. Outlives what it tells of.
CREATE TABLE audit_entry (
    id TEXT NOT NULL PRIMARY KEY,
    scope TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_newest ON audit_entry (scope, at, id);
CREATE INDEX audit_newest_of_actor ON audit_entry (scope, actor, at, id);
CREATE INDEX audit_newest_of_action ON audit_entry (scope, action, at, id);
CREATE INDEX audit_oldest ON audit_entry (at);
