-- compatible_from: 6
-- How the rows of each run were read, and what that cost. Programs of versions 6 to 13 go on: they read all rows, and leave the new
-- columns NULL.

ALTER TABLE sync_runs
    ADD COLUMN read_mode     text,              -- all, grouped, changed or fallback; NULL: it was not noted
    ADD COLUMN read_bytes    bigint,            -- bytes that came from the database; NULL: they were not counted
    ADD COLUMN read_seconds  double precision,  -- from the first question about the rows to the last row
    ADD COLUMN read_reason   text;              -- why they were read so

-- A view keeps the columns that its table had when it was made. A state that was moved away is shown where it is.
CREATE OR REPLACE VIEW latest_runs AS
    SELECT DISTINCT ON (r.sync_name) r.* FROM sync_runs r
     WHERE NOT EXISTS (SELECT FROM sync_leases s WHERE s.sync_name = r.sync_name AND s.elsewhere_id IS NOT NULL)
     ORDER BY r.sync_name, r.run_id DESC;
