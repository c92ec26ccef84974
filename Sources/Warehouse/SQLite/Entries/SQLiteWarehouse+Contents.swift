import GRDB
package import RollcallCore

extension SQLiteWarehouse {
    package func readContents(
        sync: String, of kind: RecordKind, fingerprints: [Fingerprint],
        _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws(WarehouseError) {
        guard fingerprints.count <= 10_000 else {
            throw WarehouseError(.other, "At most 10,000 records can be looked up at once.")
        }
        let table = SQLiteEntryTable(.records(kind))
        try await read(()) { database in
            guard try SQLiteMigrations.hasTable(table.name, database) else { return }
            let statement = try SQLitePrepared(
                database,
                """
                SELECT state, \(table.words.listed), content, values_held FROM \(table.name)
                 WHERE sync_name = ? AND \(SQLiteEntryTable.set(table.words)) = ? AND fingerprint = ?
                """, isCached: true)
            try statement.bind(1, .of(sync))
            try statement.bind(2, table.parameter)
            for fingerprint in Set(fingerprints) {
                defer { statement.reset() }
                try statement.bind(3, .of(fingerprint))
                guard try statement.step() else { continue }
                try body(
                    KnownContent(
                        fingerprint: fingerprint, state: try Self.state(statement, 0, table.words),
                        listed: statement.count(1) != 0, content: statement.integer(2) ?? 0,
                        held: statement.bytes(3)))
            }
        }
    }
}
