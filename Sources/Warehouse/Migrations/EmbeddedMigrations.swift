// swift-format-ignore-file
// Written by scripts/embed-migrations from migrations/. Edit the SQL there, then run `make migrations`.

/// The numbered migrations, in order, as they stand in `migrations/`.
enum EmbeddedMigrations {
    static let postgres: [Migration] = [
        Migration(
            version: 1, name: "initial", compatibleFrom: 1,
            sql: #"""
                -- Rollcall's state and logs. Runs inside the state schema (search_path), in one transaction.
                CREATE TABLE sync_runs (
                    run_id                 uuid PRIMARY KEY,
                    sync_name              text NOT NULL,
                    destination            text NOT NULL,
                    list_id                bigint,
                    "trigger"              text NOT NULL CHECK ("trigger" IN ('manual', 'schedule', 'api')),
                    status                 text NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'completed_with_failures',
                                               'failed', 'held', 'cancelled', 'skipped', 'interrupted')),
                    started_at             timestamptz NOT NULL,
                    finished_at            timestamptz,
                    rows_read              bigint NOT NULL DEFAULT 0,
                    rows_invalid           bigint NOT NULL DEFAULT 0,
                    rows_duplicate         bigint NOT NULL DEFAULT 0,
                    audience_size          bigint NOT NULL DEFAULT 0,
                    unchanged              bigint NOT NULL DEFAULT 0,
                    planned_subscribe      bigint NOT NULL DEFAULT 0,
                    planned_unsubscribe    bigint NOT NULL DEFAULT 0,
                    succeeded_subscribe    bigint NOT NULL DEFAULT 0,
                    succeeded_unsubscribe  bigint NOT NULL DEFAULT 0,
                    failed_subscribe       bigint NOT NULL DEFAULT 0,
                    failed_unsubscribe     bigint NOT NULL DEFAULT 0,
                    not_attempted          bigint NOT NULL DEFAULT 0,
                    unknown                bigint NOT NULL DEFAULT 0,
                    requests_sent          bigint NOT NULL DEFAULT 0,
                    requests_retried       bigint NOT NULL DEFAULT 0,
                    rate_limited           bigint NOT NULL DEFAULT 0,
                    error_code             text,
                    error_message          text,
                    error_hint             text,
                    held_by                text,                        -- JSON array of {guard, limit, observed}
                    full_resync            boolean NOT NULL DEFAULT false,
                    claimed_through        bigint NOT NULL DEFAULT 0,   -- changes up to here may have been sent
                    CONSTRAINT finished_when_final CHECK ((finished_at IS NULL) = (status IN ('queued', 'running', 'held'))),
                    CONSTRAINT rows_balance CHECK (status IN ('queued', 'running')
                        OR rows_read = rows_invalid + rows_duplicate + audience_size),
                    CONSTRAINT records_balance CHECK (status IN ('queued', 'running')
                        OR planned_subscribe + planned_unsubscribe = succeeded_subscribe + succeeded_unsubscribe
                         + failed_subscribe + failed_unsubscribe + not_attempted + unknown)
                );
                CREATE UNIQUE INDEX one_open_run_per_sync ON sync_runs (sync_name) WHERE status IN ('queued', 'running', 'held');
                CREATE INDEX sync_runs_by_sync ON sync_runs (sync_name, run_id);

                CREATE TABLE sync_log (
                    record_id     bigint GENERATED ALWAYS AS IDENTITY,
                    run_id        uuid NOT NULL,
                    sync_name     text NOT NULL,
                    email         text,
                    user_id       text,
                    operation     text NOT NULL CHECK (operation IN ('subscribe', 'unsubscribe', 'validate')),
                    status        text NOT NULL CHECK (status IN ('succeeded', 'failed', 'unknown', 'not_attempted')),
                    error_code    text,
                    error_reason  text,
                    http_status   integer,
                    attempts      integer NOT NULL DEFAULT 0,
                    logged_at     timestamptz NOT NULL
                );
                CREATE INDEX sync_log_by_run ON sync_log (run_id, record_id);
                CREATE INDEX sync_log_by_time ON sync_log USING brin (logged_at);

                CREATE TABLE list_members (
                    sync_name     text NOT NULL,
                    list_id       bigint NOT NULL,
                    fingerprint   uuid NOT NULL,                        -- keyed hash of the identity
                    email         text,
                    user_id       text,
                    state         text NOT NULL CHECK (state IN ('subscribed', 'subscribing', 'unsubscribing', 'rejected')),
                    listed        boolean NOT NULL,                     -- may be on the list because of this sync
                    since_run_id  uuid NOT NULL,
                    since         timestamptz NOT NULL,
                    error_code    text,                                 -- why Iterable refuses the person; only with rejected
                    error_reason  text,
                    http_status   integer,
                    PRIMARY KEY (sync_name, list_id, fingerprint),
                    CONSTRAINT somebody CHECK (email IS NOT NULL OR user_id IS NOT NULL)
                );

                -- The outbox: changes that a run has planned and that have no outcome yet.
                CREATE TABLE sync_changes (
                    run_id          uuid NOT NULL,
                    sequence        bigint NOT NULL,
                    kind            text NOT NULL CHECK (kind IN ('send', 'parked', 'forget', 'supersede')),
                    operation       text NOT NULL CHECK (operation IN ('subscribe', 'unsubscribe')),
                    fingerprint     uuid NOT NULL,
                    email           text,
                    user_id         text,
                    not_before      timestamptz,
                    parent          bigint,
                    logged_email    text,
                    logged_user_id  text,
                    PRIMARY KEY (run_id, sequence)
                );
                CREATE INDEX sync_changes_by_parent ON sync_changes (run_id, parent) WHERE parent IS NOT NULL;

                -- Requests that got no answer and may still be carried out.
                CREATE TABLE settling_requests (
                    sync_name   text NOT NULL,
                    list_id     bigint NOT NULL,
                    email       text,
                    user_id     text,
                    operation   text NOT NULL CHECK (operation IN ('subscribe', 'unsubscribe')),
                    settles_at  timestamptz NOT NULL
                );
                CREATE INDEX settling_requests_by_sync ON settling_requests (sync_name, list_id, settles_at);

                CREATE TABLE sync_state (
                    sync_name        text PRIMARY KEY,
                    fingerprint_key  bytea,
                    generation       bigint NOT NULL DEFAULT 0,         -- another random number with every change of list_members
                    destination      text,
                    list_name        text,
                    list_id          bigint,
                    list_created_at  timestamptz,
                    list_gone_at     timestamptz,
                    paused           boolean NOT NULL DEFAULT false
                );

                CREATE TABLE sync_leases (
                    sync_name   text PRIMARY KEY,
                    token       bigint NOT NULL,
                    holder      text NOT NULL,
                    expires_at  timestamptz NOT NULL
                );

                CREATE TABLE schedule_ticks (
                    sync_name         text NOT NULL,
                    due_at            timestamptz NOT NULL,
                    outcome           text NOT NULL,
                    run_id            uuid,
                    lateness_seconds  double precision,
                    PRIMARY KEY (sync_name, due_at)
                );

                CREATE VIEW latest_runs AS
                    SELECT DISTINCT ON (sync_name) * FROM sync_runs ORDER BY sync_name, run_id DESC;

