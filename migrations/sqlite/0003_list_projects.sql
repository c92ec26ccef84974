-- Of which project the list is that a sync is bound to: two syncs must not keep one list. NULL until the sync's next run.
ALTER TABLE rollcall_sync_state ADD COLUMN base_url TEXT;  -- address of the API
ALTER TABLE rollcall_sync_state ADD COLUMN key_hash TEXT;  -- one-way hash of the API key
