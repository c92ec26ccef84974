import Foundation
public import RollcallCore

extension PostgresWarehouse {
    public func fingerprintKey(sync: String, newKey: [UInt8]?) async throws(WarehouseError) -> [UInt8]? {
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

    public func snapshotGeneration(sync: String) async throws(WarehouseError) -> Int64? {
        try await read(orWithoutTables: nil) { session in
            try session.query("SELECT nullif(generation, 0) FROM sync_state WHERE sync_name = $1", [sync]).integer(0, 0)
        }
    }

    public func readSnapshot(
        sync: String, list: Int64, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, Fingerprint, MemberState, _ listed: Bool) throws -> Void
    ) async throws {
        let members = PostgresMembers(sync: sync, list: list, table: "\(tables.quotedSchema).list_members")
        let tables = tables
        let reading = reading(parts: parts) { tables.begin(.readOnly, $0, isLong: true) }
        try await streaming { session, cancellation in try members.read(reading(session, cancellation), body) }
    }

    private static let memberColumns = """
        fingerprint, email, user_id, state, listed, error_code, error_reason, http_status, since_run_id,
        \(PostgresRunRow.milliseconds("since"))
        """

    /// Half the time of `fingerprint = ANY`; a plain join would, without statistics, read the whole list.
    static let membersByFingerprint = """
        SELECT m.* FROM unnest($3::uuid[]) AS wanted CROSS JOIN LATERAL (
            SELECT \(memberColumns) FROM list_members
             WHERE sync_name = $1 AND list_id = $2::bigint AND fingerprint = wanted LIMIT 1) AS m
        """

    public func members(
        sync: String, list: Int64, fingerprints: [Fingerprint]
    ) async throws(WarehouseError) -> [Member] {
        let wanted = PostgresText.array(Set(fingerprints).map { PostgresText.uuid($0) as String? })
        // Thousands may be asked for over several connections at once.
        return try await read(fingerprints.count > 1000 ? .long : .state, orWithoutTables: []) { session in
            Self.members(try session.query(Self.membersByFingerprint, [sync, String(list), wanted])).map(\.member)
        }
    }

    public func members(
        sync: String, list: Int64, knownAs identity: Identity
    ) async throws(WarehouseError) -> [MemberEntry] {
        try await read(.long, orWithoutTables: []) { session in
            Self.members(
                try session.query(
                    """
                    SELECT \(Self.memberColumns) FROM list_members WHERE sync_name = $1 AND list_id = $2::bigint
                       AND (email = $3 COLLATE "C" OR user_id = $4 COLLATE "C")
                    """,
                    [sync, String(list), identity.email, identity.userID]))
        }
    }

    private static func members(_ result: borrowing PostgresResult) -> [MemberEntry] {
        var members: [MemberEntry] = []
        members.reserveCapacity(result.rowCount)
        for row in 0..<result.rowCount {
            guard
                let fingerprint = result.textFingerprint(row, 0),
                let state = result.text(row, 3).flatMap(MemberState.init), let since = result.date(row, 9)
            else { continue }
            let rejection = result.text(row, 5).map {
                FailureReason(
                    code: $0, reason: result.text(row, 6) ?? "", httpStatus: result.integer(row, 7).map(Int.init))
            }
            let member = Member(
                fingerprint: fingerprint, identity: Identity(email: result.text(row, 1), userID: result.text(row, 2)),
                state: state, listed: result.boolean(row, 4), rejection: rejection)
            members.append(MemberEntry(member: member, sinceRunID: result.text(row, 8) ?? "", since: since))
        }
        return members
    }

    public func memberCounts(sync: String, list: Int64) async throws(WarehouseError) -> [MemberState: Int] {
        try await read(.long, orWithoutTables: [:]) { session in
            let result = try session.query(
                "SELECT state, count(*) FROM list_members WHERE sync_name = $1 AND list_id = $2::bigint GROUP BY state",
                [sync, String(list)])
            var counts: [MemberState: Int] = [:]
            for row in 0..<result.rowCount {
                if let state = result.text(row, 0).flatMap(MemberState.init) { counts[state] = result.count(row, 1) }
            }
            return counts
        }
    }

    public func requestsInDoubt(sync: String, list: Int64) async throws(WarehouseError) -> [RequestInDoubt] {
        try await read(.long, orWithoutTables: []) { session in
            let result = try session.query(
                """
                SELECT email, user_id, operation, \(PostgresRunRow.milliseconds("settles_at")) FROM settling_requests
                 WHERE sync_name = $1 AND list_id = $2::bigint AND settles_at >= clock_timestamp()
                """, [sync, String(list)])
            var requests: [RequestInDoubt] = []
            for row in 0..<result.rowCount {
                guard let operation = result.text(row, 2).flatMap(RollcallCore.Operation.init),
                    let mayLandUntil = result.date(row, 3)
                else { continue }
                let identity = Identity(email: result.text(row, 0), userID: result.text(row, 1))
                requests.append(RequestInDoubt(identity: identity, operation: operation, mayLandUntil: mayLandUntil))
            }
            return requests
        }
    }
}
