// swift-format-ignore-file
// Written by scripts/embed-migrations from migrations/. Edit the SQL there, then run `make migrations`.

/// The numbered migrations, in order, as they stand in `migrations/`.
enum EmbeddedMigrations {
    static let postgres: [Migration] = [
        Migration(
            version: 1, name: "initial",
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
            version: 2, name: "schedules",
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
            version: 3, name: "list_projects",
            sql: #"""
                -- Of which project the list is that a sync is bound to: two syncs must not keep one list. NULL until the sync's next run.
                ALTER TABLE sync_state
                    ADD COLUMN base_url  text,  -- address of the API
                    ADD COLUMN key_hash  text;  -- one-way hash of the API key
                """#),
        Migration(
            version: 4, name: "keys",
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
            version: 5, name: "stray_requests",
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
    ]

    static let sqlite: [Migration] = [
        Migration(
            version: 1, name: "initial",
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
            version: 2, name: "schedules",
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
            version: 3, name: "list_projects",
            sql: #"""
                -- Of which project the list is that a sync is bound to: two syncs must not keep one list. NULL until the sync's next run.
                ALTER TABLE rollcall_sync_state ADD COLUMN base_url TEXT;  -- address of the API
                ALTER TABLE rollcall_sync_state ADD COLUMN key_hash TEXT;  -- one-way hash of the API key
                """#),
        Migration(
            version: 4, name: "keys",
            sql: #"""
                -- Nothing to do: every table of SQLite has a key, if only its rowid. The number is taken so that both databases count alike.
                """#),
        Migration(
            version: 5, name: "stray_requests",
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
    ]
}
