import Foundation
package import RollcallCore

extension PostgresWarehouse {
    package func run(id: String) async throws(WarehouseError) -> SyncRun? {
        guard PostgresText.runID(id) != nil else { return nil }
        return try await read(orWithoutTables: nil) { session in
            let result = try session.query(PostgresRunRow.select + " WHERE run_id = $1::uuid", [id])
            let left = try PostgresTransfer.left(session)
            return try PostgresRunRow.runs(result).first { !left.contains($0.sync) }
        }
    }

    package func runs(_ filter: RunFilter) async throws(WarehouseError) -> [SyncRun] {
        if let before = filter.before, PostgresText.runID(before) == nil { return [] }
        return try await read(orWithoutTables: []) { session in
            let left = try PostgresTransfer.left(session)
            return try PostgresRunRow.runs(
                try session.query(
                    PostgresRunRow.select + """
                         WHERE ($1::text IS NULL OR sync_name = $1) AND ($2::text IS NULL OR status = $2)
                           AND ($3::uuid IS NULL OR run_id < $3::uuid)
                           AND ($5::bigint IS NULL OR started_at >= \(PostgresRunRow.timestamp("$5")))
                           AND ($6::bigint IS NULL OR finished_at IS NULL
                             OR finished_at >= \(PostgresRunRow.timestamp("$6")))
                           \(left.isEmpty ? "" : "AND sync_name <> ALL($7::text[])")
                         ORDER BY run_id DESC LIMIT $4::bigint
                        """,
                    [
                        filter.sync, filter.status?.rawValue, filter.before, String(max(0, filter.limit)),
                        filter.since.map { String(PostgresText.milliseconds($0)) },
                        filter.endedSince.map { String(PostgresText.milliseconds($0)) },
                    ] + (left.isEmpty ? [] : [try session.array(left)])))
        }
    }

    /// Rows of `sync_log` fetched at once.
    private static let page = 1000

    package func records(_ filter: RecordFilter, _ body: @escaping @Sendable (LogRecord) throws -> Void) async throws {
        if let id = filter.runID, PostgresText.runID(id) == nil { return }
        try await stream { session, cancellation in
            let hasKeys = try session.hasColumn("record_key", of: "sync_log")
            let (conditions, parameters) = try Self.conditions(filter, hasKeys: hasKeys, session)
            _ = try session.query(
                """
                DECLARE records NO SCROLL CURSOR FOR
                SELECT record_id, run_id, sync_name, email, user_id, operation, status, error_code, error_reason,
                       http_status, attempts, \(PostgresRunRow.milliseconds("logged_at")),
                       \(hasKeys ? "record_key, item_id, event_name, event_id" : "NULL, NULL, NULL, NULL")
                  FROM sync_log \(conditions)
                """, parameters)
            let given = GivenRows()
            while true {
                try cancellation.check()
                let result = try given.during { try session.query("FETCH FORWARD \(Self.page) FROM records") }
                given.note()
                for row in 0..<result.rowCount { try body(Self.record(result, row)) }
                if result.rowCount < Self.page { return }
            }
        }
    }

