-- Mappings of columns that imports use by name.

CREATE TABLE mappings (
    name VARCHAR NOT NULL,
    mapping VARCHAR NOT NULL,        -- JSON: columns (canonical name -> source), rows_at, uuid5
    saved_at BIGINT NOT NULL,
    saved_by VARCHAR NOT NULL
);
