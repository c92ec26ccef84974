-- A primary key for every state table: a publication of logical replication, such as one FOR ALL TABLES, lets no row be
-- updated or deleted in a table that has none. Each part is for one table. It is left out where the table's owner has given it
-- a primary key, and a table that its owner has partitioned gets REPLICA IDENTITY FULL instead.

-- table: sync_log
-- Where the table is large, Rollcall has built this index before, with CONCURRENTLY and outside a transaction, so that
-- no run waits; what is left to do here takes a moment. The key takes the place of the index of the same columns.
CREATE UNIQUE INDEX IF NOT EXISTS sync_log_key ON sync_log (run_id, record_id);
ALTER TABLE sync_log ADD CONSTRAINT sync_log_pkey PRIMARY KEY USING INDEX sync_log_key;
DROP INDEX IF EXISTS sync_log_by_run;

-- table: settling_requests
ALTER TABLE settling_requests ADD COLUMN request_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY;
