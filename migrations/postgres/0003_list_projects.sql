-- Of which project the list is that a sync is bound to: two syncs must not keep one list. NULL until the sync's next run.
ALTER TABLE sync_state
    ADD COLUMN base_url  text,  -- address of the API
    ADD COLUMN key_hash  text;  -- one-way hash of the API key
