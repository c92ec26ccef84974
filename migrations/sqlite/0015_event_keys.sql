-- compatible_from: 15
-- needs: stop. Processes of versions before 15 write to the table under its former name.
-- Keys of events as text: the table becomes an internal one, and a view of its former name shows them as 32 hexadecimal digits.
-- The indexes keep their names.

-- Without it SQLite looks through all views and triggers of the file, and a broken one of another program would end the upgrade.
PRAGMA legacy_alter_table = ON;
ALTER TABLE rollcall_synced_events RENAME TO rollcall_seen_events;
PRAGMA legacy_alter_table = OFF;
CREATE VIEW rollcall_synced_events AS
    SELECT sync_name, lower(hex(event_key)) AS event_key, event_id, state, run_id, at, record_key, email, user_id,
           event_name, first_seen, error_code, error_reason, http_status
      FROM rollcall_seen_events;

-- Records of other kinds than lists are known by their keys, and not by people.
DROP VIEW rollcall_failed_records;
CREATE VIEW rollcall_failed_records AS
    SELECT l.sync_name, l.run_id, r.list_id, l.email, l.user_id, l.operation, l.error_code, l.error_reason,
           l.http_status, l.attempts, l.logged_at, l.record_key, l.item_id, l.event_name, l.event_id
      FROM rollcall_sync_log l LEFT JOIN rollcall_sync_runs r ON r.run_id = l.run_id
     WHERE l.status = 'failed'
       AND l.sync_name NOT IN (SELECT sync_name FROM rollcall_sync_leases WHERE elsewhere_id IS NOT NULL);
