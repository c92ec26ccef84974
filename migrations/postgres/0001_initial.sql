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
