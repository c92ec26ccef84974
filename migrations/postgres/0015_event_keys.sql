-- compatible_from: 15
-- needs: stop. Processes of versions before 15 write to the table under its former name.
-- Keys of events as text: the table becomes an internal one, and a view of its former name shows them as 32 hexadecimal digits.
-- The indexes keep their names.

ALTER TABLE synced_events RENAME TO seen_events;
CREATE VIEW synced_events AS
    SELECT sync_name, replace(event_key::text, '-', '') AS event_key, event_id, state, run_id, at, record_key, email, user_id,
           event_name, first_seen, error_code, error_reason, http_status
      FROM seen_events;

-- Records of other kinds than lists are known by their keys, and not by people.
CREATE OR REPLACE VIEW failed_records AS
    SELECT l.sync_name, l.run_id, r.list_id, l.email, l.user_id, l.operation, l.error_code, l.error_reason,
           l.http_status, l.attempts, l.logged_at, l.record_key, l.item_id, l.event_name, l.event_id
      FROM sync_log l LEFT JOIN sync_runs r ON r.run_id = l.run_id
     WHERE l.status = 'failed'
       AND NOT EXISTS (SELECT FROM sync_leases s WHERE s.sync_name = l.sync_name AND s.elsewhere_id IS NOT NULL);