    private static func conditions(
        _ filter: RecordFilter, hasKeys: Bool, _ session: PostgresSession
    ) throws -> (sql: String, parameters: [String?]) {
        var conditions: [String] = []
        var parameters: [String?] = []
        func add(_ value: String?, _ condition: (String) -> String) {
            guard let value else { return }
            parameters.append(value)
            conditions.append(condition("$\(parameters.count)"))
        }
        add(filter.sync) { "sync_name = \($0)" }
        add(filter.runID) { "run_id = \($0)::uuid" }
        add(filter.status) { "status = \($0)" }
        add(filter.since.map { String(PostgresText.milliseconds($0)) }) {
            "logged_at >= \(PostgresRunRow.timestamp($0))"
        }
        add(filter.before.map { String($0) }) { "record_id < \($0)::bigint" }
        let left = try PostgresTransfer.left(session)
        if !left.isEmpty { add(try session.array(left)) { "sync_name <> ALL(\($0)::text[])" } }
        if !filter.identifiers.isEmpty {
            let columns = ["email", "user_id"] + (hasKeys ? ["record_key", "item_id", "event_id"] : [])
            add(try session.array(filter.identifiers)) { array in
                "(" + columns.map { "\($0) = ANY(\(array)::text[])" }.joined(separator: " OR ") + ")"
            }
        }
        let sql =
            (conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND "))
            + " ORDER BY record_id DESC" + (filter.limit.map { " LIMIT \(max(0, $0))" } ?? "")
        return (sql, parameters)
    }

    private static func record(_ result: borrowing PostgresResult, _ row: Int) throws -> LogRecord {
        guard let id = result.integer(row, 0), let loggedAt = result.date(row, 11) else {
            throw WarehouseError(.other, "A row of sync_log is not understood.")
        }
        return LogRecord(
            recordID: id, runID: result.text(row, 1) ?? "", sync: result.text(row, 2) ?? "",
            email: result.text(row, 3), userID: result.text(row, 4), operation: result.text(row, 5) ?? "",
            status: result.text(row, 6) ?? "", errorCode: result.text(row, 7), errorReason: result.text(row, 8),
            httpStatus: result.integer(row, 9).map(Int.init), attempts: result.count(row, 10), loggedAt: loggedAt,
            recordKey: result.text(row, 12), itemID: result.text(row, 13), eventName: result.text(row, 14),
            eventID: result.text(row, 15))
    }

    package func prune(_ policies: [RetentionPolicy]) async throws(WarehouseError) -> PruneResult {
        var result = PruneResult()
        for policy in policies {
            result.records += try await delete(policy, Self.oldRecords)
            result.runs += try await delete(policy, Self.oldRuns)
            result.ticks += try await delete(policy, Self.oldTicks)
        }
        return result
    }

    /// Rows deleted in one transaction, so that locks and the log of the server stay small.
    private static let pruned = 50_000

    /// Deletes in steps until nothing is left to delete; a step that fails leaves the earlier ones done.
    private func delete(_ policy: RetentionPolicy, _ sql: String) async throws(WarehouseError) -> Int {
        let days = String(policy.days)
        var total = 0
        while true {
            let deleted: Int
            do {
                deleted = try await write(.long, settings: Self.alongTheKey) { [tables] session in
                    try Self.refuseNewer(session, tables)
                    return try session.modify(sql, [policy.sync, days, String(Self.pruned)])
                }
            } catch  where error.kind == .stateMissing {
                return total
            }
            total += deleted
            if deleted < Self.pruned { return total }
        }
    }

    /// The transaction's time, for with one that changes within a statement no index can be used.
    private static let cutoff = "now() - $2::integer * interval '24 hours'"

    /// Each row that is to go is found again along the table's key, whatever the server thinks of a table that grows and
    /// shrinks. Not by its place (`ctid`), which is no key where the owner has partitioned the table.
    private static let alongTheKey = "SET LOCAL enable_seqscan = off"

    /// Without a run that began so long ago no row can be that old, and none is looked at.
    static let oldRecords = """
        DELETE FROM sync_log WHERE (run_id, record_id) IN (
            SELECT l.run_id, l.record_id FROM sync_log l WHERE l.sync_name = $1 AND l.logged_at < \(cutoff)
               AND EXISTS (SELECT 1 FROM sync_runs r WHERE r.sync_name = $1 AND r.started_at < \(cutoff))
               AND NOT EXISTS (SELECT 1 FROM sync_runs r WHERE r.run_id = l.run_id AND r.finished_at IS NULL)
             LIMIT $3::bigint)
        """

    private static let oldRuns = """
        DELETE FROM sync_runs WHERE run_id = ANY(ARRAY(
            SELECT r.run_id FROM sync_runs r WHERE r.sync_name = $1 AND r.finished_at < \(cutoff) LIMIT $3::bigint))
        """

    private static let oldTicks = """
        DELETE FROM schedule_ticks WHERE sync_name = $1 AND due_at IN (
            SELECT t.due_at FROM schedule_ticks t WHERE t.sync_name = $1 AND t.due_at < \(cutoff) LIMIT $3::bigint)
        """
}
