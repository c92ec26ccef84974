import GRDB
package import RollcallCore

extension SQLiteWarehouse {
    package func entries(
        sync: String, of entries: EntrySet, in states: Set<MemberState>, after fingerprint: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [MemberEntry] {
        let table = SQLiteEntryTable(entries)
        let words = states.map { "'\(table.words.word($0))'" }.sorted().joined(separator: ", ")
        return try await read([]) { database in
            guard try SQLiteMigrations.hasTable(table.name, database) else { return [] }
            let isBehind = fingerprint == nil ? "" : "AND fingerprint > :after"
            let condition = """
                \(SQLiteEntryTable.isOfSet(table.words)) AND state IN (\(words)) \(isBehind)
                 ORDER BY fingerprint LIMIT :limit
                """
            return try database.rows(
                Self.select(table, condition),
                [
                    "sync": .of(sync), "set": table.parameter, "limit": .of(limit),
                    "after": fingerprint.map { .of($0) } ?? .null,
                ]
            ) { try Self.readEntry($0, table.words) }
        }
    }
}
