-- compatible_from: 6
-- Which fields of a profile have a value because of a sync, so that they can be cleared. Programs of version 6 go on: they know no
-- syncs of users, and for lists and catalogs the new columns stay NULL.

-- A bit for each field that holds a value if the change succeeds; NULL: nothing is said of them.
ALTER TABLE rollcall_sync_changes ADD COLUMN values_held BLOB;
ALTER TABLE rollcall_sync_changes ADD COLUMN values_in_doubt BLOB;  -- the same where it may have been carried out, or not
-- Why the change is not sent; NULL: it is, or Iterable refused the record before.
ALTER TABLE rollcall_sync_changes ADD COLUMN error_code TEXT;
ALTER TABLE rollcall_sync_changes ADD COLUMN error_reason TEXT;
ALTER TABLE rollcall_stray_requests ADD COLUMN values_held BLOB;  -- values_in_doubt of the change

-- The names of the fields whose bits values_held has. A name keeps its place for ever.
CREATE TABLE rollcall_field_places (
    sync_name  TEXT NOT NULL,
    place      INTEGER NOT NULL,        -- from 0, without gaps
    field      TEXT NOT NULL,
    PRIMARY KEY (sync_name, place),
    UNIQUE (sync_name, field)
) WITHOUT ROWID;
