-- Customers who clicked in an email within the last 30 days and are not unsubscribed, neither by userId nor by address: an event may
-- lack the one or the other.
-- In Postgres: rollcall.iterable_events, rollcall.latest_unsubscribes, and occurred_at > now() - interval '30 days'.
SELECT c.customer_id, c.email
FROM customers AS c
WHERE c.customer_id IN (
    SELECT e.user_id
    FROM rollcall_iterable_events AS e
    WHERE e.event_name = 'emailClick'
      AND e.occurred_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-30 days')
)
AND NOT EXISTS (SELECT 1 FROM rollcall_latest_unsubscribes AS u WHERE u.user_id = c.customer_id)
AND NOT EXISTS (SELECT 1 FROM rollcall_latest_unsubscribes AS u WHERE lower(u.email) = lower(c.email));
