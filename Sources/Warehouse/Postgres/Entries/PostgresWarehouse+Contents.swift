package import RollcallCore

extension PostgresWarehouse {
    package func readContents(
        sync: String, of kind: RecordKind, fingerprints: [Fingerprint],
        _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws(WarehouseError) {
        guard fingerprints.count <= 10_000 else {
            throw WarehouseError(.other, "At most 10,000 records can be looked up at once.")
        }
        let wanted = PostgresText.array(Set(fingerprints).map { PostgresText.uuid($0) as String? })
        let table = PostgresEntryTable(.records(kind))
        try await read(fingerprints.count > 1000 ? .long : .state, orWithoutTables: ()) { session in
            let result = try session.query(Self.contentsByFingerprint(table.words), [sync, table.parameter, wanted])
            for row in 0..<result.rowCount {
                guard let fingerprint = result.textFingerprint(row, 0),
                    let state = result.text(row, 1).flatMap(table.words.state)
                else { throw WarehouseError(.other, "A row of synced_records cannot be read; it was changed by hand.") }
                let held = result.text(row, 4).map(PostgresText.bytes(hexadecimal:)) ?? []
                try held.withUnsafeBytes { held in
                    try body(
                        KnownContent(
                            fingerprint: fingerprint, state: state, listed: result.boolean(row, 2),
                            content: result.integer(row, 3) ?? 0, held: held))
                }
            }
        }
    }

    /// As ``entriesByFingerprint(_:)``.
    private static func contentsByFingerprint(_ words: EntryWords) -> String {
        """
        SELECT m.* FROM unnest($3::uuid[]) AS wanted CROSS JOIN LATERAL (
            SELECT fingerprint, state, \(words.listed), content, encode(values_held, 'hex') FROM \(words.table) AS e
             WHERE \(PostgresEntryTable.isOfSet(words, "e")) AND fingerprint = wanted LIMIT 1) AS m
        """
    }
}
