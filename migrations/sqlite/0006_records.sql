-- compatible_from: 6
-- needs: stop. Processes of versions before 6 count runs in rollcall_sync_runs alone.
-- Room for syncs of every kind: lists, users, events and catalogs.

-- What rows may say is held by the program and its tests; these would refuse the operations and balances of other kinds.
-- SQLite has no statement that drops a CHECK. Rows do not depend on it, so that it may be taken out of the schema's text, as
-- sqlite.org/lang_altertable.html says in section 7; a copy of the tables would take minutes and twice the room.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(replace(replace(sql,
    ' CHECK ("trigger" IN (''manual'', ''schedule'', ''api''))', ''),
    ' CHECK (status IN (''queued'', ''running'', ''succeeded'', ''completed_with_failures'',
                               ''failed'', ''held'', ''cancelled'', ''skipped'', ''interrupted''))', ''),
    ',
    CONSTRAINT rows_balance CHECK (status IN (''queued'', ''running'')
        OR rows_read = rows_invalid + rows_duplicate + audience_size)', ''),
    ',
    CONSTRAINT records_balance CHECK (status IN (''queued'', ''running'')
        OR planned_subscribe + planned_unsubscribe = succeeded_subscribe + succeeded_unsubscribe
         + failed_subscribe + failed_unsubscribe + not_attempted + unknown)', ''),
    ' CHECK (status IN (''succeeded'', ''failed'', ''unknown'', ''not_attempted''))', '')
 WHERE type = 'table' AND name IN ('rollcall_sync_runs', 'rollcall_sync_log');
UPDATE sqlite_schema SET sql = replace(replace(replace(replace(replace(replace(sql,
    ' CHECK (operation IN (''subscribe'', ''unsubscribe'', ''validate''))', ''),
    ' CHECK (operation IN (''subscribe'', ''unsubscribe''))', ''),
    ' CHECK (kind IN (''send'', ''parked'', ''forget'', ''supersede''))', ''),
    ' CHECK (state IN (''subscribed'', ''subscribing'', ''unsubscribing'', ''rejected''))', ''),
    'list_id     INTEGER NOT NULL', 'list_id     INTEGER'),
    'list_id      INTEGER NOT NULL', 'list_id      INTEGER')
 WHERE type = 'table' AND name IN ('rollcall_sync_log', 'rollcall_list_members', 'rollcall_sync_changes',
                                   'rollcall_settling_requests', 'rollcall_stray_requests');
PRAGMA writable_schema = RESET;

ALTER TABLE rollcall_sync_runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'list';  -- list, users, events or catalog
ALTER TABLE rollcall_sync_runs ADD COLUMN target TEXT;  -- name of the list, catalog or event, 'users' or 'events'
ALTER TABLE rollcall_sync_runs ADD COLUMN rows_excluded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollcall_sync_runs ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rollcall_sync_runs ADD COLUMN counts TEXT NOT NULL DEFAULT '{}';  -- {operation: {planned, succeeded, failed, …}}
ALTER TABLE rollcall_sync_log ADD COLUMN record_key TEXT;
ALTER TABLE rollcall_sync_log ADD COLUMN item_id TEXT;
ALTER TABLE rollcall_sync_log ADD COLUMN event_name TEXT;
ALTER TABLE rollcall_sync_log ADD COLUMN event_id TEXT;
ALTER TABLE rollcall_list_members ADD COLUMN content INTEGER;  -- keyed hash of the fields that were sent; NULL: none
ALTER TABLE rollcall_sync_changes ADD COLUMN record_key TEXT;
ALTER TABLE rollcall_sync_changes ADD COLUMN item_id TEXT;
ALTER TABLE rollcall_sync_changes ADD COLUMN content INTEGER;  -- keyed hash of the payload
ALTER TABLE rollcall_sync_changes ADD COLUMN payload BLOB;  -- the record as it is sent
ALTER TABLE rollcall_sync_changes ADD COLUMN logged_key TEXT;  -- how the log shows the key, where that differs
ALTER TABLE rollcall_settling_requests ADD COLUMN fingerprint BLOB;
ALTER TABLE rollcall_settling_requests ADD COLUMN content INTEGER;
ALTER TABLE rollcall_stray_requests ADD COLUMN kind TEXT NOT NULL DEFAULT 'list';
ALTER TABLE rollcall_stray_requests ADD COLUMN record_key TEXT;
ALTER TABLE rollcall_stray_requests ADD COLUMN item_id TEXT;
ALTER TABLE rollcall_stray_requests ADD COLUMN content INTEGER;
ALTER TABLE rollcall_schema_migrations ADD COLUMN compatible_from INTEGER;  -- the oldest version whose programs can work with it
ALTER TABLE rollcall_sync_state ADD COLUMN mapping_hash TEXT;  -- of the mapping that the sync's records were last sent with
ALTER TABLE rollcall_sync_state ADD COLUMN last_write_at TEXT;  -- when a request that Iterable carries out later was last sent

