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
