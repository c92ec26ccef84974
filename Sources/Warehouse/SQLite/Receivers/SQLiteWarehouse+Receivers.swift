package import Foundation
import GRDB
package import RollcallCore

extension SQLiteWarehouse: ReceiverStore {
    package func receiverKey() async throws(WarehouseError) -> [UInt8] {
        if let key = try await readReceivers(nil, { try Self.receiverKey($0) }) {
            return try ReceiverRules.checked(key)
        }
        let new = ReceiverRules.newKey()
        return try await writer.run(.immediate, isSynced: true) { database in
            try database.change(
                "INSERT INTO rollcall_receiver_key (id, key) VALUES (1, :key) ON CONFLICT DO NOTHING",
                ["key": .blob(new)])
            return try ReceiverRules.checked(Self.receiverKey(database))
        }
    }

    private static func receiverKey(_ database: Database) throws -> [UInt8]? {
        try database.firstRow("SELECT key FROM rollcall_receiver_key WHERE id = 1") { Array($0.bytes(0)) }
    }

    package func storeReceived(_ groups: [ReceivedGroup]) async throws(WarehouseError) -> StoredGroups {
        try await writer.run(.immediate, isSynced: true) { try SQLiteReceivedGroup.store(groups, $0) }
    }

    package func pruneReceived(
        receiver: String, before time: Date, limit: Int
    ) async throws(WarehouseError) -> Int {
        let key: [String: SQLiteValue] = ["receiver": .of(receiver), "time": .of(time)]
        // Where nothing is that old, no lock is taken.
        let isNeeded = try await readReceivers(false) { database in
            try database.firstRow(SQLiteReceivedEvents.isPrunable, key) { $0.count(0) != 0 } == true
        }
        guard isNeeded else { return 0 }
        return try await write { database in
            let gone = try database.change(
                "DELETE FROM rollcall_iterable_events WHERE event_id IN (\(SQLiteReceivedEvents.expired))",
                key.merging(["limit": .of(max(0, limit))]) { $1 })
            try database.change(
                "DELETE FROM rollcall_receiver_counts WHERE \(SQLiteReceivedEvents.oldCounts)", key)
            try database.change("DELETE FROM rollcall_receiver_writers WHERE \(SQLiteReceivedEvents.oldWriters)")
            return gone
        }
    }

    package func receiverSummaries(
        _ receivers: [String], since: Date
    ) async throws(WarehouseError) -> [String: ReceiverSummary] {
        let none = Dictionary(receivers.map { ($0, ReceiverSummary()) }) { first, _ in first }
        let hour = ReceiverTally.hour(since)
        return try await readReceivers(none) { database in
            var summaries = none
            for receiver in none.keys {
                summaries[receiver] = try SQLiteReceivedEvents.summary(database, receiver, since: hour)
            }
            return summaries
        }
    }

    package func receivedEvents(_ filter: ReceivedFilter) async throws(WarehouseError) -> [ReceivedEventRow] {
        let (sql, values) = SQLiteReceivedEvents.select(filter)
        return try await readReceivers([]) { try $0.rows(sql, values, SQLiteReceivedEvents.event) }
    }

    package func rejectedBodies(receiver: String, limit: Int) async throws(WarehouseError) -> [RejectedBody] {
        try await readReceivers([]) { database in
            try database.rows(
                """
                SELECT receiver, received_at, reason, body FROM rollcall_iterable_rejects WHERE receiver = :receiver
                 ORDER BY received_at DESC, reject_id DESC LIMIT :limit
                """, ["receiver": .of(receiver), "limit": .of(max(0, limit))]
            ) { row in
                RejectedBody(
                    receiver: row.text(0) ?? "", receivedAt: row.date(1) ?? .distantPast, reason: row.text(2) ?? "",
                    body: row.text(3) ?? "")
            }
        }
    }

    package func changeReceiverAlert(
        receiver: String, from old: String?, to new: String
    ) async throws(WarehouseError) -> Bool {
        try await write { database in
            let values: [String: SQLiteValue] = ["receiver": .of(receiver), "old": .of(old), "new": .of(new)]
            try database.change(
                "INSERT INTO rollcall_receivers (receiver) VALUES (:receiver) ON CONFLICT DO NOTHING",
                ["receiver": .of(receiver)])
            return try database.change(
                """
                UPDATE rollcall_receivers SET alert_state = :new
                 WHERE receiver = :receiver AND alert_state IS :old AND alert_state IS NOT :new
                """, values) == 1
        }
    }

    /// Reads in one transaction; `none` where the tables of receivers do not exist yet.
    private func readReceivers<T: Sendable>(
        _ none: T, _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(WarehouseError) -> T {
        try await read(none) { database in
            try SQLiteMigrations.version(database) ?? 0 < ReceiverRules.version ? none : body(database)
        }
    }
}
