-- compatible_from: 6
-- Syncs of events: what was sent, what is still to be sent, and how far the source was read. Programs of versions 6 and 7 go on: they
-- know no syncs of events, and for other kinds the new columns stay NULL, or 0.

-- Whether people were acknowledged is asked by the thousand.
CREATE INDEX rollcall_synced_records_by_email ON rollcall_synced_records (sync_name, email) WHERE email IS NOT NULL;
CREATE INDEX rollcall_synced_records_by_user_id ON rollcall_synced_records (sync_name, user_id) WHERE user_id IS NOT NULL;

-- The furthest of its row, by the cursor: microseconds since 1970, or the number.
ALTER TABLE rollcall_synced_events ADD COLUMN position INTEGER;
-- Of what is sending, waiting or rejected:
ALTER TABLE rollcall_synced_events ADD COLUMN record_key TEXT;
ALTER TABLE rollcall_synced_events ADD COLUMN email TEXT;
ALTER TABLE rollcall_synced_events ADD COLUMN user_id TEXT;
ALTER TABLE rollcall_synced_events ADD COLUMN event_name TEXT;
ALTER TABLE rollcall_synced_events ADD COLUMN payload BLOB;  -- the event as it is sent
ALTER TABLE rollcall_synced_events ADD COLUMN happened INTEGER;  -- what orders the events of one person
ALTER TABLE rollcall_synced_events ADD COLUMN first_seen TEXT;
ALTER TABLE rollcall_synced_events ADD COLUMN error_code TEXT;  -- why it waits, or was refused
ALTER TABLE rollcall_synced_events ADD COLUMN error_reason TEXT;
ALTER TABLE rollcall_synced_events ADD COLUMN http_status INTEGER;
CREATE INDEX rollcall_synced_events_by_position ON rollcall_synced_events (sync_name, position);
CREATE INDEX rollcall_synced_events_by_id ON rollcall_synced_events (sync_name, event_id) WHERE event_id IS NOT NULL;
-- Few of millions. SQLite takes it for statements that have this very condition.
CREATE INDEX rollcall_synced_events_unsent ON rollcall_synced_events (sync_name, state, event_key)
    WHERE state IN ('sending', 'waiting', 'rejected');

ALTER TABLE rollcall_sync_cursors ADD COLUMN state TEXT;  -- JSON: the whole cursor; NULL: nothing was read yet
ALTER TABLE rollcall_sync_cursors ADD COLUMN staged_run_id TEXT;  -- the run whose end moves the cursor
ALTER TABLE rollcall_sync_cursors ADD COLUMN staged TEXT;  -- JSON: where to

ALTER TABLE rollcall_sync_changes ADD COLUMN event_id TEXT;
ALTER TABLE rollcall_sync_changes ADD COLUMN event_name TEXT;
ALTER TABLE rollcall_sync_changes ADD COLUMN position INTEGER;
ALTER TABLE rollcall_sync_changes ADD COLUMN happened INTEGER;
ALTER TABLE rollcall_sync_changes ADD COLUMN first_seen TEXT;
ALTER TABLE rollcall_sync_changes ADD COLUMN was_waiting INTEGER;  -- whether it was known to wait before
-- Events that lay before what a run usually reads.
ALTER TABLE rollcall_sync_runs ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
