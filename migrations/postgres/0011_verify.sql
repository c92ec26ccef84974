-- compatible_from: 6
-- Items of catalogs that are read back after Iterable accepted them. Programs of versions 6 to 10 go on: they read none back, and the
-- new columns stay 0.

-- Items that are to be read back, of each run a few.
CREATE TABLE item_checks (
    sync_name    text NOT NULL,
    fingerprint  uuid NOT NULL,            -- as synced_records has it
    content      bigint NOT NULL,          -- as synced_records had it; with another one there the check is void
    run_id       uuid NOT NULL,            -- the run that put the item
    noted_at     timestamptz NOT NULL,
    accepted_at  timestamptz,              -- when Iterable had accepted it; NULL: that was not recorded
    has_failed   boolean NOT NULL,         -- whether the item was put again because it was not as it had been put
    PRIMARY KEY (sync_name, fingerprint, content)
);

ALTER TABLE sync_runs
    ADD COLUMN items_verified      bigint NOT NULL DEFAULT 0,  -- items that were read back and are as they were put
    ADD COLUMN items_not_verified  bigint NOT NULL DEFAULT 0;  -- items that were read back and are not

-- A view keeps the columns that its table had when it was made.
CREATE OR REPLACE VIEW latest_runs AS
    SELECT DISTINCT ON (sync_name) * FROM sync_runs ORDER BY sync_name, run_id DESC;
