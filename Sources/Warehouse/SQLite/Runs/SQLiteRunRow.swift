import Foundation
import GRDB
import RollcallCore

/// Rows of `rollcall_sync_runs`.
enum SQLiteRunRow {
    /// In the order in which ``read(_:)`` takes them; ``added`` follow.
    private static let columns = """
        run_id, sync_name, destination, list_id, "trigger", status, started_at, finished_at, rows_read, rows_invalid,
        rows_duplicate, audience_size, unchanged, planned_subscribe, planned_unsubscribe, succeeded_subscribe,
        succeeded_unsubscribe, failed_subscribe, failed_unsubscribe, not_attempted, unknown, requests_sent,
        requests_retried, rate_limited, error_code, error_message, error_hint, held_by, full_resync
        """

    /// Columns that tables which no run has upgraded yet lack, and what stands for them.
    private static func added(_ version: Int) -> String {
        (version < 6 ? "'list', NULL, NULL, 0, 0" : "kind, target, counts, rows_excluded, waiting")
            + (version < 8 ? ", 0" : ", late") + (version < 11 ? ", 0, 0" : ", items_verified, items_not_verified")
            + (version < 14 ? ", NULL, NULL, NULL, NULL" : ", \(reading.joined(separator: ", "))")
    }

    private static let reading = ["read_mode", "read_bytes", "read_seconds", "read_reason"]

    /// What a run's requests change: counts, requests, error. The columns of operations are 0 for other kinds than lists.
    private static let progress = [
        "rows_read", "rows_invalid", "rows_duplicate", "audience_size", "unchanged", "planned_subscribe",
        "planned_unsubscribe", "succeeded_subscribe", "succeeded_unsubscribe", "failed_subscribe",
        "failed_unsubscribe", "not_attempted", "unknown", "requests_sent", "requests_retried", "rate_limited",
        "counts", "rows_excluded", "waiting", "late", "items_verified", "items_not_verified", "error_code",
        "error_message", "error_hint",
    ]

    /// The run of a condition, the first one in its order; nil where there is none.
    static func first(
        _ database: Database, where condition: String, _ values: [String: SQLiteValue]
    ) throws -> SyncRun? {
        try database.firstRow(select(database, condition), values, read)
    }

    static func all(
        _ database: Database, where condition: String, _ values: [String: SQLiteValue]
    ) throws -> [SyncRun] {
        try database.rows(select(database, condition), values, read)
    }

    private static func select(_ database: Database, _ condition: String) throws -> String {
        let version = try SQLiteMigrations.version(database) ?? 0
        return "SELECT \(columns), \(added(version)) FROM rollcall_sync_runs WHERE \(condition)"
    }

    static func find(_ database: Database, id: String) throws -> SyncRun? {
        try first(database, where: "run_id = :id", ["id": .of(id)])
    }

    /// The one run of the sync that is queued, running or held.
    static func open(_ database: Database, sync: String) throws -> SyncRun? {
        try first(
            database, where: "sync_name = :sync AND status IN ('queued', 'running', 'held')", ["sync": .of(sync)])
    }

    static func insert(_ database: Database, _ run: SyncRun) throws {
        if !run.status.isFinal, let other = try open(database, sync: run.sync) {
            throw WarehouseError(
                .conflict, "The sync \(run.sync) already has the run \(other.id), which is \(other.status.rawValue).")
        }
        let values = try values(run)
        let names = values.keys.sorted()
        try database.change(
            """
            INSERT INTO rollcall_sync_runs (\(names.map { "\"\($0)\"" }.joined(separator: ", ")))
            VALUES (\(names.map { ":\($0)" }.joined(separator: ", ")))
            """, values)
    }

    /// Writes counts, requests and error of a run that is still open.
    static func saveProgress(_ database: Database, _ run: SyncRun) throws {
        try update(database, run, progress)
    }

    /// Writes all that may change in a run that is still open.
    static func save(_ database: Database, _ run: SyncRun) throws {
        try run.proveBalance()
        try update(database, run, progress + reading + ["status", "list_id", "target", "finished_at", "held_by"])
    }

    private static func update(_ database: Database, _ run: SyncRun, _ names: [String]) throws {
        let changed = try database.change(
            """
            UPDATE rollcall_sync_runs SET \(names.map { "\($0) = :\($0)" }.joined(separator: ", "))
             WHERE run_id = :run_id AND sync_name = :sync_name AND status IN ('queued', 'running')
            """, try values(run))
        guard changed == 1 else { throw notOpen(try find(database, id: run.id), id: run.id, wanted: "running") }
    }

    /// - Throws: ``WarehouseError/Kind/conflict`` unless the run is running and of the lease's sync.
    static func proveRunning(_ database: Database, _ run: SyncRun, of lease: Lease) throws {
        let stored = try find(database, id: run.id)
        guard stored?.status == .running, stored?.sync == lease.sync, run.sync == lease.sync else {
            throw notOpen(stored?.sync == lease.sync ? stored : nil, id: run.id, wanted: "running")
        }
    }

