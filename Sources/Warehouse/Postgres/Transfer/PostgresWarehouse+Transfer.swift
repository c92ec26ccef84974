import Synchronization

extension PostgresWarehouse: StateTransfer {
    package func stateElsewhere(sync: String) async throws(WarehouseError) -> String? {
        try await read(orWithoutTables: nil) { session in
            try session.query(
                "SELECT \(PostgresTransfer.elsewhere) FROM sync_leases l WHERE l.sync_name = $1", [sync]
            ).text(0, 0)
        }
    }

    package func stateID() async throws(WarehouseError) -> String? {
        try await read(orWithoutTables: nil) { session in
            try session.query("SELECT state_id FROM state_identity").text(0, 0)
        }
    }

    package func stateStanding(sync: String) async throws(WarehouseError) -> StateStanding {
        try await read(orWithoutTables: StateStanding()) { try PostgresTransfer.standing($0, sync: sync) }
    }

    package func stateTrace(sync: String) async throws(WarehouseError) -> StateTrace {
        try await read(orWithoutTables: StateTrace()) { session in
            let isReplica = try session.query("SELECT pg_catalog.pg_is_in_recovery()").boolean(0, 0)
            let row = try session.query(
                "SELECT token, to_jsonb(l) ->> 'moves' FROM sync_leases l WHERE l.sync_name = $1", [sync])
            return StateTrace(token: row.integer(0, 0) ?? 0, moves: row.integer(0, 1) ?? 0, isReplica: isReplica)
        }
    }

    package func stateCounts(sync: String) async throws(WarehouseError) -> [StateTable: Int] {
        try await read(.long, orWithoutTables: [:]) { session in
            var counts: [StateTable: Int] = [:]
            for table in StateTable.allCases { counts[table] = try PostgresTransfer.count(session, table, sync: sync) }
            return counts
        }
    }

    // MARK: Marks

    /// A step of a move is on the disk before the next one is taken in the other database, whatever the role has by default.
    private static let synced = "SET LOCAL synchronous_commit = on"

    package func closeState(
        _ lease: Lease, for place: StatePlace, atLeast moves: Int64
    ) async throws(WarehouseError) -> StateMark {
        try await leased(lease, settings: Self.synced) {
            try PostgresTransfer.close($0, sync: lease.sync, for: place, atLeast: moves)
        }
    }

    package func closeStateAgain(
        sync: String, insteadOf id: String, for place: StatePlace
    ) async throws(WarehouseError) -> StateMark {
        try await write(settings: Self.synced) { session in
            guard try PostgresTransfer.mark(session, sync: sync)?.elsewhere == id else {
                throw WarehouseError.markLost(sync)
            }
            return try PostgresTransfer.close(session, sync: sync, for: place)
        }
    }

    package func openState(_ mark: StateMark) async throws(WarehouseError) {
        try await write(settings: Self.synced) { session in
            try PostgresTransfer.prove(session, mark)
            try PostgresTransfer.open(session, mark, token: mark.token + 1, moves: mark.moves)
        }
    }

    // MARK: Rows

    package func readState(sync: String, _ body: @escaping @Sendable (StatePart) throws -> Void) async throws {
        try await stream { session, cancellation in
            let given = GivenRows()
            try given.during {
                try PostgresTransfer.read(session, sync: sync, cancellation) {
                    given.note()
                    try body($0)
                }
            }
        }
    }

    package func receiveState(
        _ mark: StateMark, from source: StateMark, _ parts: any StateParts
    ) async throws(WarehouseError) {
        // The parts can be read once only.
        let hasBegun = Atomic(false)
        try await write(.long, mayRepeat: { !hasBegun.load(ordering: .relaxed) }, settings: Self.synced) { session in
            try PostgresTransfer.prove(session, mark)
            try Self.proveOlder(try PostgresTransfer.standing(session, sync: mark.sync), than: source)
            hasBegun.store(true, ordering: .relaxed)
            var received = PostgresReceivedState(session, sync: mark.sync)
            try received.take(parts)
            try PostgresTransfer.open(
                session, mark, token: max(mark.token, source.token) + 1, moves: source.moves + 1)
        }
    }
}
