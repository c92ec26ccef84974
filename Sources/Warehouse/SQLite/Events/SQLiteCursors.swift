import GRDB
import RollcallCore

/// How far syncs of events have read: rows of `rollcall_sync_cursors`.
enum SQLiteCursors {
    static func cursor(_ database: Database, _ sync: String) throws -> EventCursor? {
        let state = try database.firstRow(
            "SELECT state FROM rollcall_sync_cursors WHERE sync_name = :sync", ["sync": .of(sync)]
        ) { $0.text(0) }
        return try (state ?? nil).map(StoredCursor.cursor)
    }

    /// Keeps where the cursor moves when the run has ended; nil: it stays.
    static func stage(_ database: Database, _ cursor: EventCursor?, of run: SyncRun) throws {
        guard run.kind == .events else { return }
        guard let cursor else { return try dropStaged(database, run.sync) }
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

    private static func dropStaged(_ database: Database, _ sync: String) throws {
        try database.change(
            "UPDATE rollcall_sync_cursors SET staged_run_id = NULL, staged = NULL WHERE sync_name = :sync",
            ["sync": .of(sync)])
    }

    /// Whether nothing that a run of events has staged is left to be carried out. It is asked before the outbox is emptied.
    static func isDone(_ database: Database, _ run: SyncRun) throws -> Bool {
        guard run.kind == .events else { return false }
        return try database.firstRow(
            "SELECT NOT EXISTS (SELECT 1 FROM rollcall_sync_changes WHERE run_id = :run)", ["run": .of(run.id)]
        ) { $0.count(0) != 0 } ?? false
    }

    /// Moves the cursor to where the run has staged it, or leaves it where it is.
    /// - Parameter isDone: whether everything that was planned has an outcome.
    static func settle(_ database: Database, _ run: SyncRun, isDone: Bool) throws {
        guard run.kind == .events else { return }
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
            DELETE FROM rollcall_synced_events INDEXED BY rollcall_synced_events_by_position
             WHERE sync_name = :sync AND position < :kept AND state IN \(EventWords.list { !$0.isUnfinished })
            """, ["sync": .of(sync), "kept": .of(kept)])
    }
}
