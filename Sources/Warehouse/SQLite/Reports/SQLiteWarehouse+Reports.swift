import Foundation
import GRDB
package import RollcallCore

extension SQLiteWarehouse {
    // MARK: Reports

    package func run(id: String) async throws(WarehouseError) -> SyncRun? {
        try await read(nil) { database in
            guard let run = try SQLiteRunRow.find(database, id: id) else { return nil }
            return try SQLiteTransfer.left(database).contains(run.sync) ? nil : run
        }
    }

    package func runs(_ filter: RunFilter) async throws(WarehouseError) -> [SyncRun] {
        var conditions = SQLiteConditions()
        conditions.add("sync_name = :sync", "sync", filter.sync.map { .of($0) })
        conditions.add("status = :status", "status", filter.status.map { .of($0.rawValue) })
        conditions.add("run_id < :before", "before", filter.before.map { .of($0) })
        conditions.add("started_at >= :since", "since", filter.since.map { .of($0) })
        conditions.add(
            "(finished_at IS NULL OR finished_at >= :endedSince)", "endedSince", filter.endedSince.map { .of($0) })
        conditions.values["limit"] = .of(max(0, filter.limit))
        return try await read([]) { [conditions] database in
            var conditions = conditions
            conditions.leaveOut(try SQLiteTransfer.left(database))
            return try SQLiteRunRow.all(
                database, where: "\(conditions.sql) ORDER BY run_id DESC LIMIT :limit", conditions.values)
        }
    }

    package func records(_ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void) async throws {
        var conditions = SQLiteConditions()
        conditions.add("sync_name = :sync", "sync", filter.sync.map { .of($0) })
        conditions.add("run_id = :run", "run", filter.runID.map { .of($0) })
        conditions.add("status = :status", "status", filter.status.map { .of($0) })
        conditions.add("logged_at >= :since", "since", filter.since.map { .of($0) })
        conditions.add("record_id < :before", "before", filter.before.map { .of($0) })
        conditions.values["limit"] = .of(filter.limit.map { max(0, $0) } ?? -1)
        try await streams.run { [conditions] database, stop in
            guard let version = try SQLiteMigrations.version(database) else { return }
            // Tables which no run has upgraded yet lack them.
            let hasKeys = version >= 6
            var conditions = conditions
            conditions.leaveOut(try SQLiteTransfer.left(database))
            conditions.addIdentifiers(
                filter.identifiers,
                in: ["email", "user_id"] + (hasKeys ? ["record_key", "item_id", "event_id"] : []))
            let statement = try SQLitePrepared(
                database,
                """
                SELECT record_id, run_id, sync_name, email, user_id, operation, status, error_code, error_reason,
                       http_status, attempts, logged_at, \(hasKeys ? "record_key, item_id, event_name, event_id" : "NULL, NULL, NULL, NULL")
                  FROM rollcall_sync_log WHERE \(conditions.sql) ORDER BY record_id DESC LIMIT :limit
                """)
            try statement.bind(conditions.values)
            while try statement.step() {
                try stop.check()
                let record = Self.readRecord(statement)
                do {
                    try body(record)
                } catch {
                    throw SQLiteStreams.BodyFailure(error: error)
                }
            }
        }
    }

    private static func readRecord(_ row: SQLitePrepared) -> LogRecord {
        LogRecord(
            recordID: row.integer(0) ?? 0, runID: row.text(1) ?? "", sync: row.text(2) ?? "", email: row.text(3),
            userID: row.text(4), operation: row.text(5) ?? "", status: row.text(6) ?? "", errorCode: row.text(7),
            errorReason: row.text(8), httpStatus: row.integer(9).map(Int.init), attempts: row.count(10),
            loggedAt: row.date(11) ?? .distantPast, recordKey: row.text(12), itemID: row.text(13),
            eventName: row.text(14), eventID: row.text(15))
    }
}

/// Conditions of a WHERE, joined by AND, with what they bind.
struct SQLiteConditions: Sendable {
    private var parts: [String] = []
    var values: [String: SQLiteValue] = [:]

    var sql: String { parts.isEmpty ? "true" : parts.joined(separator: " AND ") }

    /// Adds nothing where there is no value.
    mutating func add(_ condition: String, _ name: String, _ value: SQLiteValue?) {
        guard let value else { return }
        parts.append(condition)
        values[name] = value
    }

    /// Leaves out the rows of these syncs.
    mutating func leaveOut(_ syncs: [String]) {
        for (index, sync) in syncs.enumerated() { add("sync_name <> :left\(index)", "left\(index)", .of(sync)) }
    }

    mutating func addIdentifiers(_ identifiers: [String], in columns: [String]) {
        guard !identifiers.isEmpty else { return }
        var names: [String] = []
        for (index, identifier) in identifiers.enumerated() {
            names.append(":identifier\(index)")
            values["identifier\(index)"] = .of(identifier)
        }
        let list = names.joined(separator: ", ")
        parts.append("(" + columns.map { "\($0) IN (\(list))" }.joined(separator: " OR ") + ")")
    }
}
