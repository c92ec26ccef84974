package import Foundation
package import RollcallCore

extension PostgresWarehouse: ReceiverStore {
    /// Whatever the database's own setting, a commit waits for the disk.
    private static let onDisk = "SET LOCAL synchronous_commit = on"
    private static let oneView = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    /// Few rows of many are looked for, whatever the server thinks of a table that grows and shrinks.
    private static let alongIndexes = "SET LOCAL enable_seqscan = off"

    package func receiverKey() async throws(WarehouseError) -> [UInt8] {
        let select = "SELECT encode(key, 'hex') FROM receiver_key WHERE id = 1"
        let present = try await read(orWithoutTables: nil) { session in
            try session.query(select).text(0, 0).map(PostgresText.bytes(hexadecimal:))
        }
        if let present { return try ReceiverRules.checked(present) }
        let new = ReceiverRules.newKey().hexadecimal
        return try await write(settings: Self.onDisk) { session in
            try session.modify(
                "INSERT INTO receiver_key (id, key) VALUES (1, decode($1, 'hex')) ON CONFLICT DO NOTHING", [new])
            return try ReceiverRules.checked(session.query(select).text(0, 0).map(PostgresText.bytes(hexadecimal:)))
        }
    }

    package func storeReceived(_ groups: [ReceivedGroup]) async throws(WarehouseError) -> StoredGroups {
        do {
            return try await store(groups, isProven: false)
        } catch  where error.kind == .query {
            // A value was refused, and nothing was stored: most likely one of the bodies, which the second look finds.
            return try await store(groups, isProven: true)
        }
    }

    private func store(_ groups: [ReceivedGroup], isProven: Bool) async throws(WarehouseError) -> StoredGroups {
        try await write(.receive, settings: Self.onDisk) {
            try PostgresReceivedGroup.store(groups, isProven: isProven, $0)
        }
    }

    package func pruneReceived(
        receiver: String, before time: Date, limit: Int
    ) async throws(WarehouseError) -> Int {
        let time = String(PostgresText.milliseconds(time))
        do {
            return try await write(.long, settings: Self.alongIndexes) { session in
                let gone = try session.modify(
                    PostgresReceivedEvents.prune, [receiver, time, String(max(0, limit))])
                try session.modify(PostgresReceivedEvents.pruneCounts, [receiver, time])
                try session.modify(PostgresReceivedEvents.pruneWriters)
                return gone
            }
        } catch  where error.kind == .stateMissing {
            return 0
        }
    }

    package func receiverSummaries(
        _ receivers: [String], since: Date
    ) async throws(WarehouseError) -> [String: ReceiverSummary] {
        let none = Dictionary(receivers.map { ($0, ReceiverSummary()) }) { first, _ in first }
        if none.isEmpty { return none }
        let hour = String(PostgresText.milliseconds(ReceiverTally.hour(since)))
        return try await read(orWithoutTables: none, settings: "\(Self.oneView); \(Self.alongIndexes)") { session in
            var summaries = none
            let names = try session.array(Array(none.keys))
            let found = try session.query(PostgresReceivedEvents.summaries, [names])
            for row in 0..<found.rowCount {
                guard let name = try found.text(row, 0).map(session.original) else { continue }
                var summary = ReceiverSummary()
                summary.newest = found.count(row, 1)
                summary.newestWithUserID = found.count(row, 2)
                summary.latestAt = found.date(row, 3)
                summary.alertState = found.text(row, 4)
                summaries[name] = summary
            }
            for count in try Self.counts(session, names, since: hour) {
                summaries[count.receiver]?.counts.append(count)
            }
            return summaries
        }
    }

    private static func counts(
        _ session: PostgresSession, _ receivers: String, since hour: String
    ) throws -> [ReceiverCount] {
        let found = try session.query(PostgresReceivedEvents.counts, [receivers, hour])
        return try (0..<found.rowCount).compactMap { row in
            // Outcomes of later versions are passed over.
            guard let receiver = try found.text(row, 0).map(session.original), let hour = found.date(row, 1),
                let outcome = found.text(row, 2).flatMap(ReceiverOutcome.init)
            else { return nil }
            return ReceiverCount(receiver: receiver, hour: hour, outcome: outcome, count: found.count(row, 3))
        }
    }

    package func receivedEvents(_ filter: ReceivedFilter) async throws(WarehouseError) -> [ReceivedEventRow] {
        let (sql, parameters) = PostgresReceivedEvents.select(filter)
        return try await read(.long, orWithoutTables: [], settings: Self.alongIndexes) { session in
            let found = try session.query(sql, parameters)
            return try (0..<found.rowCount).map { try PostgresReceivedEvents.event(found, $0, session) }
        }
    }

    package func rejectedBodies(receiver: String, limit: Int) async throws(WarehouseError) -> [RejectedBody] {
        try await read(orWithoutTables: []) { session in
            let found = try session.query(
                """
                SELECT receiver, \(PostgresRunRow.milliseconds("received_at")), reason, body FROM iterable_rejects
                 WHERE receiver = $1 ORDER BY received_at DESC, reject_id DESC LIMIT $2::bigint
                """, [receiver, String(max(0, limit))])
            return try (0..<found.rowCount).map { row in
                RejectedBody(
                    receiver: try session.original(found.text(row, 0) ?? ""),
                    receivedAt: found.date(row, 1) ?? .distantPast, reason: found.text(row, 2) ?? "",
                    body: try session.original(found.text(row, 3) ?? ""))
            }
        }
    }

    package func changeReceiverAlert(
        receiver: String, from old: String?, to new: String
    ) async throws(WarehouseError) -> Bool {
        try await write { session in
            try session.modify("INSERT INTO receivers (receiver) VALUES ($1) ON CONFLICT DO NOTHING", [receiver])
            return try session.modify(
                """
                UPDATE receivers SET alert_state = $3
                 WHERE receiver = $1 AND alert_state IS NOT DISTINCT FROM $2 AND alert_state IS DISTINCT FROM $3
                """, [receiver, old, new]) == 1
        }
    }
}