                CREATE VIEW failed_records AS
                    SELECT l.sync_name, l.run_id, r.list_id, l.email, l.user_id, l.operation, l.error_code, l.error_reason,
                           l.http_status, l.attempts, l.logged_at
                      FROM sync_log l LEFT JOIN sync_runs r ON r.run_id = l.run_id
                     WHERE l.status = 'failed';
                """#),
        Migration(
            version: 2, name: "schedules", compatibleFrom: 2,
            sql: #"""
                -- What several `serve` processes share: how far ticks are accounted for, who asked for a cancel, what was told.
                ALTER TABLE sync_state
                    ADD COLUMN schedule        text,         -- the schedule that ticks were last counted for
                    ADD COLUMN ticked_through  timestamptz,  -- every tick up to here has had its row
                    ADD COLUMN cancel_run_id   uuid,         -- a running run that somebody asked to cancel
                    ADD COLUMN alert_state     text;         -- how the sync was doing when alerts last said so
                ALTER TABLE schedule_ticks
                    ADD COLUMN claimed_at  timestamptz;      -- when a process took the tick, by the database's clock
                CREATE INDEX schedule_ticks_pending ON schedule_ticks (sync_name, due_at) WHERE outcome = 'pending';
                """#),
        Migration(
            version: 3, name: "list_projects", compatibleFrom: 3,
            sql: #"""
                -- Of which project the list is that a sync is bound to: two syncs must not keep one list. NULL until the sync's next run.
                ALTER TABLE sync_state
                    ADD COLUMN base_url  text,  -- address of the API
                    ADD COLUMN key_hash  text;  -- one-way hash of the API key
                """#),
        Migration(
            version: 4, name: "keys", compatibleFrom: 4,
            sql: #"""
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
                """#),
        Migration(
            version: 5, name: "stray_requests", compatibleFrom: 5,
            sql: #"""
                -- Changes that a process sent, perhaps after its lease was another's: noted without a lease, settled by the next run.
                CREATE TABLE stray_requests (
                    run_id       uuid NOT NULL,
                    sequence     bigint NOT NULL,
                    sync_name    text NOT NULL,
                    list_id      bigint NOT NULL,
                    fingerprint  uuid NOT NULL,
                    email        text,
                    user_id      text,
                    operation    text NOT NULL CHECK (operation IN ('subscribe', 'unsubscribe')),
                    settles_at   timestamptz NOT NULL,
                    PRIMARY KEY (run_id, sequence)
                );
                """#),
        Migration(
            version: 6, name: "records", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- needs: stop. Processes of versions before 6 count runs in sync_runs alone.
                -- Room for syncs of every kind: lists, users, events and catalogs.

                -- What rows may say is held by the program and its tests; these would refuse the operations and balances of other kinds.
                ALTER TABLE sync_runs
                    DROP CONSTRAINT IF EXISTS sync_runs_trigger_check,
                    DROP CONSTRAINT IF EXISTS sync_runs_status_check,
                    DROP CONSTRAINT IF EXISTS rows_balance,
                    DROP CONSTRAINT IF EXISTS records_balance;
                ALTER TABLE sync_log
                    DROP CONSTRAINT IF EXISTS sync_log_operation_check,
                    DROP CONSTRAINT IF EXISTS sync_log_status_check;
                ALTER TABLE list_members DROP CONSTRAINT IF EXISTS list_members_state_check;
                ALTER TABLE sync_changes
                    DROP CONSTRAINT IF EXISTS sync_changes_kind_check,
                    DROP CONSTRAINT IF EXISTS sync_changes_operation_check;
                ALTER TABLE settling_requests DROP CONSTRAINT IF EXISTS settling_requests_operation_check;
                ALTER TABLE stray_requests DROP CONSTRAINT IF EXISTS stray_requests_operation_check;

                ALTER TABLE sync_runs
                    ADD COLUMN kind           text NOT NULL DEFAULT 'list',  -- list, users, events or catalog
                    ADD COLUMN target         text,                          -- name of the list, catalog or event, 'users' or 'events'
                    ADD COLUMN rows_excluded  bigint NOT NULL DEFAULT 0,
                    ADD COLUMN waiting        bigint NOT NULL DEFAULT 0,
                    ADD COLUMN counts         jsonb NOT NULL DEFAULT '{}';   -- {operation: {planned, succeeded, failed, not_attempted, unknown}}
                ALTER TABLE sync_log
                    ADD COLUMN record_key  text,
                    ADD COLUMN item_id     text,
                    ADD COLUMN event_name  text,
                    ADD COLUMN event_id    text;
                ALTER TABLE list_members
                    ADD COLUMN content  bigint;         -- keyed hash of the fields that were sent; NULL: none
                ALTER TABLE sync_changes
                    ADD COLUMN record_key  text,
                    ADD COLUMN item_id     text,
                    ADD COLUMN content     bigint,      -- keyed hash of the payload
                    ADD COLUMN payload     bytea,       -- the record as it is sent
                    ADD COLUMN logged_key  text;        -- how the log shows the key, where that differs
                ALTER TABLE settling_requests
                    ALTER COLUMN list_id DROP NOT NULL,
                    ADD COLUMN fingerprint  uuid,
                    ADD COLUMN content      bigint;
                ALTER TABLE stray_requests
                    ALTER COLUMN list_id DROP NOT NULL,
                    ADD COLUMN kind        text NOT NULL DEFAULT 'list',
                    ADD COLUMN record_key  text,
                    ADD COLUMN item_id     text,
                    ADD COLUMN content     bigint;
                ALTER TABLE schema_migrations
                    ADD COLUMN compatible_from  integer;  -- the oldest version whose programs can work with this one
                ALTER TABLE sync_state
                    ADD COLUMN mapping_hash   text,         -- of the mapping that the sync's records were last sent with
                    ADD COLUMN last_write_at  timestamptz;  -- when a request that Iterable carries out later was last sent

                -- Earlier runs counted what was not attempted and what is unknown for both operations together: what is unknown is taken for
                -- subscribes first. The name of a run's list is known where the sync still keeps that list.
                UPDATE sync_runs r SET
                    target = (SELECT s.list_name FROM sync_state s WHERE s.sync_name = r.sync_name AND s.list_id = r.list_id),
                    counts = jsonb_build_object(
                        'subscribe', jsonb_build_object(
                            'planned', r.planned_subscribe, 'succeeded', r.succeeded_subscribe, 'failed', r.failed_subscribe,
                            'not_attempted', LEAST(r.not_attempted, c.others - c.unknown), 'unknown', c.unknown),
                        'unsubscribe', jsonb_build_object(
                            'planned', r.planned_unsubscribe, 'succeeded', r.succeeded_unsubscribe, 'failed', r.failed_unsubscribe,
                            'not_attempted', r.not_attempted - LEAST(r.not_attempted, c.others - c.unknown),
                            'unknown', r.unknown - c.unknown))
                  FROM (SELECT run_id, others, LEAST(unknown, others) AS unknown
                          FROM (SELECT o.run_id, o.unknown,
                                       -- Subscribes with another outcome than success or failure; those of a run under way may still get one.
                                       GREATEST(0, o.planned_subscribe - o.succeeded_subscribe - o.failed_subscribe
                                           - CASE WHEN o.status IN ('queued', 'running') THEN (
                                                 SELECT count(*) FROM sync_changes s
                                                  WHERE s.run_id = o.run_id AND s.operation = 'subscribe' AND s.kind IN ('send', 'parked'))
                                             ELSE 0 END) AS others
                                  FROM sync_runs o) AS counted) AS c
                 WHERE c.run_id = r.run_id;

                -- What Iterable acknowledged of syncs of users and catalogs.
                CREATE TABLE synced_records (
                    sync_name     text NOT NULL,
                    kind          text NOT NULL,
                    fingerprint   uuid NOT NULL,        -- keyed hash of the record's key
                    record_key    text NOT NULL,
                    email         text,
                    user_id       text,
                    item_id       text,
                    content       bigint NOT NULL,      -- keyed hash of the object as it was last sent
                    values_held   bytea,                -- a bit for each field that held a value then
                    state         text NOT NULL,        -- synced, sending, removing, rejected or waiting
                    owned         boolean NOT NULL,     -- may be in Iterable because of this sync
                    since_run_id  uuid NOT NULL,
                    since         timestamptz NOT NULL,
                    error_code    text,
                    error_reason  text,
                    http_status   integer,
                    PRIMARY KEY (sync_name, kind, fingerprint)
                );

                -- The events that a sync has seen.
                CREATE TABLE synced_events (
                    sync_name  text NOT NULL,
                    event_key  uuid NOT NULL,           -- keyed hash of the values of the key
                    event_id   text,                    -- as sent; NULL for what was skipped
                    content    bigint,
                    state      text NOT NULL,           -- sent, sending, skipped, waiting or rejected
                    run_id     uuid NOT NULL,
                    at         timestamptz NOT NULL,
                    PRIMARY KEY (sync_name, event_key)
                );

                -- How far a sync of events has read.
                CREATE TABLE sync_cursors (
                    sync_name      text PRIMARY KEY,
                    column_name    text NOT NULL,
                    watermark      text,
                    last_sweep_at  timestamptz,
                    late_rows      bigint NOT NULL DEFAULT 0
                );

                -- The fields that Iterable has, as far as syncs know.
                CREATE TABLE destination_fields (
                    destination     text NOT NULL,
                    scope           text NOT NULL,      -- users, event:NAME or catalog:NAME
                    field           text NOT NULL,
                    type            text NOT NULL,
                    first_seen      timestamptz NOT NULL,
                    created_by_run  uuid,
                    PRIMARY KEY (destination, scope, field)
                );

                -- A view keeps the columns that its table had when it was made.
                CREATE OR REPLACE VIEW latest_runs AS
                    SELECT DISTINCT ON (sync_name) * FROM sync_runs ORDER BY sync_name, run_id DESC;

                -- What each run did, by operation.
                CREATE VIEW sync_run_counts AS
                    SELECT r.run_id, c.key AS operation, (c.value ->> 'planned')::bigint AS planned,
                           (c.value ->> 'succeeded')::bigint AS succeeded, (c.value ->> 'failed')::bigint AS failed,
                           (c.value ->> 'not_attempted')::bigint AS not_attempted, (c.value ->> 'unknown')::bigint AS unknown
                      FROM sync_runs r CROSS JOIN LATERAL jsonb_each(r.counts) AS c (key, value);
                """#),
        Migration(
            version: 7, name: "held_fields", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Which fields of a profile have a value because of a sync, so that they can be cleared. Programs of version 6 go on: they know no
                -- syncs of users, and for lists and catalogs the new columns stay NULL.

                ALTER TABLE sync_changes
                    ADD COLUMN values_held      bytea,  -- a bit for each field that holds a value if the change succeeds; NULL: nothing is said of them
                    ADD COLUMN values_in_doubt  bytea,  -- the same where it may have been carried out, or not
                    ADD COLUMN error_code       text,   -- why the change is not sent; NULL: it is, or Iterable refused the record before
                    ADD COLUMN error_reason     text;
                ALTER TABLE stray_requests
                    ADD COLUMN values_held  bytea;      -- values_in_doubt of the change

                -- The names of the fields whose bits values_held has. A name keeps its place for ever.
                CREATE TABLE field_places (
                    sync_name  text NOT NULL,
                    place      integer NOT NULL,        -- from 0, without gaps
                    field      text NOT NULL,
                    PRIMARY KEY (sync_name, place),
                    UNIQUE (sync_name, field)
                );
                """#),
        Migration(
            version: 8, name: "events", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Syncs of events: what was sent, what is still to be sent, and how far the source was read. Programs of versions 6 and 7 go on: they
                -- know no syncs of events, and for other kinds the new columns stay NULL, or 0.

                -- Whether people were acknowledged is asked by the thousand. First what takes its time, then what locks the tables of runs.
                CREATE INDEX synced_records_by_email ON synced_records (sync_name, email) WHERE email IS NOT NULL;
                CREATE INDEX synced_records_by_user_id ON synced_records (sync_name, user_id) WHERE user_id IS NOT NULL;

                ALTER TABLE synced_events
                    ADD COLUMN position      bigint,       -- the furthest of its row, by the cursor: microseconds since 1970, or the number
                    -- Of what is sending, waiting or rejected:
                    ADD COLUMN record_key    text,
                    ADD COLUMN email         text,
                    ADD COLUMN user_id       text,
                    ADD COLUMN event_name    text,
                    ADD COLUMN payload       bytea,        -- the event as it is sent
                    ADD COLUMN happened      bigint,       -- what orders the events of one person
                    ADD COLUMN first_seen    timestamptz,
                    ADD COLUMN error_code    text,         -- why it waits, or was refused
                    ADD COLUMN error_reason  text,
                    ADD COLUMN http_status   integer;
                CREATE INDEX synced_events_by_position ON synced_events (sync_name, position);
                CREATE INDEX synced_events_by_id ON synced_events (sync_name, event_id) WHERE event_id IS NOT NULL;
                -- Few of millions.
                CREATE INDEX synced_events_unsent ON synced_events (sync_name, state, event_key)
                    WHERE state IN ('sending', 'waiting', 'rejected');

                ALTER TABLE sync_cursors
                    ADD COLUMN state          text,        -- JSON: the whole cursor; NULL: nothing was read yet
                    ADD COLUMN staged_run_id  uuid,        -- the run whose end moves the cursor
                    ADD COLUMN staged         text;        -- JSON: where to

                ALTER TABLE sync_changes
                    ADD COLUMN event_id     text,
                    ADD COLUMN event_name   text,
                    ADD COLUMN position     bigint,
                    ADD COLUMN happened     bigint,
                    ADD COLUMN first_seen   timestamptz,
                    ADD COLUMN was_waiting  boolean;       -- whether it was known to wait before
                ALTER TABLE sync_runs
                    ADD COLUMN late  bigint NOT NULL DEFAULT 0;  -- events that lay before what a run usually reads

                -- A view keeps the columns that its table had when it was made.
                CREATE OR REPLACE VIEW latest_runs AS
                    SELECT DISTINCT ON (sync_name) * FROM sync_runs ORDER BY sync_name, run_id DESC;
                """#),
        Migration(
            version: 9, name: "receivers", compatibleFrom: 6,
            sql: #"""
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
                """#),
        Migration(
            version: 10, name: "list_fields", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Fields that are sent with the members of a list. Programs of versions 6 to 9 go on: they send none, and the new column stays as
                -- it is.

                ALTER TABLE list_members
                    ADD COLUMN values_held  bytea;      -- a bit for each field that held a value when the member was last sent; NULL: none
                """#),
        Migration(
            version: 11, name: "verify", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Items of catalogs that are read back after Iterable accepted them. Programs of versions 6 to 10 go on: they read none back, and the
                -- new columns stay 0.

                -- Items that are to be read back, of each run a few.
                CREATE TABLE item_checks (
                    sync_name    text NOT NULL,
                    fingerprint  uuid NOT NULL,            -- as synced_records has it
                    content      bigint NOT NULL,          -- as synced_records had it; with another one there the check is void
                    run_id       uuid NOT NULL,            -- the run that put the item
                    noted_at     timestamptz NOT NULL,
                    accepted_at  timestamptz,              -- when Iterable had accepted it; NULL: that was not recorded
                    has_failed   boolean NOT NULL,         -- whether the item was put again because it was not as it had been put
                    PRIMARY KEY (sync_name, fingerprint, content)
                );

                ALTER TABLE sync_runs
                    ADD COLUMN items_verified      bigint NOT NULL DEFAULT 0,  -- items that were read back and are as they were put
                    ADD COLUMN items_not_verified  bigint NOT NULL DEFAULT 0;  -- items that were read back and are not

                -- A view keeps the columns that its table had when it was made.
                CREATE OR REPLACE VIEW latest_runs AS
                    SELECT DISTINCT ON (sync_name) * FROM sync_runs ORDER BY sync_name, run_id DESC;
                """#),
        Migration(
            version: 12, name: "rate_budgets", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Rate limits that processes share. Programs of versions 6 to 11 go on: they take no part, and keep their limits each by itself.

                -- One row for each address of Iterable, API key and endpoint.
                CREATE TABLE rate_budgets (
                    budget     text PRIMARY KEY,      -- address, one-way hash of the API key, endpoint
                    next_turn  bigint NOT NULL        -- the first turn that no process has, in microseconds since 1970
                );

                -- The processes that take part.
                CREATE TABLE rate_shares (
                    budget             text NOT NULL,
                    process            text NOT NULL,
                    rate_limit         double precision NOT NULL,  -- requests a second, as configured in the process
                    wanted_by_streams  double precision NOT NULL,  -- requests a second
                    wanted_by_runs     double precision NOT NULL,
                    share              double precision NOT NULL,  -- requests a second, as of the last exchange
                    seen_at            timestamptz NOT NULL,       -- the last exchange; after 5 seconds without one the process does not count
                    PRIMARY KEY (budget, process)
                );
                """#),
        Migration(
            version: 13, name: "state_moves", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Where the state of a sync is after `rollcall move-state` has moved it. Programs of versions 6 to 12 go on: they do not
                -- know the new columns, and need not. A sync whose state is elsewhere has a lease here that does not end, so that they take
                -- the sync for busy and begin no run of it.

                ALTER TABLE sync_leases
                    -- How often the state had been moved when it came here; of several, the highest is the state.
                    ADD COLUMN moves         bigint NOT NULL DEFAULT 0,
                    -- The state_id of where the state is, or is being moved to; NULL: it is here.
                    ADD COLUMN elsewhere_id  uuid,
                    -- The name of that warehouse, for messages.
                    ADD COLUMN elsewhere     text;

                -- One row: what tells this state from every other one.
                CREATE TABLE state_identity (
                    id        integer PRIMARY KEY,                       -- 1
                    state_id  uuid NOT NULL
                );
                INSERT INTO state_identity (id, state_id) VALUES (1, gen_random_uuid());

                -- A state that was moved away is shown where it is.
                CREATE OR REPLACE VIEW failed_records AS
                    SELECT l.sync_name, l.run_id, r.list_id, l.email, l.user_id, l.operation, l.error_code, l.error_reason,
                           l.http_status, l.attempts, l.logged_at
                      FROM sync_log l LEFT JOIN sync_runs r ON r.run_id = l.run_id
                     WHERE l.status = 'failed'
                       AND NOT EXISTS (SELECT FROM sync_leases s WHERE s.sync_name = l.sync_name AND s.elsewhere_id IS NOT NULL);
                """#),
        Migration(
            version: 14, name: "reading", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- How the rows of each run were read, and what that cost. Programs of versions 6 to 13 go on: they read all rows, and leave the new
                -- columns NULL.

                ALTER TABLE sync_runs
                    ADD COLUMN read_mode     text,              -- all, grouped, changed or fallback; NULL: it was not noted
                    ADD COLUMN read_bytes    bigint,            -- bytes that came from the database; NULL: they were not counted
                    ADD COLUMN read_seconds  double precision,  -- from the first question about the rows to the last row
                    ADD COLUMN read_reason   text;              -- why they were read so

                -- A view keeps the columns that its table had when it was made. A state that was moved away is shown where it is.
                CREATE OR REPLACE VIEW latest_runs AS
                    SELECT DISTINCT ON (r.sync_name) r.* FROM sync_runs r
                     WHERE NOT EXISTS (SELECT FROM sync_leases s WHERE s.sync_name = r.sync_name AND s.elsewhere_id IS NOT NULL)
                     ORDER BY r.sync_name, r.run_id DESC;
                """#),
        Migration(
            version: 15, name: "event_keys", compatibleFrom: 15,
            sql: #"""
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
                """#),
        Migration(
            version: 16, name: "people_of_events", compatibleFrom: 15,
            sql: #"""
                -- compatible_from: 15
                -- The views on what Iterable sends back: latest_unsubscribes shows the userId that is known of an email also where the event has
                -- none, and both views take an email for the same in any case. Programs of version 15 go on: they read neither view.

                -- Who was seen with an email, for the few events of subscription without a userId. Masked emails are those of many people, and say nothing. By hash, since an email may have any length.
                CREATE INDEX iterable_events_of_people ON iterable_events USING hash (lower(email))
                    WHERE email IS NOT NULL AND user_id IS NOT NULL AND email NOT LIKE '***%' AND email NOT LIKE '_***%';

                -- The latest unsubscription of each person of a destination that is still in force. A person is who has a user_id; events without
                -- one are those of whoever was last seen with their email, in any event. What concerns lists alone is left out. A subscription
                -- lifts an earlier unsubscription if both name a channel or message type in common, or one of them names none. Masked identifiers
                -- (`a***@example.com`, `u***`) are those of many people: each such unsubscription stands for itself, and nothing lifts it.
                CREATE OR REPLACE VIEW latest_unsubscribes AS
                    WITH named AS (
                        SELECT e.*, coalesce(e.destination, '') AS place, coalesce(e.occurred_at, e.received_at) AS at,
                               lower(e.email) AS address,
                               e.event_name = 'emailSubscribe' AS is_subscription,
                               coalesce(e.email LIKE '***%' OR e.email LIKE '_***%', false)
                               OR coalesce(e.user_id = '***' OR e.user_id LIKE '_***' OR e.user_id LIKE '***@%' OR e.user_id LIKE '_***@%', false)
                                   AS is_masked,
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
                    ), known AS MATERIALIZED (
                        SELECT t.*, coalesce(t.user_id, CASE WHEN NOT t.is_masked THEN (
                                   SELECT k.user_id FROM iterable_events k
                                    WHERE lower(k.email) = t.address AND k.email IS NOT NULL AND k.user_id IS NOT NULL
                                      AND k.email NOT LIKE '***%' AND k.email NOT LIKE '_***%'
                                      AND coalesce(k.destination, '') = t.place
                                    ORDER BY coalesce(k.occurred_at, k.received_at) DESC, k.event_id DESC LIMIT 1) END) AS known_user_id
                          FROM targeted t
                    ), personal AS (
                        SELECT k.*, CASE WHEN k.is_masked THEN 'event ' || k.event_id
                                         ELSE coalesce('user ' || k.known_user_id, 'email ' || k.address) END AS person
                          FROM known k
                    ), addressed AS (
                        SELECT p.*, first_value(p.email)
                                    OVER (PARTITION BY p.place, p.person ORDER BY p.email IS NULL, p.at DESC, p.event_id DESC) AS known_email
                          FROM personal p
                    )
                    SELECT DISTINCT ON (u.place, u.person)
                           coalesce(u.email, u.known_email) AS email, u.known_user_id AS user_id, u.occurred_at, u.event_name, u.campaign_id,
                           u.message_id, u.channel_id, u.message_type_id
                      FROM addressed u
                     WHERE NOT u.is_subscription AND NOT EXISTS (
                           SELECT FROM addressed s
                            WHERE s.is_subscription AND s.place = u.place AND s.person = u.person AND s.at > u.at
                              AND (s.targets = '{}' OR u.targets = '{}' OR s.targets && u.targets))
                     ORDER BY u.place, u.person, u.at DESC, u.event_id DESC;

                -- How often emails were sent, opened and so on, by message and person: a person is an email in any case, or a user_id where there
                -- is none. Events without a message_id are left out.
                CREATE OR REPLACE VIEW email_engagement AS
                    SELECT message_id, min(email) AS email, max(user_id) AS user_id, max(campaign_id) AS campaign_id, max(template_id) AS template_id,
                           count(*) FILTER (WHERE event_name = 'emailSend') AS sent,
                           count(*) FILTER (WHERE event_name = 'emailOpen') AS opened,
                           count(*) FILTER (WHERE event_name = 'emailClick') AS clicked,
                           count(*) FILTER (WHERE event_name = 'emailBounce') AS bounced,
                           count(*) FILTER (WHERE event_name IN ('emailUnSubscribe', 'hostedUnsubscribeClick')) AS unsubscribed
                      FROM iterable_events
                     WHERE message_id IS NOT NULL AND (email IS NOT NULL OR user_id IS NOT NULL)
                       AND event_name IN ('emailSend', 'emailOpen', 'emailClick', 'emailBounce', 'emailUnSubscribe', 'hostedUnsubscribeClick')
                     GROUP BY message_id, lower(email), CASE WHEN email IS NULL THEN user_id END;
                """#),
    ]

    static let sqlite: [Migration] = [
        Migration(
            version: 1, name: "initial", compatibleFrom: 1,
            sql: #"""
                -- Rollcall's state and logs, in the warehouse file itself. Times are ISO 8601 text in UTC with milliseconds.
                CREATE TABLE rollcall_sync_runs (
                    run_id                 TEXT PRIMARY KEY,
                    sync_name              TEXT NOT NULL,
                    destination            TEXT NOT NULL,
                    list_id                INTEGER,
                    "trigger"              TEXT NOT NULL CHECK ("trigger" IN ('manual', 'schedule', 'api')),
                    status                 TEXT NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'completed_with_failures',
                                               'failed', 'held', 'cancelled', 'skipped', 'interrupted')),
                    started_at             TEXT NOT NULL,
                    finished_at            TEXT,
                    rows_read              INTEGER NOT NULL DEFAULT 0,
                    rows_invalid           INTEGER NOT NULL DEFAULT 0,
                    rows_duplicate         INTEGER NOT NULL DEFAULT 0,
                    audience_size          INTEGER NOT NULL DEFAULT 0,
                    unchanged              INTEGER NOT NULL DEFAULT 0,
                    planned_subscribe      INTEGER NOT NULL DEFAULT 0,
                    planned_unsubscribe    INTEGER NOT NULL DEFAULT 0,
                    succeeded_subscribe    INTEGER NOT NULL DEFAULT 0,
                    succeeded_unsubscribe  INTEGER NOT NULL DEFAULT 0,
                    failed_subscribe       INTEGER NOT NULL DEFAULT 0,
                    failed_unsubscribe     INTEGER NOT NULL DEFAULT 0,
                    not_attempted          INTEGER NOT NULL DEFAULT 0,
                    unknown                INTEGER NOT NULL DEFAULT 0,
                    requests_sent          INTEGER NOT NULL DEFAULT 0,
                    requests_retried       INTEGER NOT NULL DEFAULT 0,
                    rate_limited           INTEGER NOT NULL DEFAULT 0,
                    error_code             TEXT,
                    error_message          TEXT,
                    error_hint             TEXT,
                    held_by                TEXT,                        -- JSON array of {guard, limit, observed}
                    full_resync            INTEGER NOT NULL DEFAULT 0,
                    claimed_through        INTEGER NOT NULL DEFAULT 0,  -- changes up to here may have been sent
                    CONSTRAINT finished_when_final CHECK ((finished_at IS NULL) = (status IN ('queued', 'running', 'held'))),
                    CONSTRAINT rows_balance CHECK (status IN ('queued', 'running')
                        OR rows_read = rows_invalid + rows_duplicate + audience_size),
                    CONSTRAINT records_balance CHECK (status IN ('queued', 'running')
                        OR planned_subscribe + planned_unsubscribe = succeeded_subscribe + succeeded_unsubscribe
                         + failed_subscribe + failed_unsubscribe + not_attempted + unknown)
                );
                CREATE UNIQUE INDEX rollcall_one_open_run_per_sync ON rollcall_sync_runs (sync_name)
                    WHERE status IN ('queued', 'running', 'held');
                CREATE INDEX rollcall_sync_runs_by_sync ON rollcall_sync_runs (sync_name, run_id);

                CREATE TABLE rollcall_sync_log (
                    record_id     INTEGER PRIMARY KEY AUTOINCREMENT,
                    run_id        TEXT NOT NULL,
                    sync_name     TEXT NOT NULL,
                    email         TEXT,
                    user_id       TEXT,
                    operation     TEXT NOT NULL CHECK (operation IN ('subscribe', 'unsubscribe', 'validate')),
                    status        TEXT NOT NULL CHECK (status IN ('succeeded', 'failed', 'unknown', 'not_attempted')),
                    error_code    TEXT,
                    error_reason  TEXT,
                    http_status   INTEGER,
                    attempts      INTEGER NOT NULL DEFAULT 0,
                    logged_at     TEXT NOT NULL
                );
                CREATE INDEX rollcall_sync_log_by_run ON rollcall_sync_log (run_id, record_id);

                CREATE TABLE rollcall_list_members (
                    sync_name     TEXT NOT NULL,
                    list_id       INTEGER NOT NULL,
                    fingerprint   BLOB NOT NULL,                        -- keyed hash of the identity, 16 bytes
                    email         TEXT,
                    user_id       TEXT,
                    state         TEXT NOT NULL CHECK (state IN ('subscribed', 'subscribing', 'unsubscribing', 'rejected')),
                    listed        INTEGER NOT NULL,                     -- may be on the list because of this sync
                    since_run_id  TEXT NOT NULL,
                    since         TEXT NOT NULL,
                    error_code    TEXT,                                 -- why Iterable refuses the person; only with rejected
                    error_reason  TEXT,
                    http_status   INTEGER,
                    PRIMARY KEY (sync_name, list_id, fingerprint),
                    CONSTRAINT somebody CHECK (email IS NOT NULL OR user_id IS NOT NULL)
                ) WITHOUT ROWID;

                -- The outbox: changes that a run has planned and that have no outcome yet.
                CREATE TABLE rollcall_sync_changes (
                    run_id          TEXT NOT NULL,
                    sequence        INTEGER NOT NULL,
                    kind            TEXT NOT NULL CHECK (kind IN ('send', 'parked', 'forget', 'supersede')),
                    operation       TEXT NOT NULL CHECK (operation IN ('subscribe', 'unsubscribe')),
                    fingerprint     BLOB NOT NULL,
                    email           TEXT,
                    user_id         TEXT,
                    not_before      TEXT,
                    parent          INTEGER,
                    logged_email    TEXT,
                    logged_user_id  TEXT,
                    PRIMARY KEY (run_id, sequence)
                ) WITHOUT ROWID;

                CREATE INDEX rollcall_sync_changes_by_parent ON rollcall_sync_changes (run_id, parent) WHERE parent IS NOT NULL;

                -- Requests that got no answer and may still be carried out.
                CREATE TABLE rollcall_settling_requests (
                    sync_name   TEXT NOT NULL,
                    list_id     INTEGER NOT NULL,
                    email       TEXT,
                    user_id     TEXT,
                    operation   TEXT NOT NULL CHECK (operation IN ('subscribe', 'unsubscribe')),
                    settles_at  TEXT NOT NULL
                );
                CREATE INDEX rollcall_settling_requests_by_sync ON rollcall_settling_requests (sync_name, list_id, settles_at);

                CREATE TABLE rollcall_sync_state (
                    sync_name        TEXT PRIMARY KEY,
                    fingerprint_key  BLOB,
                    generation       INTEGER NOT NULL DEFAULT 0,        -- another random number with every change of list_members
                    destination      TEXT,
                    list_name        TEXT,
                    list_id          INTEGER,
                    list_created_at  TEXT,
                    list_gone_at     TEXT,
                    paused           INTEGER NOT NULL DEFAULT 0
                );

                CREATE TABLE rollcall_sync_leases (
                    sync_name   TEXT PRIMARY KEY,
                    token       INTEGER NOT NULL,
                    holder      TEXT NOT NULL,
                    expires_at  TEXT NOT NULL
                );

                CREATE TABLE rollcall_schedule_ticks (
                    sync_name         TEXT NOT NULL,
                    due_at            TEXT NOT NULL,
                    outcome           TEXT NOT NULL,
                    run_id            TEXT,
                    lateness_seconds  REAL,
                    PRIMARY KEY (sync_name, due_at)
                );

                CREATE VIEW rollcall_latest_runs AS
                    SELECT * FROM rollcall_sync_runs
                     WHERE run_id IN (SELECT max(run_id) FROM rollcall_sync_runs GROUP BY sync_name);

                CREATE VIEW rollcall_failed_records AS
                    SELECT l.sync_name, l.run_id, r.list_id, l.email, l.user_id, l.operation, l.error_code, l.error_reason,
                           l.http_status, l.attempts, l.logged_at
                      FROM rollcall_sync_log l LEFT JOIN rollcall_sync_runs r ON r.run_id = l.run_id
                     WHERE l.status = 'failed';
                """#),
        Migration(
            version: 2, name: "schedules", compatibleFrom: 2,
            sql: #"""
                -- What several `serve` processes share: how far ticks are accounted for, who asked for a cancel, what was told.
                ALTER TABLE rollcall_sync_state ADD COLUMN schedule TEXT;        -- the schedule that ticks were last counted for
                ALTER TABLE rollcall_sync_state ADD COLUMN ticked_through TEXT;  -- every tick up to here has had its row
                ALTER TABLE rollcall_sync_state ADD COLUMN cancel_run_id TEXT;   -- a running run that somebody asked to cancel
                ALTER TABLE rollcall_sync_state ADD COLUMN alert_state TEXT;     -- how the sync was doing when alerts last said so
                ALTER TABLE rollcall_schedule_ticks ADD COLUMN claimed_at TEXT;  -- when a process took the tick, by SQLite's clock
                CREATE INDEX rollcall_schedule_ticks_pending ON rollcall_schedule_ticks (sync_name, due_at)
                    WHERE outcome = 'pending';
                """#),
        Migration(
            version: 3, name: "list_projects", compatibleFrom: 3,
            sql: #"""
                -- Of which project the list is that a sync is bound to: two syncs must not keep one list. NULL until the sync's next run.
                ALTER TABLE rollcall_sync_state ADD COLUMN base_url TEXT;  -- address of the API
                ALTER TABLE rollcall_sync_state ADD COLUMN key_hash TEXT;  -- one-way hash of the API key
                """#),
        Migration(
            version: 4, name: "keys", compatibleFrom: 4,
            sql: #"""
                -- Nothing to do: every table of SQLite has a key, if only its rowid. The number is taken so that both databases count alike.
                """#),
        Migration(
            version: 5, name: "stray_requests", compatibleFrom: 5,
            sql: #"""
                -- Changes that a process sent, perhaps after its lease was another's: noted without a lease, settled by the next run.
                CREATE TABLE rollcall_stray_requests (
                    run_id       TEXT NOT NULL,
                    sequence     INTEGER NOT NULL,
                    sync_name    TEXT NOT NULL,
                    list_id      INTEGER NOT NULL,
                    fingerprint  BLOB NOT NULL,
                    email        TEXT,
                    user_id      TEXT,
                    operation    TEXT NOT NULL CHECK (operation IN ('subscribe', 'unsubscribe')),
                    settles_at   TEXT NOT NULL,
                    PRIMARY KEY (run_id, sequence)
                ) WITHOUT ROWID;
                """#),
        Migration(
            version: 6, name: "records", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- needs: stop. Processes of versions before 6 count runs in rollcall_sync_runs alone.
                -- Room for syncs of every kind: lists, users, events and catalogs.

                -- What rows may say is held by the program and its tests; these would refuse the operations and balances of other kinds.
                -- SQLite has no statement that drops a CHECK. Rows do not depend on it, so that it may be taken out of the schema's text, as
                -- sqlite.org/lang_altertable.html says in section 7; a copy of the tables would take minutes and twice the room.
                PRAGMA writable_schema = ON;
                UPDATE sqlite_schema SET sql = replace(replace(replace(replace(replace(sql,
                    ' CHECK ("trigger" IN (''manual'', ''schedule'', ''api''))', ''),
                    ' CHECK (status IN (''queued'', ''running'', ''succeeded'', ''completed_with_failures'',
                                               ''failed'', ''held'', ''cancelled'', ''skipped'', ''interrupted''))', ''),
                    ',
                    CONSTRAINT rows_balance CHECK (status IN (''queued'', ''running'')
                        OR rows_read = rows_invalid + rows_duplicate + audience_size)', ''),
                    ',
                    CONSTRAINT records_balance CHECK (status IN (''queued'', ''running'')
                        OR planned_subscribe + planned_unsubscribe = succeeded_subscribe + succeeded_unsubscribe
                         + failed_subscribe + failed_unsubscribe + not_attempted + unknown)', ''),
                    ' CHECK (status IN (''succeeded'', ''failed'', ''unknown'', ''not_attempted''))', '')
                 WHERE type = 'table' AND name IN ('rollcall_sync_runs', 'rollcall_sync_log');
                UPDATE sqlite_schema SET sql = replace(replace(replace(replace(replace(replace(sql,
                    ' CHECK (operation IN (''subscribe'', ''unsubscribe'', ''validate''))', ''),
                    ' CHECK (operation IN (''subscribe'', ''unsubscribe''))', ''),
                    ' CHECK (kind IN (''send'', ''parked'', ''forget'', ''supersede''))', ''),
                    ' CHECK (state IN (''subscribed'', ''subscribing'', ''unsubscribing'', ''rejected''))', ''),
                    'list_id     INTEGER NOT NULL', 'list_id     INTEGER'),
                    'list_id      INTEGER NOT NULL', 'list_id      INTEGER')
                 WHERE type = 'table' AND name IN ('rollcall_sync_log', 'rollcall_list_members', 'rollcall_sync_changes',
                                                   'rollcall_settling_requests', 'rollcall_stray_requests');
                PRAGMA writable_schema = RESET;

                ALTER TABLE rollcall_sync_runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'list';  -- list, users, events or catalog
                ALTER TABLE rollcall_sync_runs ADD COLUMN target TEXT;  -- name of the list, catalog or event, 'users' or 'events'
                ALTER TABLE rollcall_sync_runs ADD COLUMN rows_excluded INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE rollcall_sync_runs ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE rollcall_sync_runs ADD COLUMN counts TEXT NOT NULL DEFAULT '{}';  -- {operation: {planned, succeeded, failed, …}}
                ALTER TABLE rollcall_sync_log ADD COLUMN record_key TEXT;
                ALTER TABLE rollcall_sync_log ADD COLUMN item_id TEXT;
                ALTER TABLE rollcall_sync_log ADD COLUMN event_name TEXT;
                ALTER TABLE rollcall_sync_log ADD COLUMN event_id TEXT;
                ALTER TABLE rollcall_list_members ADD COLUMN content INTEGER;  -- keyed hash of the fields that were sent; NULL: none
                ALTER TABLE rollcall_sync_changes ADD COLUMN record_key TEXT;
                ALTER TABLE rollcall_sync_changes ADD COLUMN item_id TEXT;
                ALTER TABLE rollcall_sync_changes ADD COLUMN content INTEGER;  -- keyed hash of the payload
                ALTER TABLE rollcall_sync_changes ADD COLUMN payload BLOB;  -- the record as it is sent
                ALTER TABLE rollcall_sync_changes ADD COLUMN logged_key TEXT;  -- how the log shows the key, where that differs
                ALTER TABLE rollcall_settling_requests ADD COLUMN fingerprint BLOB;
                ALTER TABLE rollcall_settling_requests ADD COLUMN content INTEGER;
                ALTER TABLE rollcall_stray_requests ADD COLUMN kind TEXT NOT NULL DEFAULT 'list';
                ALTER TABLE rollcall_stray_requests ADD COLUMN record_key TEXT;
                ALTER TABLE rollcall_stray_requests ADD COLUMN item_id TEXT;
                ALTER TABLE rollcall_stray_requests ADD COLUMN content INTEGER;
                ALTER TABLE rollcall_schema_migrations ADD COLUMN compatible_from INTEGER;  -- the oldest version whose programs can work with it
                ALTER TABLE rollcall_sync_state ADD COLUMN mapping_hash TEXT;  -- of the mapping that the sync's records were last sent with
                ALTER TABLE rollcall_sync_state ADD COLUMN last_write_at TEXT;  -- when a request that Iterable carries out later was last sent

                -- Earlier runs counted what was not attempted and what is unknown for both operations together: what is unknown is taken for
                -- subscribes first. The name of a run's list is known where the sync still keeps that list.
                UPDATE rollcall_sync_runs SET
                    target = (SELECT s.list_name FROM rollcall_sync_state s
                               WHERE s.sync_name = rollcall_sync_runs.sync_name AND s.list_id = rollcall_sync_runs.list_id),
                    counts = (
                        SELECT json_object(
                            'subscribe', json_object(
                                'planned', planned_subscribe, 'succeeded', succeeded_subscribe, 'failed', failed_subscribe,
                                'not_attempted', min(not_attempted, c.others - c.unknown), 'unknown', c.unknown),
                            'unsubscribe', json_object(
                                'planned', planned_unsubscribe, 'succeeded', succeeded_unsubscribe, 'failed', failed_unsubscribe,
                                'not_attempted', not_attempted - min(not_attempted, c.others - c.unknown),
                                'unknown', rollcall_sync_runs.unknown - c.unknown))
                          FROM (SELECT o.others, min(rollcall_sync_runs.unknown, o.others) AS unknown
                                  FROM (-- Subscribes with another outcome than success or failure; those of a run under way may still get one.
                                        SELECT max(0, planned_subscribe - succeeded_subscribe - failed_subscribe
                                                   - CASE WHEN status IN ('queued', 'running') THEN (
                                                         SELECT count(*) FROM rollcall_sync_changes s
                                                          WHERE s.run_id = rollcall_sync_runs.run_id AND s.operation = 'subscribe'
                                                            AND s.kind IN ('send', 'parked'))
                                                     ELSE 0 END) AS others) AS o) AS c);

                -- What Iterable acknowledged of syncs of users and catalogs.
                CREATE TABLE rollcall_synced_records (
                    sync_name     TEXT NOT NULL,
                    kind          TEXT NOT NULL,
                    fingerprint   BLOB NOT NULL,        -- keyed hash of the record's key, 16 bytes
                    record_key    TEXT NOT NULL,
                    email         TEXT,
                    user_id       TEXT,
                    item_id       TEXT,
                    content       INTEGER NOT NULL,     -- keyed hash of the object as it was last sent
                    values_held   BLOB,                 -- a bit for each field that held a value then
                    state         TEXT NOT NULL,        -- synced, sending, removing, rejected or waiting
                    owned         INTEGER NOT NULL,     -- may be in Iterable because of this sync
                    since_run_id  TEXT NOT NULL,
                    since         TEXT NOT NULL,
                    error_code    TEXT,
                    error_reason  TEXT,
                    http_status   INTEGER,
                    PRIMARY KEY (sync_name, kind, fingerprint)
                ) WITHOUT ROWID;

                -- The events that a sync has seen.
                CREATE TABLE rollcall_synced_events (
                    sync_name  TEXT NOT NULL,
                    event_key  BLOB NOT NULL,           -- keyed hash of the values of the key, 16 bytes
                    event_id   TEXT,                    -- as sent; NULL for what was skipped
                    content    INTEGER,
                    state      TEXT NOT NULL,           -- sent, sending, skipped, waiting or rejected
                    run_id     TEXT NOT NULL,
                    at         TEXT NOT NULL,
                    PRIMARY KEY (sync_name, event_key)
                ) WITHOUT ROWID;

                -- How far a sync of events has read.
                CREATE TABLE rollcall_sync_cursors (
                    sync_name      TEXT PRIMARY KEY,
                    column_name    TEXT NOT NULL,
                    watermark      TEXT,
                    last_sweep_at  TEXT,
                    late_rows      INTEGER NOT NULL DEFAULT 0
                );

                -- The fields that Iterable has, as far as syncs know.
                CREATE TABLE rollcall_destination_fields (
                    destination     TEXT NOT NULL,
                    scope           TEXT NOT NULL,      -- users, event:NAME or catalog:NAME
                    field           TEXT NOT NULL,
                    type            TEXT NOT NULL,
                    first_seen      TEXT NOT NULL,
                    created_by_run  TEXT,
                    PRIMARY KEY (destination, scope, field)
                ) WITHOUT ROWID;

                -- What each run did, by operation.
                CREATE VIEW rollcall_sync_run_counts AS
                    SELECT r.run_id, c.key AS operation, json_extract(c.value, '$.planned') AS planned,
                           json_extract(c.value, '$.succeeded') AS succeeded, json_extract(c.value, '$.failed') AS failed,
                           json_extract(c.value, '$.not_attempted') AS not_attempted, json_extract(c.value, '$.unknown') AS unknown
                      FROM rollcall_sync_runs r, json_each(r.counts) c;
                """#),
        Migration(
            version: 7, name: "held_fields", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Which fields of a profile have a value because of a sync, so that they can be cleared. Programs of version 6 go on: they know no
                -- syncs of users, and for lists and catalogs the new columns stay NULL.

                -- A bit for each field that holds a value if the change succeeds; NULL: nothing is said of them.
                ALTER TABLE rollcall_sync_changes ADD COLUMN values_held BLOB;
                ALTER TABLE rollcall_sync_changes ADD COLUMN values_in_doubt BLOB;  -- the same where it may have been carried out, or not
                -- Why the change is not sent; NULL: it is, or Iterable refused the record before.
                ALTER TABLE rollcall_sync_changes ADD COLUMN error_code TEXT;
                ALTER TABLE rollcall_sync_changes ADD COLUMN error_reason TEXT;
                ALTER TABLE rollcall_stray_requests ADD COLUMN values_held BLOB;  -- values_in_doubt of the change

                -- The names of the fields whose bits values_held has. A name keeps its place for ever.
                CREATE TABLE rollcall_field_places (
                    sync_name  TEXT NOT NULL,
                    place      INTEGER NOT NULL,        -- from 0, without gaps
                    field      TEXT NOT NULL,
                    PRIMARY KEY (sync_name, place),
                    UNIQUE (sync_name, field)
                ) WITHOUT ROWID;
                """#),
        Migration(
            version: 8, name: "events", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Syncs of events: what was sent, what is still to be sent, and how far the source was read. Programs of versions 6 and 7 go on: they
                -- know no syncs of events, and for other kinds the new columns stay NULL, or 0.

                -- Whether people were acknowledged is asked by the thousand.
                CREATE INDEX rollcall_synced_records_by_email ON rollcall_synced_records (sync_name, email) WHERE email IS NOT NULL;
                CREATE INDEX rollcall_synced_records_by_user_id ON rollcall_synced_records (sync_name, user_id) WHERE user_id IS NOT NULL;

                -- The furthest of its row, by the cursor: microseconds since 1970, or the number.
                ALTER TABLE rollcall_synced_events ADD COLUMN position INTEGER;
                -- Of what is sending, waiting or rejected:
                ALTER TABLE rollcall_synced_events ADD COLUMN record_key TEXT;
                ALTER TABLE rollcall_synced_events ADD COLUMN email TEXT;
                ALTER TABLE rollcall_synced_events ADD COLUMN user_id TEXT;
                ALTER TABLE rollcall_synced_events ADD COLUMN event_name TEXT;
                ALTER TABLE rollcall_synced_events ADD COLUMN payload BLOB;  -- the event as it is sent
                ALTER TABLE rollcall_synced_events ADD COLUMN happened INTEGER;  -- what orders the events of one person
                ALTER TABLE rollcall_synced_events ADD COLUMN first_seen TEXT;
                ALTER TABLE rollcall_synced_events ADD COLUMN error_code TEXT;  -- why it waits, or was refused
                ALTER TABLE rollcall_synced_events ADD COLUMN error_reason TEXT;
                ALTER TABLE rollcall_synced_events ADD COLUMN http_status INTEGER;
                CREATE INDEX rollcall_synced_events_by_position ON rollcall_synced_events (sync_name, position);
                CREATE INDEX rollcall_synced_events_by_id ON rollcall_synced_events (sync_name, event_id) WHERE event_id IS NOT NULL;
                -- Few of millions. SQLite takes it for statements that have this very condition.
                CREATE INDEX rollcall_synced_events_unsent ON rollcall_synced_events (sync_name, state, event_key)
                    WHERE state IN ('sending', 'waiting', 'rejected');

                ALTER TABLE rollcall_sync_cursors ADD COLUMN state TEXT;  -- JSON: the whole cursor; NULL: nothing was read yet
                ALTER TABLE rollcall_sync_cursors ADD COLUMN staged_run_id TEXT;  -- the run whose end moves the cursor
                ALTER TABLE rollcall_sync_cursors ADD COLUMN staged TEXT;  -- JSON: where to

                ALTER TABLE rollcall_sync_changes ADD COLUMN event_id TEXT;
                ALTER TABLE rollcall_sync_changes ADD COLUMN event_name TEXT;
                ALTER TABLE rollcall_sync_changes ADD COLUMN position INTEGER;
                ALTER TABLE rollcall_sync_changes ADD COLUMN happened INTEGER;
                ALTER TABLE rollcall_sync_changes ADD COLUMN first_seen TEXT;
                ALTER TABLE rollcall_sync_changes ADD COLUMN was_waiting INTEGER;  -- whether it was known to wait before
                -- Events that lay before what a run usually reads.
                ALTER TABLE rollcall_sync_runs ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
                """#),
        Migration(
            version: 9, name: "receivers", compatibleFrom: 6,
            sql: #"""
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
                """#),
        Migration(
            version: 10, name: "list_fields", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Fields that are sent with the members of a list. Programs of versions 6 to 9 go on: they send none, and the new column stays as
                -- it is.

                ALTER TABLE rollcall_list_members ADD COLUMN values_held BLOB;  -- a bit for each field that held a value when the member was last sent
                """#),
        Migration(
            version: 11, name: "verify", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Items of catalogs that are read back after Iterable accepted them. Programs of versions 6 to 10 go on: they read none back, and the
                -- new columns stay 0.

                -- Items that are to be read back, of each run a few.
                CREATE TABLE rollcall_item_checks (
                    sync_name    TEXT NOT NULL,
                    fingerprint  BLOB NOT NULL,        -- as rollcall_synced_records has it
                    content      INTEGER NOT NULL,     -- as rollcall_synced_records had it; with another one there the check is void
                    run_id       TEXT NOT NULL,        -- the run that put the item
                    noted_at     TEXT NOT NULL,
                    accepted_at  TEXT,                 -- when Iterable had accepted it; NULL: that was not recorded
                    has_failed   INTEGER NOT NULL,     -- whether the item was put again because it was not as it had been put
                    PRIMARY KEY (sync_name, fingerprint, content)
                ) WITHOUT ROWID;

                -- Items that were read back and are as they were put, and those that are not.
                ALTER TABLE rollcall_sync_runs ADD COLUMN items_verified INTEGER NOT NULL DEFAULT 0;
                ALTER TABLE rollcall_sync_runs ADD COLUMN items_not_verified INTEGER NOT NULL DEFAULT 0;
                """#),
        Migration(
            version: 12, name: "rate_budgets", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Rate limits that processes share. Programs of versions 6 to 11 go on: they take no part, and keep their limits each by itself.

                -- One row for each address of Iterable, API key and endpoint.
                CREATE TABLE rollcall_rate_budgets (
                    budget     TEXT NOT NULL PRIMARY KEY,  -- address, one-way hash of the API key, endpoint
                    next_turn  INTEGER NOT NULL            -- the first turn that no process has, in microseconds since 1970
                ) WITHOUT ROWID;

                -- The processes that take part.
                CREATE TABLE rollcall_rate_shares (
                    budget             TEXT NOT NULL,
                    process            TEXT NOT NULL,
                    rate_limit         REAL NOT NULL,      -- requests a second, as configured in the process
                    wanted_by_streams  REAL NOT NULL,      -- requests a second
                    wanted_by_runs     REAL NOT NULL,
                    share              REAL NOT NULL,      -- requests a second, as of the last exchange
                    seen_at            TEXT NOT NULL,      -- the last exchange; after 5 seconds without one the process does not count
                    PRIMARY KEY (budget, process)
                ) WITHOUT ROWID;
                """#),
        Migration(
            version: 13, name: "state_moves", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- Where the state of a sync is after `rollcall move-state` has moved it. Programs of versions 6 to 12 go on: they do not
                -- know the new columns, and need not. A sync whose state is elsewhere has a lease here that does not end, so that they take
                -- the sync for busy and begin no run of it.

                -- How often the state had been moved when it came here; of several, the highest is the state.
                ALTER TABLE rollcall_sync_leases ADD COLUMN moves INTEGER NOT NULL DEFAULT 0;
                -- The state_id of where the state is, or is being moved to; NULL: it is here.
                ALTER TABLE rollcall_sync_leases ADD COLUMN elsewhere_id TEXT;
                -- The name of that warehouse, for messages.
                ALTER TABLE rollcall_sync_leases ADD COLUMN elsewhere TEXT;

                -- One row: what tells this state from every other one.
                CREATE TABLE rollcall_state_identity (
                    id        INTEGER PRIMARY KEY,                       -- 1
                    state_id  TEXT NOT NULL                              -- a UUID
                );
                INSERT INTO rollcall_state_identity (id, state_id)
                SELECT 1, lower(substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-8' || substr(h, 18, 3)
                                || '-' || substr(h, 21))
                  FROM (SELECT hex(randomblob(16)) AS h);

                -- A state that was moved away is shown where it is.
                DROP VIEW rollcall_latest_runs;
                CREATE VIEW rollcall_latest_runs AS
                    SELECT * FROM rollcall_sync_runs
                     WHERE run_id IN (SELECT max(run_id) FROM rollcall_sync_runs GROUP BY sync_name)
                       AND sync_name NOT IN (SELECT sync_name FROM rollcall_sync_leases WHERE elsewhere_id IS NOT NULL);
                DROP VIEW rollcall_failed_records;
                CREATE VIEW rollcall_failed_records AS
                    SELECT l.sync_name, l.run_id, r.list_id, l.email, l.user_id, l.operation, l.error_code, l.error_reason,
                           l.http_status, l.attempts, l.logged_at
                      FROM rollcall_sync_log l LEFT JOIN rollcall_sync_runs r ON r.run_id = l.run_id
                     WHERE l.status = 'failed'
                       AND l.sync_name NOT IN (SELECT sync_name FROM rollcall_sync_leases WHERE elsewhere_id IS NOT NULL);
                """#),
        Migration(
            version: 14, name: "reading", compatibleFrom: 6,
            sql: #"""
                -- compatible_from: 6
                -- How the rows of each run were read, and what that cost. Programs of versions 6 to 13 go on: they read all rows, and leave the new
                -- columns NULL.

                -- all, grouped, changed or fallback, NULL where it was not noted; bytes that came from the database, NULL where they were not counted; seconds from
                -- the first question about the rows to the last row; why they were read so.
                ALTER TABLE rollcall_sync_runs ADD COLUMN read_mode TEXT;
                ALTER TABLE rollcall_sync_runs ADD COLUMN read_bytes INTEGER;
                ALTER TABLE rollcall_sync_runs ADD COLUMN read_seconds REAL;
                ALTER TABLE rollcall_sync_runs ADD COLUMN read_reason TEXT;
                """#),
        Migration(
            version: 15, name: "event_keys", compatibleFrom: 15,
            sql: #"""
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
                """#),
        Migration(
            version: 16, name: "people_of_events", compatibleFrom: 15,
            sql: #"""
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
                """#),
    ]
}
