import Foundation
import RollcallCore

/// Members or records that were all put with success and that the snapshot does not have: the bulk of a first sync. Their rows of
/// log and snapshot are those of the outbox, which the caller still has in memory: two COPYs write them, for half of what
/// a statement costs that reads them from the outbox. Whatever is less plain goes the way of ``PostgresOutcomes``.
struct PostgresBulkInserts {
    private let operation: RollcallCore.Operation
    /// Without exceptions and doubts, with their changes at hand; in order, each begins where the one before ends.
    private(set) var batches: [BatchOutcome]

    /// Fewer are not worth four statements.
    private static let fewest = 200
    /// Rows that are handed to libpq at once.
    private static let page = 2000

    private var first: Int64 { batches.first?.sequences.lowerBound ?? 0 }
    private var last: Int64 { batches.last?.sequences.upperBound ?? 0 }
    private var count: Int { batches.map(\.changes).reduce(0, +) }

    /// Parts the outcomes of one operation into what may be inserts and the rest.
    static func find(
        _ outcomes: [BatchOutcome], of operation: RollcallCore.Operation
    ) -> (inserts: [PostgresBulkInserts], rest: [BatchOutcome]) {
        // A rename is about a record that is there.
        guard operation.direction == .put, operation != .rename else { return ([], outcomes) }
        var inserts: [PostgresBulkInserts] = []
        var rest: [BatchOutcome] = []
        for batch in outcomes.sorted(by: { $0.sequences.lowerBound < $1.sequences.lowerBound }) {
            if !batch.exceptions.isEmpty || batch.mayLandUntil != nil || batch.entries.count != batch.changes {
                rest.append(batch)
            } else if let before = inserts.last, before.last + 1 == batch.sequences.lowerBound {
                inserts[inserts.count - 1].batches.append(batch)
            } else {
                inserts.append(PostgresBulkInserts(operation: operation, batches: [batch]))
            }
        }
        for few in inserts where few.count < fewest { rest += few.batches }
        return (inserts.filter { $0.count >= fewest }, rest)
    }

    /// Writes log and snapshot and empties the outbox. False: nothing was done, because not all of them are still in the
    /// outbox, the snapshot has one of them already, or an older entry has to go.
    func write(
        _ run: SyncRun, _ entries: EntrySet, hasFields: Bool, log: LogSettings, _ session: PostgresSession
    ) throws -> Bool {
        guard let runID = PostgresText.runID(run.id) else { throw PostgresRunRow.noRun(run.id) }
        guard case .put(let mark) = EntryTransition.next(.own, nil, .put, .succeeded, mayStillLand: false) else {
            return false
        }
        let words = EntryWords(entries, hasFields: hasFields)
        if words.areRecords, try isKnown(run, entries, words, session) { return false }
        let range = [run.id, operation.rawValue, String(first), String(last)]
        let found = try session.query(
            Self.look(words), range + [run.sync, PostgresEntryTable(entries).parameter])
        guard found.count(0, 0) == count, found.count(0, 1) == 0, found.count(0, 2) == 0, let now = found.date(0, 3)
        else { return false }
        guard try session.modify(Self.empty, range) == count else {
            // A transaction whose answer was lost was still on its way, and has arrived.
            throw WarehouseError(.busy, "The outbox of the run \(run.id) was changed meanwhile.")
        }
        if log.retain && log.records == .all { try copyLog(run, runID, now, words, session) }
        try copyEntries(run, runID, entries, words, mark, now, session)
        return true
    }

    /// Whether the snapshot has one of a few that are spread over all: most puts are of records that were sent before, and a look at
    /// all of those would be in vain.
    private func isKnown(
        _ run: SyncRun, _ entries: EntrySet, _ words: EntryWords, _ session: PostgresSession
    ) throws -> Bool {
        let changes = batches.flatMap(\.entries)
        let spread = stride(from: 0, to: changes.count, by: max(1, changes.count / 16)).map {
            PostgresText.uuid(changes[$0].fingerprint) as String?
        }
        return try session.query(
            """
            SELECT EXISTS (SELECT FROM unnest($3::uuid[]) AS wanted CROSS JOIN LATERAL (
                SELECT FROM \(words.table) m
                 WHERE \(PostgresEntryTable.isOfSet(words, "m")) AND m.fingerprint = wanted LIMIT 1) AS known)
            """, [run.sync, PostgresEntryTable(entries).parameter, PostgresText.array(spread)]
        ).boolean(0, 0)
    }

