import Foundation
import RollcallCore

/// Subscribes that all succeeded, of people whom the snapshot does not have: the bulk of a first sync. Their rows of log and
/// snapshot are those of the outbox, which the caller still has in memory: two COPYs write them, for half of what
/// a statement costs that reads them from the outbox. Whatever is less plain goes the way of ``PostgresOutcomes``.
struct PostgresBulkInserts {
    /// Without exceptions and doubts, with their changes at hand; in order, each begins where the one before ends.
    private(set) var batches: [BatchOutcome]

    /// Fewer are not worth four statements.
    private static let fewest = 200
    /// Rows that are handed to libpq at once.
    private static let page = 2000

    private var first: Int64 { batches.first?.sequences.lowerBound ?? 0 }
    private var last: Int64 { batches.last?.sequences.upperBound ?? 0 }
    private var count: Int { batches.map(\.changes).reduce(0, +) }

    /// Parts the outcomes of subscribes into what may be inserts and the rest.
    static func find(_ outcomes: [BatchOutcome]) -> (inserts: [PostgresBulkInserts], rest: [BatchOutcome]) {
        var inserts: [PostgresBulkInserts] = []
        var rest: [BatchOutcome] = []
        for batch in outcomes.sorted(by: { $0.sequences.lowerBound < $1.sequences.lowerBound }) {
            if !batch.exceptions.isEmpty || batch.mayLandUntil != nil || batch.entries.count != batch.changes {
                rest.append(batch)
            } else if let before = inserts.last, before.last + 1 == batch.sequences.lowerBound {
                inserts[inserts.count - 1].batches.append(batch)
            } else {
                inserts.append(PostgresBulkInserts(batches: [batch]))
            }
        }
        for few in inserts where few.count < fewest { rest += few.batches }
        return (inserts.filter { $0.count >= fewest }, rest)
    }

    /// Writes log and snapshot and empties the outbox. False: nothing was done, because not all of them are still in the
    /// outbox, a person is on the snapshot already, or an older entry has to go.
    func write(_ run: SyncRun, list: Int64, log: LogSettings, _ session: PostgresSession) throws -> Bool {
        guard let runID = PostgresText.runID(run.id) else { throw PostgresRunRow.noRun(run.id) }
        guard case .put(let mark) = EntryTransition.next(.own, nil, .put, .succeeded, mayStillLand: false) else {
            return false
        }
        let range = [run.id, String(first), String(last)]
        let found = try session.query(Self.look, range + [run.sync, String(list)])
        guard found.count(0, 0) == count, found.count(0, 1) == 0, found.count(0, 2) == 0, let now = found.date(0, 3)
        else { return false }
        guard try session.modify(Self.empty, range) == count else {
            // A transaction whose answer was lost was still on its way, and has arrived.
            throw WarehouseError(.busy, "The outbox of the run \(run.id) was changed meanwhile.")
        }
        if log.retain && log.records == .all { try copyLog(run, runID, now, session) }
        try copyMembers(run, runID, list, mark, now, session)
        return true
    }

    private static let look = """
        SELECT count(*),
               count((SELECT m.state FROM list_members m
                       WHERE m.sync_name = $4 AND m.list_id = $5::bigint AND m.fingerprint = c.fingerprint)),
               (SELECT count(*) FROM sync_changes s WHERE s.run_id = $1::uuid AND s.kind IN ('supersede', 'outdate')
                   AND s.parent BETWEEN $2::bigint AND $3::bigint),
               \(PostgresRunRow.milliseconds("clock_timestamp()"))
          FROM sync_changes c WHERE c.run_id = $1::uuid AND c.kind = 'send' AND c.operation = 'subscribe'
           AND c.sequence BETWEEN $2::bigint AND $3::bigint
        """

    private static let empty = """
        DELETE FROM sync_changes WHERE run_id = $1::uuid AND kind = 'send' AND operation = 'subscribe'
           AND sequence BETWEEN $2::bigint AND $3::bigint
        """

    private func copyLog(_ run: SyncRun, _ runID: [UInt8], _ now: Date, _ session: PostgresSession) throws {
        let table = "sync_log (run_id, sync_name, email, user_id, operation, status, http_status, attempts, logged_at)"
        try copy(table, session) { writer, change, batch in
            let shown = change.loggedAs ?? change.identity
            writer.beginRow(fields: 9)
            writer.raw(runID)
            writer.text(run.sync)
            writer.text(shown.email)
            writer.text(shown.userID)
            writer.text("subscribe")
            writer.text("succeeded")
            writer.integer(batch.httpStatus.map(Int32.init(clamping:)))
            writer.integer(Int32(clamping: batch.attempts))
            writer.date(now)
        }
    }

    private func copyMembers(
        _ run: SyncRun, _ runID: [UInt8], _ list: Int64, _ mark: EntryMark, _ now: Date, _ session: PostgresSession
    ) throws {
        let hasFields = batches.first?.entries.first?.content != nil
        let table = """
            list_members (sync_name, list_id, fingerprint, email, user_id, state, listed, since_run_id, since
                          \(hasFields ? ", content, values_held" : ""))
            """
        let taken = try copy(table, session) { writer, change, _ in
            writer.beginRow(fields: hasFields ? 11 : 9)
            writer.text(run.sync)
            writer.integer(list)
            writer.fingerprint(change.fingerprint)
            writer.text(change.identity.email)
            writer.text(change.identity.userID)
            writer.text(mark.state.rawValue)
            writer.boolean(mark.listed)
            writer.raw(runID)
            writer.date(now)
            guard hasFields else { return }
            writer.integer(change.content)
            writer.raw(change.held?.ifDone.bytes)
        }
        try PostgresCopied.prove(taken, of: count, "list_members")
    }

    @discardableResult
    private func copy(
        _ table: String, _ session: PostgresSession,
        _ row: (inout BinaryCopyWriter, Change, BatchOutcome) -> Void
    ) throws -> Int {
        var left = batches[...]
        var entries: ArraySlice<Change> = []
        return try session.copyIn(table) { writer in
            for _ in 0..<Self.page {
                while entries.isEmpty, let next = left.first {
                    entries = next.entries[...]
                    if entries.isEmpty { left = left.dropFirst() }
                }
                guard let change = entries.popFirst(), let batch = left.first else { return false }
                row(&writer, change, batch)
                if entries.isEmpty { left = left.dropFirst() }
            }
            return true
        }
    }
}
