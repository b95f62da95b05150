-- Version 1 of the store's tables. What an opened file has is compared with this text.
-- `sum` is a checksum over the other columns, so that damage is never read as data.

CREATE TABLE flow (
    hash TEXT NOT NULL UNIQUE,
    bundle BLOB NOT NULL,
    sum BLOB NOT NULL
) STRICT;

-- `nr` counts runs in order of creation.
CREATE TABLE run (
    nr INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    flow TEXT NOT NULL,
    hash TEXT NOT NULL,
    key TEXT,
    parent_run TEXT,
    parent_address TEXT,
    created_at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    next INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    error_address TEXT,
    error_code TEXT,
    error_message TEXT,
    sum BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX run_by_key ON run (flow, key) WHERE key IS NOT NULL;
CREATE INDEX run_by_flow ON run (flow);
CREATE INDEX run_by_status ON run (status);

-- `place` is the number of the run times 2^32 plus the position in its journal: one integer keeps a run's
-- records together and in order, and costs less than an index beside the table.
-- `payload` is the event's value: text when it is small, the digest of a blob when it is large.
CREATE TABLE record (
    place INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    payload ANY,
    sum BLOB NOT NULL
) STRICT;

CREATE TABLE blob (
    digest BLOB NOT NULL UNIQUE,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE value (
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    key TEXT NOT NULL,
    bytes BLOB NOT NULL,
    sum BLOB NOT NULL,
    UNIQUE (tenant, store, key)
) STRICT;
