import Foundation
import RollcallCore

/// How far syncs of events, and streams of other kinds, have read: rows of `sync_cursors`.
enum PostgresCursors {
    static func cursor(_ sync: String, _ session: PostgresSession) throws -> EventCursor? {
        // Tables which no run has upgraded yet lack the column.
        try session.query("SELECT to_jsonb(c) ->> 'state' FROM sync_cursors c WHERE sync_name = $1", [sync])
            .text(0, 0).map(session.original).map(StoredCursor.cursor)
    }

    /// When the first run began, as long as the cursor has not moved.
    static func begunAt(_ sync: String, _ session: PostgresSession) throws -> Date? {
        // Tables which no run has upgraded yet lack the columns.
        let staged = try session.query(
            """
            SELECT to_jsonb(c) ->> 'staged' FROM sync_cursors c WHERE sync_name = $1 AND to_jsonb(c) ->> 'state' IS NULL
            """, [sync])
        return try staged.text(0, 0).map(session.original).map(StoredCursor.cursor)?.begunAt
    }

    /// Keeps where the cursor moves when the run has ended; nil: it stays.
    /// - Parameter begun: see ``StagedPlan/begun``.
    static func stage(
        _ cursor: EventCursor?, begun: EventCursor?, of run: SyncRun, _ session: PostgresSession
    ) throws {
        guard run.mayMoveCursor else { return }
        guard let cursor else {
            try dropStaged(run.sync, session)
            if let begun { try note(begun, run.sync, session) }
            return
        }
        try session.modify(
            """
            INSERT INTO sync_cursors (sync_name, column_name, staged_run_id, staged) VALUES ($1, $2, $3::uuid, $4)
            ON CONFLICT (sync_name) DO UPDATE SET staged_run_id = excluded.staged_run_id, staged = excluded.staged
            """, [run.sync, cursor.column, run.id, try StoredCursor.json(cursor)])
    }

    private static func note(_ begun: EventCursor, _ sync: String, _ session: PostgresSession) throws {
        try session.modify(
            """
            INSERT INTO sync_cursors AS c (sync_name, column_name, staged) VALUES ($1, $2, $3)
            ON CONFLICT (sync_name) DO UPDATE SET staged = excluded.staged WHERE c.state IS NULL AND c.staged IS NULL
            """, [sync, begun.column, try StoredCursor.json(begun)])
    }

    /// What a first run has staged stays: it says when that run began.
    private static func dropStaged(_ sync: String, _ session: PostgresSession) throws {
        try session.modify(
            """
            UPDATE sync_cursors SET staged_run_id = NULL, staged = CASE WHEN state IS NULL THEN staged END
             WHERE sync_name = $1
            """, [sync])
    }

    /// Whether nothing that a run of events, or of a stream, has staged is left to be carried out. It is asked before the outbox is emptied.
    static func isDone(_ run: SyncRun, _ session: PostgresSession) throws -> Bool {
        guard run.mayMoveCursor else { return false }
        return try !session.query("SELECT EXISTS (SELECT FROM sync_changes WHERE run_id = $1::uuid)", [run.id])
            .boolean(0, 0)
    }

    /// Moves the cursor to where the run has staged it, or leaves it where it is.
    /// - Parameter isDone: whether everything that was planned has an outcome.
    static func resolveStaged(_ run: SyncRun, isDone: Bool, _ session: PostgresSession) throws {
        guard run.mayMoveCursor else { return }
        let found = try session.query(
            "SELECT staged FROM sync_cursors WHERE sync_name = $1 AND staged_run_id = $2::uuid", [run.sync, run.id])
        guard let staged = try found.text(0, 0).map(session.original) else { return }
        if isDone {
            try move(run.sync, to: staged, session)
        } else {
            try dropStaged(run.sync, session)
        }
    }

    private static func move(_ sync: String, to staged: String, _ session: PostgresSession) throws {
        let cursor = try StoredCursor.cursor(staged)
        try session.modify(
            """
            UPDATE sync_cursors
               SET column_name = $2, watermark = $3, last_sweep_at = \(PostgresRunRow.timestamp("$4")), late_rows = $5::bigint,
                   state = staged, staged_run_id = NULL, staged = NULL
             WHERE sync_name = $1
            """,
            [
                sync, cursor.column, StoredCursor.watermark(cursor),
                cursor.lastSweepAt.map { String(PostgresText.milliseconds($0)) }, String(cursor.lateRows),
            ])
        guard let kept = cursor.keepFrom else { return }
        try session.modify(
            """
            DELETE FROM seen_events
             WHERE sync_name = $1 AND position < $2::bigint AND state IN \(EventWords.list { !$0.isUnfinished })
            """, [sync, String(kept)])
    }
}
