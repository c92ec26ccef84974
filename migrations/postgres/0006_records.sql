-- compatible_from: 6
-- needs: stop. Processes of versions before 6 count runs in sync_runs alone.
-- Room for syncs of every kind: lists, users, events and catalogs.

-- What rows may say is held by the program and its tests; these would refuse the operations and balances of other kinds.
ALTER TABLE sync_runs
    DROP CONSTRAINT IF EXISTS sync_runs_trigger_check,
    DROP CONSTRAINT IF EXISTS sync_runs_status_check,
    DROP CONSTRAINT IF EXISTS rows_balance,
    DROP CONSTRAINT IF EXISTS records_balance;
ALTER TABLE sync_log
    DROP CONSTRAINT IF EXISTS sync_log_operation_check,
    DROP CONSTRAINT IF EXISTS sync_log_status_check;
ALTER TABLE list_members DROP CONSTRAINT IF EXISTS list_members_state_check;
ALTER TABLE sync_changes
    DROP CONSTRAINT IF EXISTS sync_changes_kind_check,
    DROP CONSTRAINT IF EXISTS sync_changes_operation_check;
ALTER TABLE settling_requests DROP CONSTRAINT IF EXISTS settling_requests_operation_check;
ALTER TABLE stray_requests DROP CONSTRAINT IF EXISTS stray_requests_operation_check;

ALTER TABLE sync_runs
    ADD COLUMN kind           text NOT NULL DEFAULT 'list',  -- list, users, events or catalog
    ADD COLUMN target         text,                          -- name of the list, catalog or event, 'users' or 'events'
    ADD COLUMN rows_excluded  bigint NOT NULL DEFAULT 0,
    ADD COLUMN waiting        bigint NOT NULL DEFAULT 0,
    ADD COLUMN counts         jsonb NOT NULL DEFAULT '{}';   -- {operation: {planned, succeeded, failed, not_attempted, unknown}}
ALTER TABLE sync_log
    ADD COLUMN record_key  text,
    ADD COLUMN item_id     text,
    ADD COLUMN event_name  text,
    ADD COLUMN event_id    text;
ALTER TABLE list_members
    ADD COLUMN content  bigint;         -- keyed hash of the fields that were sent; NULL: none
ALTER TABLE sync_changes
    ADD COLUMN record_key  text,
    ADD COLUMN item_id     text,
    ADD COLUMN content     bigint,      -- keyed hash of the payload
    ADD COLUMN payload     bytea,       -- the record as it is sent
    ADD COLUMN logged_key  text;        -- how the log shows the key, where that differs
ALTER TABLE settling_requests
    ALTER COLUMN list_id DROP NOT NULL,
    ADD COLUMN fingerprint  uuid,
    ADD COLUMN content      bigint;
ALTER TABLE stray_requests
    ALTER COLUMN list_id DROP NOT NULL,
    ADD COLUMN kind        text NOT NULL DEFAULT 'list',
    ADD COLUMN record_key  text,
    ADD COLUMN item_id     text,
    ADD COLUMN content     bigint;
ALTER TABLE schema_migrations
    ADD COLUMN compatible_from  integer;  -- the oldest version whose programs can work with this one
ALTER TABLE sync_state
    ADD COLUMN mapping_hash   text,         -- of the mapping that the sync's records were last sent with
    ADD COLUMN last_write_at  timestamptz;  -- when a request that Iterable carries out later was last sent

