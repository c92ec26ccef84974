-- compatible_from: 6
-- What Iterable sends back. Programs of versions 6 to 8 go on: these are new tables, which they do not look at.

CREATE TABLE rollcall_iterable_events (
    event_id          TEXT PRIMARY KEY NOT NULL,      -- keyed hash of receiver and body, 64 hexadecimal digits
    receiver          TEXT NOT NULL,
    destination       TEXT,
    event_name        TEXT,
    email             TEXT,
    user_id           TEXT,
    occurred_at       TEXT,                           -- as the body says; NULL: it says nothing that can be read
    received_at       TEXT NOT NULL,                  -- of the first delivery
    last_received_at  TEXT NOT NULL,
    deliveries        INTEGER NOT NULL,
    campaign_id       INTEGER,
    template_id       INTEGER,
    message_id        TEXT,
    message_type_id   INTEGER,
    channel_id        INTEGER,
    workflow_id       INTEGER,
    experiment_id     INTEGER,
    url               TEXT,
    payload           TEXT NOT NULL                   -- JSON
);
-- The newest of a receiver, also those of one name, and those whose time is over.
CREATE INDEX rollcall_iterable_events_by_time ON rollcall_iterable_events (receiver, received_at, event_name);
-- What became of a message.
CREATE INDEX rollcall_iterable_events_by_message ON rollcall_iterable_events (message_id) WHERE message_id IS NOT NULL;
-- Few of millions: those that latest_unsubscribes is made of. SQLite takes it for statements that have this very condition.
CREATE INDEX rollcall_iterable_events_of_subscription ON rollcall_iterable_events (received_at)
    WHERE event_name IN ('emailUnSubscribe', 'hostedUnsubscribeClick', 'emailSubscribe');

-- Bodies that are no JSON objects, the newest 1,000.
CREATE TABLE rollcall_iterable_rejects (
    reject_id    INTEGER PRIMARY KEY AUTOINCREMENT,
    receiver     TEXT NOT NULL,
    received_at  TEXT NOT NULL,
    reason       TEXT NOT NULL,
    body         TEXT NOT NULL                        -- its beginning, as text
);

-- How many requests had an outcome in an hour, which begins at `hour`.
CREATE TABLE rollcall_receiver_counts (
    receiver  TEXT NOT NULL,
    hour      TEXT NOT NULL,
    outcome   TEXT NOT NULL,
    count     INTEGER NOT NULL,
    PRIMARY KEY (receiver, hour, outcome)
) WITHOUT ROWID;

-- Which groups of requests are stored: of each process the last, so that one that is given again is not stored twice.
CREATE TABLE rollcall_receiver_writers (
    writer    TEXT PRIMARY KEY NOT NULL,
    sequence  INTEGER NOT NULL,
    seen_at   TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE rollcall_receivers (
    receiver     TEXT PRIMARY KEY NOT NULL,
    alert_state  TEXT                                 -- what alerts last said of it
) WITHOUT ROWID;

-- One row: the key under which event_id is made.
CREATE TABLE rollcall_receiver_key (
    id   INTEGER PRIMARY KEY,                         -- 1
    key  BLOB NOT NULL
);

-- The latest unsubscription of each person of a destination that is still in force. A person is who has a user_id; events without
-- one are those of whoever was last seen with their email. What concerns lists alone is left out. A subscription lifts an earlier
-- unsubscription if both name a channel or message type in common, or one of them names none.
CREATE VIEW rollcall_latest_unsubscribes AS
    WITH read AS (
        SELECT e.*, coalesce(e.destination, '') AS place, coalesce(e.occurred_at, e.received_at) AS at,
               e.event_name = 'emailSubscribe' AS is_subscription,
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
    ), known AS (
        SELECT place, email, user_id FROM (
            SELECT place, email, user_id,
                   row_number() OVER (PARTITION BY place, email ORDER BY at DESC, event_id DESC) AS rank
              FROM targeted WHERE email IS NOT NULL AND user_id IS NOT NULL)
         WHERE rank = 1
    ), personal AS MATERIALIZED (
        SELECT t.*, coalesce('user ' || coalesce(t.user_id, k.user_id), 'email ' || t.email) AS person
          FROM targeted t LEFT JOIN known k ON k.place = t.place AND k.email = t.email
    ), standing AS (
        SELECT u.*, row_number() OVER (PARTITION BY u.place, u.person ORDER BY u.at DESC, u.event_id DESC) AS rank
          FROM personal u
         WHERE NOT u.is_subscription AND NOT EXISTS (
               SELECT 1 FROM personal s
                WHERE s.is_subscription AND s.place = u.place AND s.person = u.person AND s.at > u.at
                  AND (s.targets = '[]' OR u.targets = '[]'
                       OR EXISTS (SELECT 1 FROM json_each(s.targets) a JOIN json_each(u.targets) b ON a.value = b.value)))
    )
    SELECT email, user_id, occurred_at, event_name, campaign_id, message_id, channel_id, message_type_id
      FROM standing WHERE rank = 1;

-- How often emails were sent, opened and so on, by message and person: a person is an email, or a user_id where there is none.
-- Events without a message_id are left out.
-- The sign keeps SQLite from reading all events along the index of messages.
CREATE VIEW rollcall_email_engagement AS
    SELECT message_id, email, max(user_id) AS user_id, max(campaign_id) AS campaign_id, max(template_id) AS template_id,
           count(*) FILTER (WHERE event_name = 'emailSend') AS sent,
           count(*) FILTER (WHERE event_name = 'emailOpen') AS opened,
           count(*) FILTER (WHERE event_name = 'emailClick') AS clicked,
           count(*) FILTER (WHERE event_name = 'emailBounce') AS bounced,
           count(*) FILTER (WHERE event_name IN ('emailUnSubscribe', 'hostedUnsubscribeClick')) AS unsubscribed
      FROM rollcall_iterable_events
     WHERE +message_id IS NOT NULL AND (email IS NOT NULL OR user_id IS NOT NULL)
       AND event_name IN ('emailSend', 'emailOpen', 'emailClick', 'emailBounce', 'emailUnSubscribe', 'hostedUnsubscribeClick')
     GROUP BY message_id, email, CASE WHEN email IS NULL THEN user_id END;
