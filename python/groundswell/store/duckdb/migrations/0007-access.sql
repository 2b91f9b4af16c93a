-- Users of the API and their tokens. Neither is ever removed: history names them.

CREATE TABLE users (
    user_id UINTEGER NOT NULL,       -- from 1, given once
    name VARCHAR NOT NULL,
    created_at BIGINT NOT NULL,
    created_by VARCHAR NOT NULL,
    disabled_at BIGINT               -- NULL while the user may work
);

-- Only the digest of a token is stored; the token itself is shown once.
CREATE TABLE tokens (
    token_id VARCHAR NOT NULL,       -- the first characters of the digest; shown in lists and in the audit log
    digest VARCHAR NOT NULL,         -- SHA-256 of the token, in hex
    user_id UINTEGER NOT NULL,
    scopes VARCHAR NOT NULL,         -- JSON: a list of scopes
    group_ids VARCHAR,               -- JSON: the groups that it may roll out to; NULL for no limit
    created_at BIGINT NOT NULL,
    created_by VARCHAR NOT NULL,
    expires_at BIGINT,               -- NULL: never
    revoked_at BIGINT                -- NULL while it is valid
);
