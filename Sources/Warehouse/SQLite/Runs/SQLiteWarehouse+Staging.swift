import Foundation
import GRDB
package import RollcallCore

extension SQLiteWarehouse {
    package func stage(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try await write(lease) { database in
            // An earlier, equal call may have been committed without its answer arriving.
            try database.change("DELETE FROM rollcall_sync_changes WHERE run_id = :run", ["run": .of(run.id)])
            try database.change(
                "DELETE FROM rollcall_sync_log WHERE run_id = :run AND operation = 'validate'", ["run": .of(run.id)])
            try SQLiteStaging.writeChanges(database, run, plan)
            try SQLiteStaging.writeRecords(database, run, plan, log)
            try SQLiteRunRow.save(database, run)
            try SQLiteCursors.stage(database, plan.cursor, begun: plan.begun, of: run)
        }
    }

    package func stageMore(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try await write(lease) { database in
            try SQLiteRunRow.proveRunning(database, run, of: lease)
            try SQLiteStaging.writeChanges(database, run, plan)
            try SQLiteStaging.writeRecords(database, run, plan, log)
            try SQLiteRunRow.saveProgress(database, run)
            try SQLiteCursors.stage(database, plan.cursor, begun: plan.begun, of: run)
        }
    }
}

enum SQLiteStaging {
    private static let page = 5000

    static func writeChanges(_ database: Database, _ run: SyncRun, _ plan: any StagedPlan) throws {
        let columns = OutboxColumns.of(run.kind, hasFields: plan.hasFields)
        let insert = try SQLitePrepared(
            database,
            """
            INSERT INTO rollcall_sync_changes (\(columns.joined(separator: ", ")))
            VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
            """, isCached: true)
        try insert.bind(1, .of(run.id))
        while case let changes = try plan.nextChanges(limit: page), !changes.isEmpty {
            for change in changes {
                try insert.bind(2, .integer(change.sequence))
                try insert.bind(3, .text(change.kind.rawValue))
                try insert.bind(4, .text(change.operation.rawValue))
                try insert.bind(5, .of(change.fingerprint))
                try insert.bind(6, .of(change.identity.email))
                try insert.bind(7, .of(change.identity.userID))
                try insert.bind(8, .of(change.notBefore))
                try insert.bind(9, .of(change.parent))
                try insert.bind(10, .of(change.loggedAs?.email))
                try insert.bind(11, .of(change.loggedAs?.userID))
                if run.kind != .list { try bindContent(change, insert) }
                if plan.hasFields { try bindFields(change, insert) }
                if run.kind == .events { try bindEvent(change.event, insert) }
                _ = try insert.step()
                insert.reset()
            }
        }
    }

    private static func bindContent(_ change: Change, _ insert: SQLitePrepared) throws {
        try insert.bind(12, .of(change.record?.key))
        try insert.bind(13, .of(change.record?.itemID))
        try insert.bind(14, .of(change.record?.content))
        try insert.bind(15, change.payload.map { .blob($0) } ?? .null)
        try insert.bind(16, .of(change.loggedKey))
        try insert.bind(17, change.held.map { .blob($0.ifDone.bytes) } ?? .null)
        try insert.bind(18, change.held.map { .blob($0.ifInDoubt.bytes) } ?? .null)
        try insert.bind(19, .of(change.refusal?.code))
        try insert.bind(20, .of(change.refusal?.reason))
    }

    private static func bindFields(_ change: Change, _ insert: SQLitePrepared) throws {
        try insert.bind(12, .of(change.content))
        try insert.bind(13, change.payload.map { .blob($0) } ?? .null)
        try insert.bind(14, change.held.map { .blob($0.ifDone.bytes) } ?? .null)
        try insert.bind(15, change.held.map { .blob($0.ifInDoubt.bytes) } ?? .null)
    }

    private static func bindEvent(_ event: EventReference?, _ insert: SQLitePrepared) throws {
        try insert.bind(21, .of(event?.id))
        try insert.bind(22, .of(event?.name))
        try insert.bind(23, .of(event?.position))
        try insert.bind(24, .of(event?.order))
        try insert.bind(25, .of(event?.firstSeen))
        try insert.bind(26, event.map { SQLiteValue.of($0.isWaiting) } ?? .null)
    }

    static func writeRecords(
        _ database: Database, _ run: SyncRun, _ plan: any StagedPlan, _ log: LogSettings
    ) throws {
        guard log.retain else { return }
        let insert = try SQLitePrepared(
            database,
            """
            INSERT INTO rollcall_sync_log (run_id, sync_name, logged_at, email, user_id, operation, status, error_code,
                error_reason, http_status, record_key) VALUES (?, ?, ?, ?, ?, 'validate', ?, ?, ?, ?, ?)
            """, isCached: true)
        try insert.bind(1, .of(run.id))
        try insert.bind(2, .of(run.sync))
        try insert.bind(3, .of(try SQLiteWarehouse.now(database)))
        while case let records = try plan.nextRecords(limit: page), !records.isEmpty {
            for record in records where log.records == .all || record.isFailure {
                try insert.bind(4, shown(record.email))
                try insert.bind(5, shown(record.userID))
                try insert.bind(6, .text(record.isFailure ? "failed" : "succeeded"))
                try insert.bind(7, .text(record.reason.code))
                try insert.bind(8, .text(record.reason.reason))
                try insert.bind(9, .of(record.reason.httpStatus))
                try insert.bind(10, shown(record.recordKey))
                _ = try insert.step()
                insert.reset()
            }
        }
    }

    /// Text in every case: programs that read the log refuse bytes that are none.
    private static func shown(_ bytes: [UInt8]?) -> SQLiteValue { .of(LoggedText.text(bytes)) }
}
