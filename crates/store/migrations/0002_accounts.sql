-- Accounts: people, where they are signed in, links sent to them, and how often somebody tried in vain.

-- `user` is a reserved word of PostgreSQL. A row stays when its account is deleted, without anything personal: what the
-- person did is still recorded under the identifier.
CREATE TABLE account (
    id TEXT NOT NULL PRIMARY KEY,
    -- In lower case; NULL once deleted.
    email TEXT UNIQUE,
    email_verified_at BIGINT,
    name TEXT NOT NULL,
    standing TEXT NOT NULL,
    -- A hash in PHC form; NULL for those who sign in otherwise.
    password TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX account_operator ON account (created_at, id) WHERE standing = 'operator';

CREATE TABLE session (
    id TEXT NOT NULL PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id),
    delivery TEXT NOT NULL,
    device TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    -- From when on it is worth nothing, used or not.
    expires_at BIGINT NOT NULL,
    -- From when on it is worth nothing if it is not used again; never after `expires_at`.
    ends_at BIGINT NOT NULL
);
CREATE INDEX session_of_account ON session (account, created_at, id);
CREATE INDEX session_ending ON session (ends_at);

-- The tokens themselves are nowhere: only their SHA-256. A session has one, and for a moment also the one before.
CREATE TABLE session_token (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    -- Set when the next one took its place.
    ends_at BIGINT
) /*clustered*/;
CREATE INDEX session_token_of_session ON session_token (session);
CREATE INDEX session_token_ending ON session_token (ends_at) WHERE ends_at IS NOT NULL;

CREATE TABLE one_time_token (
    token_sha256 TEXT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    -- NULL where the account does not exist yet.
    account TEXT REFERENCES account (id),
    -- What is being proved: that its reader reads the mail of this address.
    email TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    body TEXT NOT NULL
) /*clustered*/;
CREATE INDEX one_time_token_of_email ON one_time_token (email, purpose);
CREATE INDEX one_time_token_ending ON one_time_token (expires_at);

-- One number for each thing that is throttled: the moment at which it will be as if nothing had happened. The key is
-- a hash, since what is typed into a sign-in form may be anything.
CREATE TABLE throttle (
    key TEXT NOT NULL PRIMARY KEY,
    clear_at BIGINT NOT NULL
) /*clustered*/;
CREATE INDEX throttle_clear ON throttle (clear_at);
