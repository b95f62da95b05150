-- What version 3 of the store's tables has beside version 2: the ways by which a run is removed without reading
-- every other one.

CREATE INDEX run_by_parent ON run (parent_run) WHERE parent_run IS NOT NULL;
CREATE INDEX record_by_blob ON record (payload) WHERE typeof(payload) = 'blob';
CREATE INDEX value_of_blob ON value (key) WHERE store = '#blobs';
