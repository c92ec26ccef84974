-- compatible_from: 6
-- Where the state of a sync is after `rollcall move-state` has moved it. Programs of versions 6 to 12 go on: they do not
-- know the new columns, and need not. A sync whose state is elsewhere has a lease here that does not end, so that they take
-- the sync for busy and begin no run of it.

-- How often the state had been moved when it came here; of several, the highest is the state.
ALTER TABLE rollcall_sync_leases ADD COLUMN moves INTEGER NOT NULL DEFAULT 0;
-- The state_id of where the state is, or is being moved to; NULL: it is here.
ALTER TABLE rollcall_sync_leases ADD COLUMN elsewhere_id TEXT;
-- The name of that warehouse, for messages.
ALTER TABLE rollcall_sync_leases ADD COLUMN elsewhere TEXT;

-- One row: what tells this state from every other one.
CREATE TABLE rollcall_state_identity (
    id        INTEGER PRIMARY KEY,                       -- 1
    state_id  TEXT NOT NULL                              -- a UUID
);
INSERT INTO rollcall_state_identity (id, state_id)
SELECT 1, lower(substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-8' || substr(h, 18, 3)
                || '-' || substr(h, 21))
  FROM (SELECT hex(randomblob(16)) AS h);

-- A state that was moved away is shown where it is.
DROP VIEW rollcall_latest_runs;
CREATE VIEW rollcall_latest_runs AS
    SELECT * FROM rollcall_sync_runs
     WHERE run_id IN (SELECT max(run_id) FROM rollcall_sync_runs GROUP BY sync_name)
       AND sync_name NOT IN (SELECT sync_name FROM rollcall_sync_leases WHERE elsewhere_id IS NOT NULL);
DROP VIEW rollcall_failed_records;
CREATE VIEW rollcall_failed_records AS
    SELECT l.sync_name, l.run_id, r.list_id, l.email, l.user_id, l.operation, l.error_code, l.error_reason,
           l.http_status, l.attempts, l.logged_at
      FROM rollcall_sync_log l LEFT JOIN rollcall_sync_runs r ON r.run_id = l.run_id
     WHERE l.status = 'failed'
       AND l.sync_name NOT IN (SELECT sync_name FROM rollcall_sync_leases WHERE elsewhere_id IS NOT NULL);
