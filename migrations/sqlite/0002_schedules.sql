-- What several `serve` processes share: how far ticks are accounted for, who asked for a cancel, what was told.
ALTER TABLE rollcall_sync_state ADD COLUMN schedule TEXT;        -- the schedule that ticks were last counted for
ALTER TABLE rollcall_sync_state ADD COLUMN ticked_through TEXT;  -- every tick up to here has had its row
ALTER TABLE rollcall_sync_state ADD COLUMN cancel_run_id TEXT;   -- a running run that somebody asked to cancel
ALTER TABLE rollcall_sync_state ADD COLUMN alert_state TEXT;     -- how the sync was doing when alerts last said so
ALTER TABLE rollcall_schedule_ticks ADD COLUMN claimed_at TEXT;  -- when a process took the tick, by SQLite's clock
CREATE INDEX rollcall_schedule_ticks_pending ON rollcall_schedule_ticks (sync_name, due_at)
    WHERE outcome = 'pending';
