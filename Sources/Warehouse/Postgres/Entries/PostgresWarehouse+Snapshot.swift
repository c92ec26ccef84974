import Foundation
package import RollcallCore

extension PostgresWarehouse {
    package func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]? {
        guard let newKey else {
            return try await read(orWithoutTables: nil) { session in
                try session.query("SELECT encode(fingerprint_key, 'hex') FROM sync_state WHERE sync_name = $1", [sync])
                    .text(0, 0).map(PostgresText.bytes(hexadecimal:))
            }
        }
        guard newKey.count == 16 else { throw WarehouseError(.other, "A fingerprint key has 16 bytes.") }
        return try await write { session in
            try session.query(
                """
                INSERT INTO sync_state AS s (sync_name, fingerprint_key) VALUES ($1, decode($2, 'hex'))
                ON CONFLICT (sync_name) DO UPDATE SET fingerprint_key = COALESCE(s.fingerprint_key, excluded.fingerprint_key)
                RETURNING encode(fingerprint_key, 'hex')
                """, [sync, newKey.hexadecimal]
            ).text(0, 0).map(PostgresText.bytes(hexadecimal:))
        }
    }

    package func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64? {
        try await read(orWithoutTables: nil) { session in
            try session.query("SELECT nullif(generation, 0) FROM sync_state WHERE sync_name = $1", [sync]).integer(0, 0)
        }
    }

    package func readSnapshot(
        sync: String, of entries: EntrySet, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws {
        switch entries {
        case .list(let list):
            let members = PostgresMembers(sync: sync, list: list, table: "\(tables.quotedSchema).list_members")
            let tables = tables
            let reading = reading(parts: parts) { tables.begin(.readOnly, $0, isLong: true) }
            try await streaming { session, cancellation in try members.read(reading(session, cancellation), body) }
        case .records:
            try await readContents(sync: sync, of: entries) { try body(0, $0.fingerprint, $0.state, $0.listed) }
        }
    }

    package func readContents(
        sync: String, of entries: EntrySet, _ body: @escaping @Sendable (KnownContent) throws -> Void
    ) async throws {
        let words = EntryWords(entries)
        let records = PostgresContents(
            sync: sync, entries: entries, table: "\(tables.quotedSchema).\(words.table)")
        let tables = tables
        let reading = reading(parts: 1) { tables.begin(.readOnly, $0, isLong: true) }
        try await streaming { session, cancellation in try records.read(reading(session, cancellation), body) }
    }

    /// Half the time of `fingerprint = ANY`; a plain join would, without statistics, read the whole list.
    static func entriesByFingerprint(_ words: EntryWords) -> String {
        """
        SELECT m.* FROM unnest($3::uuid[]) AS wanted CROSS JOIN LATERAL (
            SELECT \(PostgresEntryTable.columns(words)) FROM \(words.table) AS e
             WHERE \(PostgresEntryTable.isOfSet(words, "e")) AND fingerprint = wanted LIMIT 1) AS m
        """
    }

    package func members(
        sync: String, of entries: EntrySet, fingerprints: [Fingerprint]
    ) async throws(WarehouseError) -> [Member] {
        let wanted = PostgresText.array(Set(fingerprints).map { PostgresText.uuid($0) as String? })
        let table = PostgresEntryTable(entries)
        // Thousands may be asked for over several connections at once.
        return try await read(fingerprints.count > 1000 ? .long : .state, orWithoutTables: []) { session in
            Self.members(
                try session.query(Self.entriesByFingerprint(table.words), [sync, table.parameter, wanted]), table.words
            ).map(\.member)
        }
    }

    package func members(
        sync: String, of entries: EntrySet, knownAs identity: Identity
    ) async throws(WarehouseError) -> [MemberEntry] {
        let table = PostgresEntryTable(entries)
        return try await read(.long, orWithoutTables: []) { session in
            Self.members(
                try session.query(
                    """
                    SELECT \(PostgresEntryTable.columns(table.words)) FROM \(table.words.table) AS e
                     WHERE \(PostgresEntryTable.isOfSet(table.words, "e"))
                       AND (email = $3 COLLATE "C" OR user_id = $4 COLLATE "C"\(Self.orByKey(table.words)))
                    """, [sync, table.parameter, identity.email, identity.userID]), table.words)
        }
    }

    package func owners(
        sync: String, of kind: RecordKind, identities: [Identity]
    ) async throws(WarehouseError) -> [Member] {
        let table = PostgresEntryTable(.records(kind))
        let (emails, userIDs) = (identities.map(\.email), identities.map(\.userID))
        // Each along its index, whatever the server knows of the table: the indexes have the database's collation, under which equal
        // texts are the same bytes.
        func owners(_ column: String, _ parameter: String) -> String {
            """
            SELECT m.* FROM unnest(\(parameter)::text[]) AS wanted (name) CROSS JOIN LATERAL (
                SELECT \(PostgresEntryTable.columns(table.words)) FROM \(table.words.table) AS e
                 WHERE \(PostgresEntryTable.isOfSet(table.words, "e")) AND e.\(column) = wanted.name
                   AND e.\(table.words.listed) OFFSET 0) AS m
            """
        }
        let query = owners("email", "$3") + " UNION ALL " + owners("user_id", "$4")
        return try await read(.long, orWithoutTables: []) { session in
            let found = Self.members(
                try session.query(
                    query, [sync, table.parameter, PostgresText.array(emails), PostgresText.array(userIDs)]),
                table.words)
            return Array(Dictionary(found.map { ($0.member.fingerprint, $0.member) }) { first, _ in first }.values)
        }
    }

    private static func orByKey(_ words: EntryWords) -> String {
        words == .records ? #" OR record_key = $4 COLLATE "C" OR item_id = $4 COLLATE "C""# : ""
    }

    static func members(_ result: borrowing PostgresResult, _ words: EntryWords) -> [MemberEntry] {
        var members: [MemberEntry] = []
        members.reserveCapacity(result.rowCount)
        for row in 0..<result.rowCount {
            guard
                let fingerprint = result.textFingerprint(row, 0),
                let state = result.text(row, 3).flatMap(words.state), let since = result.date(row, 9)
            else { continue }
            let rejection = result.text(row, 5).map {
                FailureReason(
                    code: $0, reason: result.text(row, 6) ?? "", httpStatus: result.integer(row, 7).map(Int.init))
            }
            let member = Member(
                fingerprint: fingerprint, identity: Identity(email: result.text(row, 1), userID: result.text(row, 2)),
                state: state, listed: result.boolean(row, 4), rejection: rejection,
                record: words == .records
                    ? RecordReference(
                        key: result.text(row, 10) ?? "", itemID: result.text(row, 11),
                        content: result.integer(row, 12) ?? 0)
                    : nil)
            members.append(MemberEntry(member: member, sinceRunID: result.text(row, 8) ?? "", since: since))
        }
        return members
    }

    package func memberCounts(
        sync: String, of entries: EntrySet
    ) async throws(WarehouseError) -> [MemberState: Int] {
        let table = PostgresEntryTable(entries)
        return try await read(.long, orWithoutTables: [:]) { session in
            let result = try session.query(
                """
                SELECT state, count(*) FROM \(table.words.table) AS e
                 WHERE \(PostgresEntryTable.isOfSet(table.words, "e")) GROUP BY state
                """, [sync, table.parameter])
            var counts: [MemberState: Int] = [:]
            for row in 0..<result.rowCount {
                if let state = result.text(row, 0).flatMap(table.words.state) { counts[state] = result.count(row, 1) }
            }
            return counts
        }
    }

    package func requestsInDoubt(
        sync: String, of entries: EntrySet
    ) async throws(WarehouseError) -> [RequestInDoubt] {
        let list = entries.listID.map { String($0) }
        // Tables which no run has upgraded yet lack the columns of contents; the rows are few.
        return try await read(.long, orWithoutTables: []) { session in
            let result = try session.query(
                """
                SELECT email, user_id, operation, \(PostgresRunRow.milliseconds("settles_at")),
                       to_jsonb(settling_requests) ->> 'fingerprint', to_jsonb(settling_requests) ->> 'content'
                  FROM settling_requests
                 WHERE sync_name = $1 AND list_id IS NOT DISTINCT FROM $2::bigint
                   AND (settles_at >= clock_timestamp() OR operation = 'rename')
                """, [sync, list])
            var requests: [RequestInDoubt] = []
            for row in 0..<result.rowCount {
                guard let operation = result.text(row, 2).flatMap(RollcallCore.Operation.init),
                    let mayLandUntil = result.date(row, 3)
                else { continue }
                requests.append(
                    RequestInDoubt(
                        identity: Identity(email: result.text(row, 0), userID: result.text(row, 1)),
                        operation: operation, mayLandUntil: mayLandUntil,
                        fingerprint: list == nil ? result.textFingerprint(row, 4) : nil,
                        content: result.integer(row, 5)))
            }
            return requests
        }
    }
}
