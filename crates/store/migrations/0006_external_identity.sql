-- People whom outside providers vouch for: whose account each is, sign-ins that are under way, and who has left.

-- The provider's name for a person, and the account that is theirs here.
CREATE TABLE outside_identity (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    account TEXT NOT NULL REFERENCES account (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
) /*clustered*/;
CREATE INDEX outside_identity_of_account ON outside_identity (account);

-- Both secrets of a sign-in are with the browser; here is only what they make together.
CREATE TABLE pending_sign_in (
    fingerprint TEXT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    redirect_to TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) /*clustered*/;
CREATE INDEX pending_sign_in_ending ON pending_sign_in (expires_at);

-- People who are gone at their provider, by a hash: tokens of theirs may still be under way.
CREATE TABLE departed_identity (
    identity_sha256 TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
) /*clustered*/;
CREATE INDEX departed_identity_ending ON departed_identity (expires_at);

-- Messages of providers that were heeded: each comes again until its answer arrives.
CREATE TABLE heeded_webhook (
    id TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
) /*clustered*/;
CREATE INDEX heeded_webhook_ending ON heeded_webhook (expires_at);
