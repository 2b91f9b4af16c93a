-- The first shape of a factory. A migration never changes once it has been released; the next one has the next number.
-- No index: the store is written in sets, and its invariants are proved by `groundswell check`, not row by row.

CREATE TABLE meta (
    key VARCHAR NOT NULL,
    value VARCHAR NOT NULL
);

-- A row for every device that ever was. `deleted` ones keep their uuid and their ordinal, and nothing else.
CREATE TABLE devices (
    ordinal UINTEGER NOT NULL,
    uuid UUID NOT NULL,
    name VARCHAR,
    group_id UINTEGER,
    tag_id UINTEGER,
    production BOOLEAN NOT NULL,
    last_seen UINTEGER,              -- seconds since 1970, UTC
    target_version INTEGER,
    hardware_id VARCHAR,
    deleted BOOLEAN NOT NULL
);

-- Ids are given once: a new group of an old name is another group.
CREATE TABLE groups (
    group_id UINTEGER NOT NULL,
    name VARCHAR NOT NULL,
    description VARCHAR NOT NULL,
    created_at BIGINT NOT NULL,
    created_by VARCHAR NOT NULL,
    updated_at BIGINT,
    updated_by VARCHAR
);

CREATE TABLE tags (
    tag_id UINTEGER NOT NULL,
    name VARCHAR NOT NULL
);

-- Root chains, as they are served. `repository` is ci or production.
CREATE TABLE roots (
    repository VARCHAR NOT NULL,
    role_version INTEGER NOT NULL,
    document BLOB NOT NULL
);

-- One row an installable thing; `document` is the canonical {custom, hashes, length}.
CREATE TABLE ci_targets (
    name VARCHAR NOT NULL,
    target_version INTEGER NOT NULL,
    hardware_id VARCHAR NOT NULL,
    document BLOB NOT NULL,
    added_at BIGINT NOT NULL,
    added_by VARCHAR NOT NULL
);

-- Targets roles by audience and tag, as they were signed: `repository` is ci or production.
CREATE TABLE targets_roles (
    repository VARCHAR NOT NULL,
    tag VARCHAR NOT NULL,
    role_version INTEGER NOT NULL,
    document BLOB NOT NULL
);

-- What is served now: for each variant of metadata one set of documents that belong together.
-- `variant` tells the documents of one tag apart: `tag` for the tag's own targets, `wave NAME` for those of a wave.
CREATE TABLE publications (
    repository VARCHAR NOT NULL,
    tag VARCHAR NOT NULL,
    variant VARCHAR NOT NULL,
    epoch INTEGER NOT NULL,
    targets BLOB NOT NULL,
    snapshot BLOB NOT NULL,
    "timestamp" BLOB NOT NULL
);
