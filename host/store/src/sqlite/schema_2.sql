-- What version 2 of the store's tables has beside version 1.

-- What the entries of a space take. Derived: a row that is missing is counted anew.
CREATE TABLE used (
    tenant TEXT NOT NULL,
    store TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sum BLOB NOT NULL,
    UNIQUE (tenant, store)
) STRICT;
