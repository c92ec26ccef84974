package import RollcallCore

extension PostgresWarehouse {
    package func entries(
        sync: String, of entries: EntrySet, in states: Set<MemberState>, after fingerprint: Fingerprint?, limit: Int
    ) async throws(WarehouseError) -> [MemberEntry] {
        let table = PostgresEntryTable(entries)
        let words = PostgresText.array(states.map { table.words.word($0) as String? })
        return try await read(.long, orWithoutTables: []) { session in
            Self.members(
                try session.query(
                    """
                    SELECT \(PostgresEntryTable.columns(table.words)) FROM \(table.words.table) AS e
                     WHERE \(PostgresEntryTable.isOfSet(table.words, "e")) AND state = ANY($3::text[])
                       AND ($4::uuid IS NULL OR fingerprint > $4::uuid)
                     ORDER BY fingerprint LIMIT $5::bigint
                    """,
                    [sync, table.parameter, words, fingerprint.map { PostgresText.uuid($0) }, String(limit)]),
                table.words)
        }
    }
}
