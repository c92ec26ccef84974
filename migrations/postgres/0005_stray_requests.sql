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
