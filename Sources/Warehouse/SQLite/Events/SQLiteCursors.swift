import Foundation
import GRDB
import RollcallCore

/// How far syncs of events, and streams of other kinds, have read: rows of `rollcall_sync_cursors`.
enum SQLiteCursors {
    static func cursor(_ database: Database, _ sync: String) throws -> EventCursor? {
        let state = try database.firstRow(
            "SELECT state FROM rollcall_sync_cursors WHERE sync_name = :sync", ["sync": .of(sync)]
        ) { $0.text(0) }
        return try (state ?? nil).map(StoredCursor.cursor)
    }

    /// When the first run began, as long as the cursor has not moved.
    static func begunAt(_ database: Database, _ sync: String) throws -> Date? {
        let staged = try database.firstRow(
            "SELECT staged FROM rollcall_sync_cursors WHERE sync_name = :sync AND state IS NULL", ["sync": .of(sync)]
        ) { $0.text(0) }
        return try (staged ?? nil).map(StoredCursor.cursor)?.begunAt
    }

    /// Keeps where the cursor moves when the run has ended; nil: it stays.
    /// - Parameter begun: see ``StagedPlan/begun``.
    static func stage(
        _ database: Database, _ cursor: EventCursor?, begun: EventCursor?, of run: SyncRun
    ) throws {
        guard run.mayMoveCursor else { return }
        guard let cursor else {
            try dropStaged(database, run.sync)
            if let begun { try note(database, begun, run.sync) }
            return
        }
        try database.change(
            """
            INSERT INTO rollcall_sync_cursors (sync_name, column_name, staged_run_id, staged)
            VALUES (:sync, :column, :run, :staged)
                ON CONFLICT (sync_name) DO UPDATE SET staged_run_id = excluded.staged_run_id, staged = excluded.staged
            """,
            [
                "sync": .of(run.sync), "column": .of(cursor.column), "run": .of(run.id),
                "staged": .of(try StoredCursor.json(cursor)),
            ])
    }

    private static func note(_ database: Database, _ begun: EventCursor, _ sync: String) throws {
        try database.change(
            """
            INSERT INTO rollcall_sync_cursors (sync_name, column_name, staged) VALUES (:sync, :column, :staged)
                ON CONFLICT (sync_name) DO UPDATE SET staged = excluded.staged WHERE state IS NULL AND staged IS NULL
            """,
            [
                "sync": .of(sync), "column": .of(begun.column), "staged": .of(try StoredCursor.json(begun)),
            ])
    }

    /// What a first run has staged stays: it says when that run began.
    private static func dropStaged(_ database: Database, _ sync: String) throws {
        try database.change(
            """
            UPDATE rollcall_sync_cursors SET staged_run_id = NULL, staged = CASE WHEN state IS NULL THEN staged END
             WHERE sync_name = :sync
            """, ["sync": .of(sync)])
    }

    /// Whether nothing that a run of events, or of a stream, has staged is left to be carried out. It is asked before the outbox is emptied.
    static func isDone(_ database: Database, _ run: SyncRun) throws -> Bool {
        guard run.mayMoveCursor else { return false }
        return try database.firstRow(
            "SELECT NOT EXISTS (SELECT 1 FROM rollcall_sync_changes WHERE run_id = :run)", ["run": .of(run.id)]
        ) { $0.count(0) != 0 } ?? false
    }

    /// Moves the cursor to where the run has staged it, or leaves it where it is.
    /// - Parameter isDone: whether everything that was planned has an outcome.
    static func resolveStaged(_ database: Database, _ run: SyncRun, isDone: Bool) throws {
        guard run.mayMoveCursor else { return }
        let found = try database.firstRow(
            "SELECT staged FROM rollcall_sync_cursors WHERE sync_name = :sync AND staged_run_id = :run",
            ["sync": .of(run.sync), "run": .of(run.id)]
        ) { $0.text(0) }
        guard let staged = found ?? nil else { return }
        if isDone {
            try move(database, run.sync, to: staged)
        } else {
            try dropStaged(database, run.sync)
        }
    }

    private static func move(_ database: Database, _ sync: String, to staged: String) throws {
        let cursor = try StoredCursor.cursor(staged)
        try database.change(
            """
            UPDATE rollcall_sync_cursors
               SET column_name = :column, watermark = :watermark, last_sweep_at = :sweep, late_rows = :late,
                   state = staged, staged_run_id = NULL, staged = NULL
             WHERE sync_name = :sync
            """,
            [
                "sync": .of(sync), "column": .of(cursor.column), "watermark": .of(StoredCursor.watermark(cursor)),
                "sweep": .of(cursor.lastSweepAt), "late": .of(cursor.lateRows),
            ])
        guard let kept = cursor.keepFrom else { return }
        try database.change(
            """
            DELETE FROM rollcall_seen_events INDEXED BY rollcall_synced_events_by_position
             WHERE sync_name = :sync AND position < :kept AND state IN \(EventWords.list { !$0.isUnfinished })
            """, ["sync": .of(sync), "kept": .of(kept)])
    }
}
