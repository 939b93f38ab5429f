-- Mail on its way: written with what causes it, sent afterwards, and gone soon after that.

CREATE TABLE mail (
    id TEXT NOT NULL PRIMARY KEY,
    -- Which message it is, for logs and numbers.
    kind TEXT NOT NULL,
    -- Whose account it is about, so that it goes with the account.
    account TEXT REFERENCES account (id),
    status TEXT NOT NULL,
    -- To whom, and what it says, links and all: ciphertext. NULL once it has ended.
    sealed TEXT,
    sealed_with TEXT,
    -- How often it was claimed.
    attempt BIGINT NOT NULL,
    due BIGINT NOT NULL,
    owner TEXT,
    lease_until BIGINT,
    created_at BIGINT NOT NULL,
    -- From when on nobody wants it any more.
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    -- What went wrong last.
    reason TEXT
) /*clustered*/;
CREATE INDEX mail_waiting ON mail (due, id) WHERE status = 'waiting';
CREATE INDEX mail_expiring ON mail (expires_at) WHERE status = 'waiting';
CREATE INDEX mail_sending ON mail (lease_until) WHERE status = 'sending';
CREATE INDEX mail_ended ON mail (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX mail_of_account ON mail (account) WHERE account IS NOT NULL;
