-- compatible_from: 6
-- Where the state of a sync is after `rollcall move-state` has moved it. Programs of versions 6 to 12 go on: they do not
-- know the new columns, and need not. A sync whose state is elsewhere has a lease here that does not end, so that they take
-- the sync for busy and begin no run of it.

ALTER TABLE sync_leases
    -- How often the state had been moved when it came here; of several, the highest is the state.
    ADD COLUMN moves         bigint NOT NULL DEFAULT 0,
    -- The state_id of where the state is, or is being moved to; NULL: it is here.
    ADD COLUMN elsewhere_id  uuid,
    -- The name of that warehouse, for messages.
    ADD COLUMN elsewhere     text;

-- One row: what tells this state from every other one.
CREATE TABLE state_identity (
    id        integer PRIMARY KEY,                       -- 1
    state_id  uuid NOT NULL
);
INSERT INTO state_identity (id, state_id) VALUES (1, gen_random_uuid());

-- A state that was moved away is shown where it is.
CREATE OR REPLACE VIEW failed_records AS
    SELECT l.sync_name, l.run_id, r.list_id, l.email, l.user_id, l.operation, l.error_code, l.error_reason,
           l.http_status, l.attempts, l.logged_at
      FROM sync_log l LEFT JOIN sync_runs r ON r.run_id = l.run_id
     WHERE l.status = 'failed'
       AND NOT EXISTS (SELECT FROM sync_leases s WHERE s.sync_name = l.sync_name AND s.elsewhere_id IS NOT NULL);
