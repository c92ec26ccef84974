-- compatible_from: 6
-- How the rows of each run were read, and what that cost. Programs of versions 6 to 13 go on: they read all rows, and leave the new
-- columns NULL.

-- all, grouped, changed or fallback, NULL where it was not noted; bytes that came from the database, NULL where they were not counted; seconds from
-- the first question about the rows to the last row; why they were read so.
ALTER TABLE rollcall_sync_runs ADD COLUMN read_mode TEXT;
ALTER TABLE rollcall_sync_runs ADD COLUMN read_bytes INTEGER;
ALTER TABLE rollcall_sync_runs ADD COLUMN read_seconds REAL;
ALTER TABLE rollcall_sync_runs ADD COLUMN read_reason TEXT;
