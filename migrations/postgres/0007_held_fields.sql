-- compatible_from: 6
-- Which fields of a profile have a value because of a sync, so that they can be cleared. Programs of version 6 go on: they know no
-- syncs of users, and for lists and catalogs the new columns stay NULL.

ALTER TABLE sync_changes
    ADD COLUMN values_held      bytea,  -- a bit for each field that holds a value if the change succeeds; NULL: nothing is said of them
    ADD COLUMN values_in_doubt  bytea,  -- the same where it may have been carried out, or not
    ADD COLUMN error_code       text,   -- why the change is not sent; NULL: it is, or Iterable refused the record before
    ADD COLUMN error_reason     text;
ALTER TABLE stray_requests
    ADD COLUMN values_held  bytea;      -- values_in_doubt of the change

-- The names of the fields whose bits values_held has. A name keeps its place for ever.
CREATE TABLE field_places (
    sync_name  text NOT NULL,
    place      integer NOT NULL,        -- from 0, without gaps
    field      text NOT NULL,
    PRIMARY KEY (sync_name, place),
    UNIQUE (sync_name, field)
);
