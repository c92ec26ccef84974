-- compatible_from: 6
-- Syncs of events: what was sent, what is still to be sent, and how far the source was read. Programs of versions 6 and 7 go on: they
-- know no syncs of events, and for other kinds the new columns stay NULL, or 0.

-- Whether people were acknowledged is asked by the thousand. First what takes its time, then what locks the tables of runs.
CREATE INDEX synced_records_by_email ON synced_records (sync_name, email) WHERE email IS NOT NULL;
CREATE INDEX synced_records_by_user_id ON synced_records (sync_name, user_id) WHERE user_id IS NOT NULL;

ALTER TABLE synced_events
    ADD COLUMN position      bigint,       -- the furthest of its row, by the cursor: microseconds since 1970, or the number
    -- Of what is sending, waiting or rejected:
    ADD COLUMN record_key    text,
    ADD COLUMN email         text,
    ADD COLUMN user_id       text,
    ADD COLUMN event_name    text,
    ADD COLUMN payload       bytea,        -- the event as it is sent
    ADD COLUMN happened      bigint,       -- what orders the events of one person
    ADD COLUMN first_seen    timestamptz,
    ADD COLUMN error_code    text,         -- why it waits, or was refused
    ADD COLUMN error_reason  text,
    ADD COLUMN http_status   integer;
CREATE INDEX synced_events_by_position ON synced_events (sync_name, position);
CREATE INDEX synced_events_by_id ON synced_events (sync_name, event_id) WHERE event_id IS NOT NULL;
-- Few of millions.
CREATE INDEX synced_events_unsent ON synced_events (sync_name, state, event_key)
    WHERE state IN ('sending', 'waiting', 'rejected');

ALTER TABLE sync_cursors
    ADD COLUMN state          text,        -- JSON: the whole cursor; NULL: nothing was read yet
    ADD COLUMN staged_run_id  uuid,        -- the run whose end moves the cursor
    ADD COLUMN staged         text;        -- JSON: where to

ALTER TABLE sync_changes
    ADD COLUMN event_id     text,
    ADD COLUMN event_name   text,
    ADD COLUMN position     bigint,
    ADD COLUMN happened     bigint,
    ADD COLUMN first_seen   timestamptz,
    ADD COLUMN was_waiting  boolean;       -- whether it was known to wait before
ALTER TABLE sync_runs
    ADD COLUMN late  bigint NOT NULL DEFAULT 0;  -- events that lay before what a run usually reads

-- A view keeps the columns that its table had when it was made.
CREATE OR REPLACE VIEW latest_runs AS
    SELECT DISTINCT ON (sync_name) * FROM sync_runs ORDER BY sync_name, run_id DESC;