    private static func look(_ words: EntryWords) -> String {
        """
        SELECT count(*),
               count((SELECT m.state FROM \(words.table) m
                       WHERE \(PostgresEntryTable.isOfSet(words, "m", sync: "$5", set: "$6"))
                         AND m.fingerprint = c.fingerprint)),
               (SELECT count(*) FROM sync_changes s WHERE s.run_id = $1::uuid AND s.kind IN ('supersede', 'outdate')
                   AND s.parent BETWEEN $3::bigint AND $4::bigint),
               \(PostgresRunRow.milliseconds("clock_timestamp()"))
          FROM sync_changes c WHERE c.run_id = $1::uuid AND c.kind = 'send' AND c.operation = $2
           AND c.sequence BETWEEN $3::bigint AND $4::bigint
        """
    }

    private static let empty = """
        DELETE FROM sync_changes WHERE run_id = $1::uuid AND kind = 'send' AND operation = $2
           AND sequence BETWEEN $3::bigint AND $4::bigint
        """

    private func copyLog(
        _ run: SyncRun, _ runID: [UInt8], _ now: Date, _ words: EntryWords, _ session: PostgresSession
    ) throws {
        let isRecord = words.areRecords
        let table = """
            sync_log (run_id, sync_name, email, user_id, operation, status, http_status, attempts, logged_at
                      \(isRecord ? ", record_key, item_id" : ""))
            """
        try copy(table, session) { writer, change, batch in
            let shown = change.loggedAs ?? change.identity
            writer.beginRow(fields: isRecord ? 11 : 9)
            writer.raw(runID)
            writer.text(run.sync)
            writer.text(shown.email)
            writer.text(shown.userID)
            writer.text(operation.rawValue)
            writer.text("succeeded")
            writer.integer(batch.httpStatus.map(Int32.init(clamping:)))
            writer.integer(Int32(clamping: batch.attempts))
            writer.date(now)
            guard isRecord else { return }
            writer.text(change.loggedKey ?? change.record?.key)
            writer.text(change.loggedKey == nil ? change.record?.itemID : nil)
        }
    }

    private func copyEntries(
        _ run: SyncRun, _ runID: [UInt8], _ entries: EntrySet, _ words: EntryWords, _ mark: EntryMark, _ now: Date,
        _ session: PostgresSession
    ) throws {
        let columns =
            ["sync_name", words.areRecords ? "kind" : "list_id", "fingerprint", "email", "user_id", "state"]
            + [words.listed, "since_run_id", "since"] + words.contentColumns
            + (words.haveContents ? ["values_held"] : [])
        let state = words.word(mark.state)
        let taken = try copy("\(words.table) (\(columns.joined(separator: ", ")))", session) { writer, change, _ in
            writer.beginRow(fields: Int16(columns.count))
            writer.text(run.sync)
            switch entries {
            case .list(let list): writer.integer(list)
            case .records(let kind): writer.text(kind.rawValue)
            }
            writer.fingerprint(change.fingerprint)
            writer.text(change.identity.email)
            writer.text(change.identity.userID)
            writer.text(state)
            writer.boolean(mark.listed)
            writer.raw(runID)
            writer.date(now)
            guard words.haveContents else { return }
            if words.areRecords {
                writer.text(change.record?.key)
                writer.text(change.record?.itemID)
            }
            writer.integer(words.areRecords ? change.record?.content : change.content)
            writer.raw(change.held?.ifDone.bytes)
        }
        try PostgresCopied.prove(taken, of: count, words.table)
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
