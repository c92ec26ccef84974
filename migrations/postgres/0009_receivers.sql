-- compatible_from: 6
-- What Iterable sends back. Programs of versions 6 to 8 go on: these are new tables, which they do not look at.

-- payload is jsonb, which is asked without being parsed again, has operators and takes indexes. It keeps numbers as exact decimals
-- and no order of members. A body that jsonb cannot hold (a number beyond numeric's range) is kept whole, as one JSON string.
-- Texts of any length come from outside, which a B-tree refuses above some 2,700 bytes: indexes take beginnings or hashes of them.
CREATE TABLE iterable_events (
    event_id          text COLLATE "C" PRIMARY KEY,   -- keyed hash of receiver and body, 64 hexadecimal digits
    receiver          text COLLATE "C" NOT NULL,
    destination       text,
    event_name        text,
    email             text,
    user_id           text,
    occurred_at       timestamptz,                    -- as the body says; NULL: it says nothing that can be read
    received_at       timestamptz NOT NULL,           -- of the first delivery
    last_received_at  timestamptz NOT NULL,
    deliveries        bigint NOT NULL,
    campaign_id       bigint,
    template_id       bigint,
    message_id        text,
    message_type_id   bigint,
    channel_id        bigint,
    workflow_id       bigint,
    experiment_id     bigint,
    url               text,
    payload           jsonb NOT NULL
);
-- The newest of a receiver, also those of one name, and those whose time is over.
CREATE INDEX iterable_events_by_time ON iterable_events (receiver, received_at, left(event_name, 64));
-- What became of a message.
CREATE INDEX iterable_events_by_message ON iterable_events USING hash (message_id)
    WHERE message_id IS NOT NULL;
-- Few of millions: those that latest_unsubscribes is made of.
CREATE INDEX iterable_events_of_subscription ON iterable_events (received_at)
    WHERE event_name IN ('emailUnSubscribe', 'hostedUnsubscribeClick', 'emailSubscribe');

-- Bodies that are no JSON objects, the newest 1,000.
CREATE TABLE iterable_rejects (
    reject_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receiver     text NOT NULL,
    received_at  timestamptz NOT NULL,
    reason       text NOT NULL,
    body         text NOT NULL                        -- its beginning, as text
);

-- How many requests had an outcome in an hour, which begins at `hour`.
CREATE TABLE receiver_counts (
    receiver  text COLLATE "C" NOT NULL,
    hour      timestamptz NOT NULL,
    outcome   text COLLATE "C" NOT NULL,
    count     bigint NOT NULL,
    PRIMARY KEY (receiver, hour, outcome)
) WITH (fillfactor = 50);

-- Which groups of requests are stored: of each process the last, so that one that is given again is not stored twice.
CREATE TABLE receiver_writers (
    writer    text COLLATE "C" PRIMARY KEY,
    sequence  bigint NOT NULL,
    seen_at   timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE receivers (
    receiver     text COLLATE "C" PRIMARY KEY,
    alert_state  text                                 -- what alerts last said of it
);

-- One row: the key under which event_id is made.
CREATE TABLE receiver_key (
    id   integer PRIMARY KEY,                         -- 1
    key  bytea NOT NULL
);

-- The latest unsubscription of each person of a destination that is still in force. A person is who has a user_id; events without
-- one are those of whoever was last seen with their email. What concerns lists alone is left out. A subscription lifts an earlier
-- unsubscription if both name a channel or message type in common, or one of them names none.
CREATE VIEW latest_unsubscribes AS
    WITH named AS (
        SELECT e.*, coalesce(e.destination, '') AS place, coalesce(e.occurred_at, e.received_at) AS at,
               e.event_name = 'emailSubscribe' AS is_subscription,
               CASE WHEN jsonb_typeof(e.payload #> '{dataFields,channelIds}') = 'array'
                    THEN e.payload #> '{dataFields,channelIds}' ELSE '[]' END AS channels,
               CASE WHEN jsonb_typeof(e.payload #> '{dataFields,messageTypeIds}') = 'array'
                    THEN e.payload #> '{dataFields,messageTypeIds}' ELSE '[]' END AS types,
               coalesce(e.payload #> '{dataFields,emailListIds}', '[]') NOT IN ('[]', 'null')
               OR coalesce(e.payload #> '{dataFields,userListIds}', '[]') NOT IN ('[]', 'null') AS names_lists
          FROM iterable_events e
         WHERE e.event_name IN ('emailUnSubscribe', 'hostedUnsubscribeClick', 'emailSubscribe')
           AND (e.email IS NOT NULL OR e.user_id IS NOT NULL)
    ), targeted AS (
        SELECT n.*,
               CASE WHEN n.channels <> '[]' OR n.types <> '[]'
                    THEN ARRAY(SELECT 'channel ' || c FROM jsonb_array_elements_text(n.channels) c WHERE c IS NOT NULL
                               UNION ALL
                               SELECT 'type ' || t FROM jsonb_array_elements_text(n.types) t WHERE t IS NOT NULL)
                    WHEN n.is_subscription THEN '{}'
                    ELSE array_remove(ARRAY['channel ' || n.channel_id, 'type ' || n.message_type_id], NULL) END AS targets
          FROM named n WHERE NOT n.names_lists OR n.channels <> '[]' OR n.types <> '[]'
    ), known AS (
        SELECT DISTINCT ON (place, email) place, email, user_id FROM targeted
         WHERE email IS NOT NULL AND user_id IS NOT NULL ORDER BY place, email, at DESC, event_id DESC
    ), personal AS (
        SELECT t.*, coalesce('user ' || coalesce(t.user_id, k.user_id), 'email ' || t.email) AS person
          FROM targeted t LEFT JOIN known k ON k.place = t.place AND k.email = t.email
    )
    SELECT DISTINCT ON (u.place, u.person)
           u.email, u.user_id, u.occurred_at, u.event_name, u.campaign_id, u.message_id, u.channel_id, u.message_type_id
      FROM personal u
     WHERE NOT u.is_subscription AND NOT EXISTS (
           SELECT FROM personal s
            WHERE s.is_subscription AND s.place = u.place AND s.person = u.person AND s.at > u.at
              AND (s.targets = '{}' OR u.targets = '{}' OR s.targets && u.targets))
     ORDER BY u.place, u.person, u.at DESC, u.event_id DESC;

-- How often emails were sent, opened and so on, by message and person: a person is an email, or a user_id where there is none.
-- Events without a message_id are left out.
CREATE VIEW email_engagement AS
    SELECT message_id, email, max(user_id) AS user_id, max(campaign_id) AS campaign_id, max(template_id) AS template_id,
           count(*) FILTER (WHERE event_name = 'emailSend') AS sent,
           count(*) FILTER (WHERE event_name = 'emailOpen') AS opened,
           count(*) FILTER (WHERE event_name = 'emailClick') AS clicked,
           count(*) FILTER (WHERE event_name = 'emailBounce') AS bounced,
           count(*) FILTER (WHERE event_name IN ('emailUnSubscribe', 'hostedUnsubscribeClick')) AS unsubscribed
      FROM iterable_events
     WHERE message_id IS NOT NULL AND (email IS NOT NULL OR user_id IS NOT NULL)
       AND event_name IN ('emailSend', 'emailOpen', 'emailClick', 'emailBounce', 'emailUnSubscribe', 'hostedUnsubscribeClick')
     GROUP BY message_id, email, CASE WHEN email IS NULL THEN user_id END;
