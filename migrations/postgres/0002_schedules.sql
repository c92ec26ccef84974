-- What several `serve` processes share: how far ticks are accounted for, who asked for a cancel, what was told.
ALTER TABLE sync_state
    ADD COLUMN schedule        text,         -- the schedule that ticks were last counted for
    ADD COLUMN ticked_through  timestamptz,  -- every tick up to here has had its row
    ADD COLUMN cancel_run_id   uuid,         -- a running run that somebody asked to cancel
    ADD COLUMN alert_state     text;         -- how the sync was doing when alerts last said so
ALTER TABLE schedule_ticks
    ADD COLUMN claimed_at  timestamptz;      -- when a process took the tick, by the database's clock
CREATE INDEX schedule_ticks_pending ON schedule_ticks (sync_name, due_at) WHERE outcome = 'pending';