    static func notOpen(_ run: SyncRun?, id: String, wanted: String) -> WarehouseError {
        guard let run else { return WarehouseError(.conflict, "There is no run \(id).") }
        return WarehouseError(.conflict, "The run \(id) is not \(wanted): it is \(run.status.rawValue).")
    }

    static func read(_ row: SQLitePrepared) throws -> SyncRun {
        let id = row.text(0) ?? ""
        guard let trigger = row.text(4).flatMap(RunTrigger.init), let status = row.text(5).flatMap(RunStatus.init),
            let startedAt = row.date(6)
        else {
            throw WarehouseError(
                .other, "The row of run \(id) in rollcall_sync_runs cannot be read; it was changed by hand.")
        }
        var run = SyncRun(
            id: id, sync: row.text(1) ?? "", destination: row.text(2) ?? "", trigger: trigger, status: status,
            startedAt: startedAt)
        run.listID = row.integer(3)
        run.finishedAt = row.date(7)
        run.counts = readCounts(row)
        run.requests = RequestCounts(sent: row.count(21), retried: row.count(22), rateLimited: row.count(23))
        run.error = row.text(24).map { RunError(code: $0, message: row.text(25) ?? "", hint: row.text(26)) }
        run.held =
            try row.text(27).map { try JSONDecoder().decode([GuardFinding].self, from: Data($0.utf8)) } ?? []
        run.full = row.count(28) != 0
        run.kind = row.text(29).flatMap(RecordKind.init) ?? .list
        run.target = row.text(30)
        run.read = AudienceRead(
            mode: row.text(37), bytes: row.integer(38), seconds: row.real(39), reason: row.text(40))
        if let counts = row.text(31) {
            if run.kind == .list {
                run.counts.readListOperations(counts)
            } else {
                try run.counts.readOperations(counts)
            }
        }
        return run
    }

    private static func readCounts(_ row: SQLitePrepared) -> RunCounts {
        var counts = RunCounts()
        counts.rowsRead = row.count(8)
        counts.invalid = row.count(9)
        counts.duplicates = row.count(10)
        counts.audience = row.count(11)
        counts.unchanged = row.count(12)
        counts.planned = PerOperation(subscribe: row.count(13), unsubscribe: row.count(14))
        counts.succeeded = PerOperation(subscribe: row.count(15), unsubscribe: row.count(16))
        counts.failed = PerOperation(subscribe: row.count(17), unsubscribe: row.count(18))
        counts.readTotals(notAttempted: row.count(19), unknown: row.count(20))
        counts.excluded = row.count(32)
        counts.waiting = row.count(33)
        counts.late = row.count(34)
        counts.verified = row.count(35)
        counts.notVerified = row.count(36)
        return counts
    }

    private static func values(_ run: SyncRun) throws -> [String: SQLiteValue] {
        let counts = run.counts
        let held = run.held.isEmpty ? nil : String(decoding: try JSONEncoder().encode(run.held), as: UTF8.self)
        return [
            "run_id": .of(run.id), "sync_name": .of(run.sync), "destination": .of(run.destination),
            "list_id": .of(run.listID), "trigger": .of(run.trigger.rawValue), "status": .of(run.status.rawValue),
            "started_at": .of(run.startedAt), "finished_at": .of(run.finishedAt),
            "rows_read": .of(counts.rowsRead), "rows_invalid": .of(counts.invalid),
            "rows_duplicate": .of(counts.duplicates), "audience_size": .of(counts.audience),
            "unchanged": .of(counts.unchanged), "planned_subscribe": .of(counts.planned.subscribe),
            "planned_unsubscribe": .of(counts.planned.unsubscribe),
            "succeeded_subscribe": .of(counts.succeeded.subscribe),
            "succeeded_unsubscribe": .of(counts.succeeded.unsubscribe),
            "failed_subscribe": .of(counts.failed.subscribe), "failed_unsubscribe": .of(counts.failed.unsubscribe),
            "not_attempted": .of(counts.notAttempted.total), "unknown": .of(counts.unknown.total),
            "counts": .of(try counts.operationsJSON(of: run.kind)), "rows_excluded": .of(counts.excluded),
            "waiting": .of(counts.waiting), "late": .of(counts.late),
            "items_verified": .of(counts.verified), "items_not_verified": .of(counts.notVerified),
            "kind": .of(run.kind.rawValue), "read_mode": .of(run.read?.mode.rawValue),
            "read_bytes": .of(run.read?.bytes), "read_seconds": run.read.map { .real($0.seconds) } ?? .null,
            "read_reason": .of(run.read?.reason),
            "target": .of(run.target), "requests_sent": .of(run.requests.sent),
            "requests_retried": .of(run.requests.retried),
            "rate_limited": .of(run.requests.rateLimited), "error_code": .of(run.error?.code),
            "error_message": .of(run.error?.message), "error_hint": .of(run.error?.hint), "held_by": .of(held),
            "full_resync": .of(run.full),
        ]
    }
}
