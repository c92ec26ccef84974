import Foundation
package import RollcallCore
import Synchronization

extension PostgresWarehouse {
    /// Changes or records asked of a plan at once.
    private static let page = 2000

    package func stage(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try await put(plan, of: run, lease, log) { session in
            // An earlier, equal call may have been committed without its answer arriving.
            try session.modify("DELETE FROM sync_changes WHERE run_id = $1::uuid", [run.id])
            try session.modify(
                "DELETE FROM sync_log WHERE run_id = $1::uuid AND operation = 'validate'", [run.id])
        } writeRun: { session in
            try PostgresRunRow.updateState(run, session)
        }
    }

    package func stageMore(
        _ lease: Lease, _ run: SyncRun, plan: any StagedPlan, log: LogSettings
    ) async throws(WarehouseError) {
        try await put(plan, of: run, lease, log) { _ in
        } writeRun: { session in
            try PostgresRunRow.proveRunning(run, of: lease, session)
            try PostgresRunRow.updateProgress(run, session)
        }
    }

    /// Writes a plan.
    /// - Parameters:
    ///   - makeRoom: called before its first row is written.
    ///   - writeRun: called after its last one, with the lease proved.
    private func put(
        _ plan: any StagedPlan, of run: SyncRun, _ lease: Lease, _ log: LogSettings,
        makeRoom: @escaping @Sendable (PostgresSession) throws -> Void,
        writeRun: @escaping @Sendable (PostgresSession) throws -> Void
    ) async throws(WarehouseError) {
        // A plan can be read once only. All that another session may have locked is locked before that.
        let hasBegun = Atomic(false)
        try await write(.long, mayRepeat: { !hasBegun.load(ordering: .relaxed) }) { session in
            // The row lock is taken after the bulk, so that the lease can be renewed meanwhile; nothing counts before.
            try Self.look(lease, session)
            try session.execute("LOCK TABLE sync_runs IN ROW EXCLUSIVE MODE")
            guard let runID = PostgresText.runID(run.id) else { throw PostgresRunRow.noRun(run.id) }
            try makeRoom(session)
            hasBegun.store(true, ordering: .relaxed)
            try Self.copyChanges(plan, runID, run.kind, session)
            if log.retain { try Self.copyRecords(plan, runID, run, log, session) }
            try Self.prove(lease, session)
            try writeRun(session)
            try PostgresCursors.stage(plan.cursor, begun: plan.begun, of: run, session)
        }
    }

    static func look(_ lease: Lease, _ session: PostgresSession) throws {
        let row = try session.query("SELECT token FROM sync_leases WHERE sync_name = $1", [lease.sync])
        guard row.integer(0, 0) == lease.token else { throw lost(lease) }
    }

    private static func copyChanges(
        _ plan: any StagedPlan, _ runID: [UInt8], _ kind: RecordKind, _ session: PostgresSession
    ) throws {
        let hasFields = plan.hasFields
        let columns = OutboxColumns.of(kind, hasFields: hasFields)
        var written = 0
        let taken = try session.copyIn("sync_changes (\(columns.joined(separator: ", ")))") { writer in
            let changes = try plan.nextChanges(limit: page)
            written += changes.count
            for change in changes {
                writer.beginRow(fields: Int16(columns.count))
                writer.raw(runID)
                writer.integer(change.sequence)
                writer.text(change.kind.rawValue)
                writer.text(change.operation.rawValue)
                writer.fingerprint(change.fingerprint)
                writer.text(change.identity.email)
                writer.text(change.identity.userID)
                writer.date(change.notBefore)
                writer.integer(change.parent)
                writer.text(change.loggedAs?.email)
                writer.text(change.loggedAs?.userID)
                if kind != .list { writeContent(change, &writer) }
                if hasFields { writeFields(change, &writer) }
                if kind == .events { writeEvent(change.event, &writer) }
            }
            return !changes.isEmpty
        }
        try PostgresCopied.prove(taken, of: written, "sync_changes")
    }

    private static func writeContent(_ change: Change, _ writer: inout BinaryCopyWriter) {
        writer.text(change.record?.key)
        writer.text(change.record?.itemID)
        writer.integer(change.record?.content)
        writer.raw(change.payload)
        writer.text(change.loggedKey)
        writer.raw(change.held?.ifDone.bytes)
        writer.raw(change.held?.ifInDoubt.bytes)
        writer.text(change.refusal?.code)
        writer.text(change.refusal?.reason)
    }

    private static func writeFields(_ change: Change, _ writer: inout BinaryCopyWriter) {
        writer.integer(change.content)
        writer.raw(change.payload)
        writer.raw(change.held?.ifDone.bytes)
        writer.raw(change.held?.ifInDoubt.bytes)
    }

    private static func writeEvent(_ event: EventReference?, _ writer: inout BinaryCopyWriter) {
        writer.text(event?.id)
        writer.text(event?.name)
        writer.integer(event?.position)
        writer.integer(event?.order)
        writer.date(event?.firstSeen)
        if let event { writer.boolean(event.isWaiting) } else { writer.null() }
    }

    private static func copyRecords(
        _ plan: any StagedPlan, _ runID: [UInt8], _ run: SyncRun, _ log: LogSettings, _ session: PostgresSession
    ) throws {
        let loggedAt = try session.query("SELECT \(PostgresRunRow.milliseconds("clock_timestamp()"))").date(0, 0)
        let table = """
            sync_log (run_id, sync_name, email, user_id, operation, status, error_code, error_reason, http_status,
                      attempts, logged_at, record_key)
            """
        try session.copyIn(table) { writer in
            let records = try plan.nextRecords(limit: page)
            for record in records where record.isFailure || log.records == .all {
                writer.beginRow(fields: 12)
                writer.raw(runID)
                writer.text(run.sync)
                writer.text(LoggedText.text(record.email))
                writer.text(LoggedText.text(record.userID))
                writer.text("validate")
                writer.text(record.isFailure ? "failed" : "succeeded")
                writer.text(record.reason.code)
                writer.text(record.reason.reason)
                writer.integer(record.reason.httpStatus.map(Int32.init(clamping:)))
                writer.integer(Int32(0))
                writer.date(loggedAt)
                writer.text(LoggedText.text(record.recordKey))
            }
            return !records.isEmpty
        }
    }
}

/// Whether a COPY has written all of its rows: a person whose row is lost would be sent for ever, or never.
enum PostgresCopied {
    static func prove(_ taken: Int, of written: Int, _ table: String) throws {
        guard taken != written else { return }
        throw WarehouseError(
            .conflict, "The table \(table) took \(taken) of \(written) rows.",
            hint: "A trigger or rule on it keeps rows away; take it off. Nothing was changed.")
    }
}