-- Earlier runs counted what was not attempted and what is unknown for both operations together: what is unknown is taken for
-- subscribes first. The name of a run's list is known where the sync still keeps that list.
UPDATE rollcall_sync_runs SET
    target = (SELECT s.list_name FROM rollcall_sync_state s
               WHERE s.sync_name = rollcall_sync_runs.sync_name AND s.list_id = rollcall_sync_runs.list_id),
    counts = (
        SELECT json_object(
            'subscribe', json_object(
                'planned', planned_subscribe, 'succeeded', succeeded_subscribe, 'failed', failed_subscribe,
                'not_attempted', min(not_attempted, c.others - c.unknown), 'unknown', c.unknown),
            'unsubscribe', json_object(
                'planned', planned_unsubscribe, 'succeeded', succeeded_unsubscribe, 'failed', failed_unsubscribe,
                'not_attempted', not_attempted - min(not_attempted, c.others - c.unknown),
                'unknown', rollcall_sync_runs.unknown - c.unknown))
          FROM (SELECT o.others, min(rollcall_sync_runs.unknown, o.others) AS unknown
                  FROM (-- Subscribes with another outcome than success or failure; those of a run under way may still get one.
                        SELECT max(0, planned_subscribe - succeeded_subscribe - failed_subscribe
                                   - CASE WHEN status IN ('queued', 'running') THEN (
                                         SELECT count(*) FROM rollcall_sync_changes s
                                          WHERE s.run_id = rollcall_sync_runs.run_id AND s.operation = 'subscribe'
                                            AND s.kind IN ('send', 'parked'))
                                     ELSE 0 END) AS others) AS o) AS c);

-- What Iterable acknowledged of syncs of users and catalogs.
CREATE TABLE rollcall_synced_records (
    sync_name     TEXT NOT NULL,
    kind          TEXT NOT NULL,
    fingerprint   BLOB NOT NULL,        -- keyed hash of the record's key, 16 bytes
    record_key    TEXT NOT NULL,
    email         TEXT,
    user_id       TEXT,
    item_id       TEXT,
    content       INTEGER NOT NULL,     -- keyed hash of the object as it was last sent
    values_held   BLOB,                 -- a bit for each field that held a value then
    state         TEXT NOT NULL,        -- synced, sending, removing, rejected or waiting
    owned         INTEGER NOT NULL,     -- may be in Iterable because of this sync
    since_run_id  TEXT NOT NULL,
    since         TEXT NOT NULL,
    error_code    TEXT,
    error_reason  TEXT,
    http_status   INTEGER,
    PRIMARY KEY (sync_name, kind, fingerprint)
) WITHOUT ROWID;

-- The events that a sync has seen.
CREATE TABLE rollcall_synced_events (
    sync_name  TEXT NOT NULL,
    event_key  BLOB NOT NULL,           -- keyed hash of the values of the key, 16 bytes
    event_id   TEXT,                    -- as sent; NULL for what was skipped
    content    INTEGER,
    state      TEXT NOT NULL,           -- sent, sending, skipped, waiting or rejected
    run_id     TEXT NOT NULL,
    at         TEXT NOT NULL,
    PRIMARY KEY (sync_name, event_key)
) WITHOUT ROWID;

-- How far a sync of events has read.
CREATE TABLE rollcall_sync_cursors (
    sync_name      TEXT PRIMARY KEY,
    column_name    TEXT NOT NULL,
    watermark      TEXT,
    last_sweep_at  TEXT,
    late_rows      INTEGER NOT NULL DEFAULT 0
);

-- The fields that Iterable has, as far as syncs know.
CREATE TABLE rollcall_destination_fields (
    destination     TEXT NOT NULL,
    scope           TEXT NOT NULL,      -- users, event:NAME or catalog:NAME
    field           TEXT NOT NULL,
    type            TEXT NOT NULL,
    first_seen      TEXT NOT NULL,
    created_by_run  TEXT,
    PRIMARY KEY (destination, scope, field)
) WITHOUT ROWID;

-- What each run did, by operation.
CREATE VIEW rollcall_sync_run_counts AS
    SELECT r.run_id, c.key AS operation, json_extract(c.value, '$.planned') AS planned,
           json_extract(c.value, '$.succeeded') AS succeeded, json_extract(c.value, '$.failed') AS failed,
           json_extract(c.value, '$.not_attempted') AS not_attempted, json_extract(c.value, '$.unknown') AS unknown
      FROM rollcall_sync_runs r, json_each(r.counts) c;
