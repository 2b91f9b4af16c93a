-- What calls returned that must not happen twice. A repeated call is answered from its row; rows are kept for ever.

CREATE TABLE requests (
    kind VARCHAR NOT NULL,           -- request: the key was chosen by the caller; plan: the key is the seal of a plan
    key VARCHAR NOT NULL,
    made_at BIGINT NOT NULL,
    made_by VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,    -- SHA-256 over what was requested, in hex
    wave_id UINTEGER NOT NULL,
    number INTEGER,                  -- the rollout that it became; NULL if it left no history
    result VARCHAR NOT NULL,         -- JSON: the result without its devices
    devices BLOB,                    -- the devices of the result in its order: ordinals, 32 bits, little-endian
    listed BLOB                      -- the listed devices in the same form; NULL if no list was given
);
