-- compatible_from: 6
-- Items of catalogs that are read back after Iterable accepted them. Programs of versions 6 to 10 go on: they read none back, and the
-- new columns stay 0.

-- Items that are to be read back, of each run a few.
CREATE TABLE rollcall_item_checks (
    sync_name    TEXT NOT NULL,
    fingerprint  BLOB NOT NULL,        -- as rollcall_synced_records has it
    content      INTEGER NOT NULL,     -- as rollcall_synced_records had it; with another one there the check is void
    run_id       TEXT NOT NULL,        -- the run that put the item
    noted_at     TEXT NOT NULL,
    accepted_at  TEXT,                 -- when Iterable had accepted it; NULL: that was not recorded
    has_failed   INTEGER NOT NULL,     -- whether the item was put again because it was not as it had been put
    PRIMARY KEY (sync_name, fingerprint, content)
) WITHOUT ROWID;

-- Items that were read back and are as they were put, and those that are not.
ALTER TABLE rollcall_sync_runs ADD COLUMN items_verified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollcall_sync_runs ADD COLUMN items_not_verified INTEGER NOT NULL DEFAULT 0;
