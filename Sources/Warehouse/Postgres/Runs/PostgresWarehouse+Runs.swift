import Foundation
package import RollcallCore

extension PostgresWarehouse {
    package func openRun(_ lease: Lease, _ run: SyncRun) async throws(WarehouseError) {
        do {
            try await leased(lease) { session in
                guard PostgresText.runID(run.id) != nil else {
                    throw WarehouseError(.other, "The run id \(run.id) is not a UUID.")
                }
                if try PostgresRunRow.insert(run, session) { return }
                // The answer to an earlier, equal call may have been lost.
                guard try PostgresRunRow.isRunning(run, session) else {
                    throw WarehouseError(.conflict, "There is a run \(run.id) already.")
                }
            }
        } catch  where error.constraint == "one_open_run_per_sync" {
            throw WarehouseError(.conflict, "The sync \(run.sync) has another run that is queued, running or held.")
        }
    }

    package func heldRun(sync: String) async throws(WarehouseError) -> SyncRun? {
        try await read(orWithoutTables: nil) { session in
            try PostgresRunRow.runs(
                try session.query(PostgresRunRow.select + " WHERE sync_name = $1 AND status = 'held'", [sync])
            ).first
        }
    }

    package func resumeHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try await leased(lease) { session in
            try Self.leaveHeld(lease, id, session, "status = 'running', finished_at = NULL")
            let run = try Self.run(id, session)
            try Self.resumeItemChecks(run, session)
            return run
        }
    }

    package func discardHeldRun(_ lease: Lease, id: String) async throws(WarehouseError) -> SyncRun {
        try await leased(lease, .long) { session in
            try Self.leaveHeld(
                lease, id, session,
                "status = 'cancelled', finished_at = \(PostgresText.now)")
            let run = try Self.run(id, session)
            if run.kind == .events {
                try PostgresEventOutcomes.discard(run, session)
            }
            try PostgresCursors.resolveStaged(run, isDone: run.kind == .events, session)
            try session.modify("DELETE FROM sync_changes WHERE run_id = $1::uuid", [id])
            return run
        }
    }

    private static func leaveHeld(
        _ lease: Lease, _ id: String, _ session: PostgresSession, _ assignments: String
    ) throws {
        guard PostgresText.runID(id) != nil,
            try session.modify(
                "UPDATE sync_runs SET \(assignments)"
                    + " WHERE run_id = $1::uuid AND sync_name = $2 AND status = 'held'", [id, lease.sync]) == 1
        else { throw WarehouseError(.conflict, "The run \(id) of the sync \(lease.sync) is not held.") }
    }

    static func run(_ id: String, _ session: PostgresSession) throws -> SyncRun {
        let result = try session.query(PostgresRunRow.select + " WHERE run_id = $1::uuid", [id])
        guard let run = try PostgresRunRow.runs(result).first else { throw PostgresRunRow.noRun(id) }
        return run
    }

    package func changes(run id: String, after sequence: Int64, limit: Int) async throws(WarehouseError) -> [Change] {
        try await changes(
            id, "sequence > $3::bigint AND kind = 'send' ORDER BY sequence", limit: limit, [String(sequence)])
    }

    package func lastRemovals(run id: String, limit: Int) async throws(WarehouseError) -> [Change] {
        try await changes(
            id, "kind = 'send' AND operation IN (\(Operation.removals)) ORDER BY sequence DESC", limit: limit
        ).reversed()
    }

    /// - Parameters:
    ///   - condition: which changes of the run, and in which order.
    ///   - values: of the condition, from $3 on.
    private func changes(
        _ id: String, _ condition: String, limit: Int, _ values: [String?] = []
    ) async throws(WarehouseError) -> [Change] {
        guard PostgresText.runID(id) != nil else { return [] }
        return try await read(.long, orWithoutTables: [], settings: Self.inOrder) { session in
            let contents = try Self.contents(session)
            let result = try session.query(
                """
                SELECT sequence, operation, fingerprint, email, user_id, \(PostgresRunRow.milliseconds("not_before")),
                       parent, logged_email, logged_user_id, \(contents)
                  FROM sync_changes WHERE run_id = $1::uuid AND \(condition) LIMIT $2::bigint
                """, [id, String(limit)] + values, binary: true)
            var changes: [Change] = []
            changes.reserveCapacity(result.rowCount)
            for row in 0..<result.rowCount {
                guard var change = Self.change(result, row) else { continue }
                if let name = change.event?.name { change.event?.name = try session.original(name) }
                changes.append(change)
            }
            return changes
        }
    }

    /// Columns that changes of lists have none of. Tables which no run has upgraded yet lack some.
    private static func contents(_ session: PostgresSession) throws -> String {
        if try session.hasColumn("event_id", of: "sync_changes") {
            return "\(contentColumns), \(heldColumns), \(eventColumns)"
        }
        if try session.hasColumn("values_held", of: "sync_changes") {
            return "\(contentColumns), \(heldColumns), \(noEvent)"
        }
        let hasContents = try session.hasColumn("logged_key", of: "sync_changes")
        return (hasContents ? contentColumns : "NULL, NULL, NULL::bigint, NULL::bytea, NULL")
            + ", NULL::bytea, NULL::bytea, NULL, NULL, \(noEvent)"
    }

    private static let contentColumns = "record_key, item_id, content, payload, logged_key"
    private static let heldColumns = "values_held, values_in_doubt, error_code, error_reason"
    private static let eventColumns =
        "event_id, event_name, position, happened, \(PostgresRunRow.milliseconds("first_seen")), was_waiting::text"
    private static let noEvent = "NULL, NULL, NULL::bigint, NULL::bigint, NULL::bigint, NULL"

    /// A page is read along the index, whatever the server thinks of a table that was filled a moment ago: sorting all
    /// that is left for each page makes the work grow with its square.
    private static let inOrder =
        "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"

    /// A change from a row of a binary result.
    private static func change(_ result: borrowing PostgresResult, _ row: Int) -> Change? {
        guard let sequence = result.binaryInteger(row, 0), let operation = result.text(row, 1).flatMap(Operation.init),
            let fingerprint = result.fingerprint(row, 2)
        else { return nil }
        let identity = Identity(email: result.text(row, 3), userID: result.text(row, 4))
        let notBefore = result.binaryInteger(row, 5).map { Date(timeIntervalSince1970: Double($0) / 1000) }
        let logged = Identity(email: result.text(row, 7), userID: result.text(row, 8))
        let loggedAs = logged.email == nil && logged.userID == nil ? nil : logged
        let isRecord = !result.isNull(row, 9)
        // Members without fields, of whom there are millions, have none of the rest.
        if !isRecord && result.isNull(row, 11) && result.isNull(row, 14) && result.isNull(row, 16) {
            return Change(
                sequence: sequence, kind: .send, operation: operation, fingerprint: fingerprint, identity: identity,
                notBefore: notBefore, parent: result.binaryInteger(row, 6), loggedAs: loggedAs)
        }
        let content = result.binaryInteger(row, 11)
        return Change(
            sequence: sequence, kind: .send, operation: operation, fingerprint: fingerprint, identity: identity,
            notBefore: notBefore, parent: result.binaryInteger(row, 6), loggedAs: loggedAs,
            record: result.text(row, 9).map {
                RecordReference(key: $0, itemID: result.text(row, 10), content: content ?? 0)
            },
            payload: result.bytes(row, 12), loggedKey: result.text(row, 13), held: held(result, row),
            refusal: result.text(row, 16).map { FailureReason(code: $0, reason: result.text(row, 17) ?? "") },
            event: event(result, row), content: isRecord ? nil : content)
    }

    private static func event(_ result: borrowing PostgresResult, _ row: Int) -> EventReference? {
        guard let id = result.text(row, 18), let firstSeen = result.binaryInteger(row, 22) else { return nil }
        return EventReference(
            id: id, name: result.text(row, 19) ?? "", order: result.binaryInteger(row, 21) ?? 0,
            position: result.binaryInteger(row, 20), firstSeen: Date(timeIntervalSince1970: Double(firstSeen) / 1000),
            isWaiting: result.text(row, 23) == "true")
    }

    private static func held(_ result: borrowing PostgresResult, _ row: Int) -> HeldFields? {
        guard let done = result.bytes(row, 14) else { return nil }
        return HeldFields(ifDone: FieldBits(bytes: done), ifInDoubt: FieldBits(bytes: result.bytes(row, 15) ?? []))
    }

    package func claim(_ lease: Lease, run id: String, through sequence: Int64) async throws(WarehouseError) {
        try await leased(lease, .claim, lock: .shared) { session in
            guard PostgresText.runID(id) != nil,
                try session.modify(
                    "UPDATE sync_runs SET claimed_through = GREATEST(claimed_through, $3::bigint)"
                        + " WHERE run_id = $1::uuid AND sync_name = $2", [id, lease.sync, String(sequence)]) == 1
            else { throw PostgresRunRow.noRun(id) }
        }
    }
}