-- Earlier runs counted what was not attempted and what is unknown for both operations together: what is unknown is taken for
-- subscribes first. The name of a run's list is known where the sync still keeps that list.
UPDATE sync_runs r SET
    target = (SELECT s.list_name FROM sync_state s WHERE s.sync_name = r.sync_name AND s.list_id = r.list_id),
    counts = jsonb_build_object(
        'subscribe', jsonb_build_object(
            'planned', r.planned_subscribe, 'succeeded', r.succeeded_subscribe, 'failed', r.failed_subscribe,
            'not_attempted', LEAST(r.not_attempted, c.others - c.unknown), 'unknown', c.unknown),
        'unsubscribe', jsonb_build_object(
            'planned', r.planned_unsubscribe, 'succeeded', r.succeeded_unsubscribe, 'failed', r.failed_unsubscribe,
            'not_attempted', r.not_attempted - LEAST(r.not_attempted, c.others - c.unknown),
            'unknown', r.unknown - c.unknown))
  FROM (SELECT run_id, others, LEAST(unknown, others) AS unknown
          FROM (SELECT o.run_id, o.unknown,
                       -- Subscribes with another outcome than success or failure; those of a run under way may still get one.
                       GREATEST(0, o.planned_subscribe - o.succeeded_subscribe - o.failed_subscribe
                           - CASE WHEN o.status IN ('queued', 'running') THEN (
                                 SELECT count(*) FROM sync_changes s
                                  WHERE s.run_id = o.run_id AND s.operation = 'subscribe' AND s.kind IN ('send', 'parked'))
                             ELSE 0 END) AS others
                  FROM sync_runs o) AS counted) AS c
 WHERE c.run_id = r.run_id;

-- What Iterable acknowledged of syncs of users and catalogs.
CREATE TABLE synced_records (
    sync_name     text NOT NULL,
    kind          text NOT NULL,
    fingerprint   uuid NOT NULL,        -- keyed hash of the record's key
    record_key    text NOT NULL,
    email         text,
    user_id       text,
    item_id       text,
    content       bigint NOT NULL,      -- keyed hash of the object as it was last sent
    values_held   bytea,                -- a bit for each field that held a value then
    state         text NOT NULL,        -- synced, sending, removing, rejected or waiting
    owned         boolean NOT NULL,     -- may be in Iterable because of this sync
    since_run_id  uuid NOT NULL,
    since         timestamptz NOT NULL,
    error_code    text,
    error_reason  text,
    http_status   integer,
    PRIMARY KEY (sync_name, kind, fingerprint)
);

-- The events that a sync has seen.
CREATE TABLE synced_events (
    sync_name  text NOT NULL,
    event_key  uuid NOT NULL,           -- keyed hash of the values of the key
    event_id   text,                    -- as sent; NULL for what was skipped
    content    bigint,
    state      text NOT NULL,           -- sent, sending, skipped, waiting or rejected
    run_id     uuid NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (sync_name, event_key)
);

-- How far a sync of events has read.
CREATE TABLE sync_cursors (
    sync_name      text PRIMARY KEY,
    column_name    text NOT NULL,
    watermark      text,
    last_sweep_at  timestamptz,
    late_rows      bigint NOT NULL DEFAULT 0
);

-- The fields that Iterable has, as far as syncs know.
CREATE TABLE destination_fields (
    destination     text NOT NULL,
    scope           text NOT NULL,      -- users, event:NAME or catalog:NAME
    field           text NOT NULL,
    type            text NOT NULL,
    first_seen      timestamptz NOT NULL,
    created_by_run  uuid,
    PRIMARY KEY (destination, scope, field)
);

-- A view keeps the columns that its table had when it was made.
CREATE OR REPLACE VIEW latest_runs AS
    SELECT DISTINCT ON (sync_name) * FROM sync_runs ORDER BY sync_name, run_id DESC;

-- What each run did, by operation.
CREATE VIEW sync_run_counts AS
    SELECT r.run_id, c.key AS operation, (c.value ->> 'planned')::bigint AS planned,
           (c.value ->> 'succeeded')::bigint AS succeeded, (c.value ->> 'failed')::bigint AS failed,
           (c.value ->> 'not_attempted')::bigint AS not_attempted, (c.value ->> 'unknown')::bigint AS unknown
      FROM sync_runs r CROSS JOIN LATERAL jsonb_each(r.counts) AS c (key, value);
