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
