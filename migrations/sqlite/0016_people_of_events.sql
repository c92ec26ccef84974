-- compatible_from: 15
-- The views on what Iterable sends back: latest_unsubscribes shows the userId that is known of an email also where the event has
-- none, and both views take an email for the same in any case (of the letters A to Z). Programs of version 15 go on: they read neither view.

-- Who was seen with an email, for the few events of subscription without a userId. Masked emails are those of many people, and say nothing.
CREATE INDEX rollcall_iterable_events_of_people ON rollcall_iterable_events (lower(email))
    WHERE email IS NOT NULL AND user_id IS NOT NULL AND email NOT LIKE '***%' AND email NOT LIKE '_***%';

-- The latest unsubscription of each person of a destination that is still in force. A person is who has a user_id; events without
-- one are those of whoever was last seen with their email, in any event. What concerns lists alone is left out. A subscription
-- lifts an earlier unsubscription if both name a channel or message type in common, or one of them names none. Masked identifiers
-- (`a***@example.com`, `u***`) are those of many people: each such unsubscription stands for itself, and nothing lifts it.
DROP VIEW rollcall_latest_unsubscribes;
CREATE VIEW rollcall_latest_unsubscribes AS
    WITH read AS (
        SELECT e.*, coalesce(e.destination, '') AS place, coalesce(e.occurred_at, e.received_at) AS at,
               lower(e.email) AS address,
               e.event_name = 'emailSubscribe' AS is_subscription,
               coalesce(e.email LIKE '***%' OR e.email LIKE '_***%', 0)
               OR coalesce(e.user_id = '***' OR e.user_id LIKE '_***' OR e.user_id LIKE '***@%' OR e.user_id LIKE '_***@%', 0)
                   AS is_masked,
               CASE WHEN json_valid(e.payload) THEN e.payload ELSE '{}' END AS body
          FROM rollcall_iterable_events e
         WHERE e.event_name IN ('emailUnSubscribe', 'hostedUnsubscribeClick', 'emailSubscribe')
           AND (e.email IS NOT NULL OR e.user_id IS NOT NULL)
    ), named AS (
        SELECT r.*,
               CASE WHEN json_type(r.body, '$.dataFields.channelIds') = 'array'
                    THEN json_extract(r.body, '$.dataFields.channelIds') ELSE '[]' END AS channels,
               CASE WHEN json_type(r.body, '$.dataFields.messageTypeIds') = 'array'
                    THEN json_extract(r.body, '$.dataFields.messageTypeIds') ELSE '[]' END AS types,
               coalesce(json_extract(r.body, '$.dataFields.emailListIds'), '[]') <> '[]'
               OR coalesce(json_extract(r.body, '$.dataFields.userListIds'), '[]') <> '[]' AS names_lists
          FROM read r
    ), targeted AS (
        SELECT n.*,
               CASE WHEN n.channels <> '[]' OR n.types <> '[]'
                    THEN (SELECT json_group_array(target) FROM (
                              SELECT 'channel ' || c.value AS target FROM json_each(n.channels) c WHERE c.value IS NOT NULL
                              UNION ALL
                              SELECT 'type ' || t.value FROM json_each(n.types) t WHERE t.value IS NOT NULL))
                    WHEN n.is_subscription THEN '[]'
                    ELSE (SELECT json_group_array(target) FROM (
                              SELECT 'channel ' || n.channel_id AS target WHERE n.channel_id IS NOT NULL
                              UNION ALL
                              SELECT 'type ' || n.message_type_id WHERE n.message_type_id IS NOT NULL)) END AS targets
          FROM named n WHERE NOT n.names_lists OR n.channels <> '[]' OR n.types <> '[]'
    ), known AS MATERIALIZED (
        SELECT t.*, coalesce(t.user_id, CASE WHEN NOT t.is_masked THEN (
                   SELECT k.user_id FROM rollcall_iterable_events k
                    WHERE lower(k.email) = t.address AND k.email IS NOT NULL AND k.user_id IS NOT NULL
                      AND k.email NOT LIKE '***%' AND k.email NOT LIKE '_***%'
                      AND coalesce(k.destination, '') = t.place
                    ORDER BY coalesce(k.occurred_at, k.received_at) DESC, k.event_id DESC LIMIT 1) END) AS known_user_id
          FROM targeted t
    ), personal AS (
        SELECT k.*, CASE WHEN k.is_masked THEN 'event ' || k.event_id
                         ELSE coalesce('user ' || k.known_user_id, 'email ' || k.address) END AS person
          FROM known k
    ), addressed AS MATERIALIZED (
        SELECT p.*, first_value(p.email)
                    OVER (PARTITION BY p.place, p.person ORDER BY p.email IS NULL, p.at DESC, p.event_id DESC) AS known_email
          FROM personal p
    ), standing AS (
        SELECT u.*, row_number() OVER (PARTITION BY u.place, u.person ORDER BY u.at DESC, u.event_id DESC) AS rank
          FROM addressed u
         WHERE NOT u.is_subscription AND NOT EXISTS (
               SELECT 1 FROM addressed s
                WHERE s.is_subscription AND s.place = u.place AND s.person = u.person AND s.at > u.at
                  AND (s.targets = '[]' OR u.targets = '[]'
                       OR EXISTS (SELECT 1 FROM json_each(s.targets) a JOIN json_each(u.targets) b ON a.value = b.value)))
    )
    SELECT coalesce(email, known_email) AS email, known_user_id AS user_id, occurred_at, event_name, campaign_id, message_id,
           channel_id, message_type_id
      FROM standing WHERE rank = 1;

-- How often emails were sent, opened and so on, by message and person: a person is an email in any case, or a user_id where there
-- is none. Events without a message_id are left out.
-- The sign keeps SQLite from reading all events along the index of messages.
DROP VIEW rollcall_email_engagement;
CREATE VIEW rollcall_email_engagement AS
    SELECT message_id, min(email) AS email, max(user_id) AS user_id, max(campaign_id) AS campaign_id, max(template_id) AS template_id,
           count(*) FILTER (WHERE event_name = 'emailSend') AS sent,
           count(*) FILTER (WHERE event_name = 'emailOpen') AS opened,
           count(*) FILTER (WHERE event_name = 'emailClick') AS clicked,
           count(*) FILTER (WHERE event_name = 'emailBounce') AS bounced,
           count(*) FILTER (WHERE event_name IN ('emailUnSubscribe', 'hostedUnsubscribeClick')) AS unsubscribed
      FROM rollcall_iterable_events
     WHERE +message_id IS NOT NULL AND (email IS NOT NULL OR user_id IS NOT NULL)
       AND event_name IN ('emailSend', 'emailOpen', 'emailClick', 'emailBounce', 'emailUnSubscribe', 'hostedUnsubscribeClick')
     GROUP BY message_id, lower(email), CASE WHEN email IS NULL THEN user_id END;
