-- Waves and their rollouts. A rollout is one row and one bitmap, never a row a device; history only grows.

CREATE TABLE waves (
    wave_id UINTEGER NOT NULL,
    name VARCHAR NOT NULL,
    target_version INTEGER NOT NULL,
    tag VARCHAR NOT NULL,
    state VARCHAR NOT NULL,          -- active, complete or canceled
    revision INTEGER NOT NULL,       -- grows by one with every applied rollout or change of state
    document BLOB NOT NULL,          -- the targets role as it is signed; what it says never changes
    created_at BIGINT NOT NULL,
    created_by VARCHAR NOT NULL,
    finished_at BIGINT,
    finished_by VARCHAR
);

CREATE TABLE rollouts (
    wave_id UINTEGER NOT NULL,
    number INTEGER NOT NULL,         -- from 1 in each wave
    kind VARCHAR NOT NULL,           -- whole-group, sample, listed or sample-within-list
    applied_at BIGINT NOT NULL,
    applied_by VARCHAR NOT NULL,
    group_id UINTEGER,               -- the group itself; its name at the time stands in the selector
    selector VARCHAR NOT NULL,       -- JSON: what was asked for
    listed BLOB,                     -- the listed devices that the factory knew, as a portable Roaring bitmap
    whole_groups VARCHAR NOT NULL,   -- JSON: the groups rolled out whole before it, by their names at the time
    seed VARCHAR NOT NULL,
    selected_at BIGINT NOT NULL,     -- the instant that ages were counted to
    online_threshold BIGINT NOT NULL,
    half_life BIGINT NOT NULL,
    algorithm INTEGER NOT NULL,
    matching BIGINT NOT NULL,
    candidates BIGINT NOT NULL,
    wanted BIGINT NOT NULL,
    device_count BIGINT NOT NULL,
    devices BLOB NOT NULL,           -- the exact set, as a portable Roaring bitmap over ordinals
    digest VARCHAR NOT NULL
);
