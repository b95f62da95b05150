-- What version 4 of the store's tables has beside version 3: inboxes of runs, and what runs wait for.

-- `nr` counts letters in the order in which they came. One that was taken keeps its id and loses its body, so that the
-- same letter is known again.
CREATE TABLE letter (
    nr INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    id TEXT NOT NULL,
    sender TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT,
    sum BLOB NOT NULL,
    UNIQUE (run, id)
) STRICT;

CREATE INDEX letter_to_take ON letter (run, nr) WHERE body IS NOT NULL;

-- Derived from the records. `address` is empty for a deadline of the run.
CREATE TABLE wait (
    run INTEGER NOT NULL,
    address TEXT NOT NULL,
    until INTEGER,
    since INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    task INTEGER NOT NULL,
    body TEXT NOT NULL,
    sum BLOB NOT NULL,
    UNIQUE (run, address)
) STRICT;

CREATE INDEX wait_by_until ON wait (until) WHERE until IS NOT NULL;
CREATE INDEX wait_by_task ON wait (run) WHERE task = 1;
