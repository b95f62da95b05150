-- What version 5 of the store's tables has beside version 4: runs that do not get on, and letters that nobody took.

-- A run without a row is in no trouble. It goes with the end of its run.
CREATE TABLE trouble (
    run INTEGER PRIMARY KEY,
    tries INTEGER NOT NULL,
    records INTEGER NOT NULL,
    at INTEGER NOT NULL,
    aside INTEGER NOT NULL,
    why TEXT NOT NULL,
    sum BLOB NOT NULL
) STRICT;

CREATE INDEX trouble_aside ON trouble (run) WHERE aside = 1;

-- A letter as it was in the inbox of its run, with the same checksum, once its run has ended without taking it: what
-- can still be taken is found without going through what never will be.
CREATE TABLE undelivered (
    nr INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    id TEXT NOT NULL,
    sender TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    sum BLOB NOT NULL
) STRICT;

CREATE INDEX undelivered_to ON undelivered (run);

INSERT INTO undelivered SELECT l.nr, l.run, l.id, l.sender, l.at, l.body, l.sum
    FROM letter l JOIN run r ON r.nr = l.run WHERE l.body IS NOT NULL AND r.status IN (1, 2, 3);
DELETE FROM letter WHERE nr IN (SELECT nr FROM undelivered);
