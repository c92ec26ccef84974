import GRDB

extension SQLiteWarehouse: StateTransfer {
    package func stateElsewhere(sync: String) async throws(WarehouseError) -> String? {
        try await read(nil) { try SQLiteTransfer.elsewhere($0, sync: sync) }
    }

    package func stateID() async throws(WarehouseError) -> String? {
        try await read(nil) { database in
            guard try SQLiteMigrations.version(database) ?? 0 >= SQLiteTransfer.version else { return nil }
            return try database.firstRow("SELECT state_id FROM rollcall_state_identity") { $0.text(0) } ?? nil
        }
    }

    package func stateStanding(sync: String) async throws(WarehouseError) -> StateStanding {
        try await read(StateStanding()) { try SQLiteTransfer.standing($0, sync: sync) }
    }

    package func stateTrace(sync: String) async throws(WarehouseError) -> StateTrace {
        try await read(StateTrace()) { database in
            guard try SQLiteMigrations.version(database) ?? 0 >= SQLiteTransfer.version else { return StateTrace() }
            let trace = try database.firstRow(
                "SELECT token, moves FROM rollcall_sync_leases WHERE sync_name = :sync", ["sync": .of(sync)]
            ) { StateTrace(token: $0.integer(0) ?? 0, moves: $0.integer(1) ?? 0) }
            return trace ?? StateTrace()
        }
    }

    package func stateCounts(sync: String) async throws(WarehouseError) -> [StateTable: Int] {
        try await read([:]) { database in
            var counts: [StateTable: Int] = [:]
            for table in StateTable.allCases { counts[table] = try SQLiteTransfer.count(database, table, sync: sync) }
            return counts
        }
    }

    // MARK: Marks

    package func closeState(
        _ lease: Lease, for place: StatePlace, atLeast moves: Int64
    ) async throws(WarehouseError) -> StateMark {
        try await move { database in
            try SQLiteLeases.prove(database, lease)
            return try SQLiteTransfer.close(database, sync: lease.sync, for: place, atLeast: moves)
        }
    }

    package func closeStateAgain(
        sync: String, insteadOf id: String, for place: StatePlace
    ) async throws(WarehouseError) -> StateMark {
        try await move { database in
            guard try SQLiteTransfer.standing(database, sync: sync).elsewhere?.id == id else {
                throw WarehouseError.markLost(sync)
            }
            return try SQLiteTransfer.close(database, sync: sync, for: place)
        }
    }

    package func openState(_ mark: StateMark) async throws(WarehouseError) {
        try await move { database in
            try SQLiteTransfer.prove(database, mark)
            try SQLiteTransfer.open(database, mark, token: mark.token + 1, moves: mark.moves)
        }
    }

    /// A step of a move is on the disk before the next one is taken in the other database.
    private func move<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(WarehouseError) -> T {
        try await writer.run(.immediate, isSynced: true, body)
    }

    // MARK: Rows

    package func readState(sync: String, _ body: @escaping @Sendable (StatePart) throws -> Void) async throws {
        try await streams.run { database, stop in
            try SQLiteTransfer.read(database, sync: sync) { part in
                try stop.check()
                do { try body(part) } catch { throw SQLiteStreams.BodyFailure(error: error) }
            }
        }
    }

    package func receiveState(
        _ mark: StateMark, from source: StateMark, _ parts: any StateParts
    ) async throws(WarehouseError) {
        try await move { database in
            try SQLiteTransfer.prove(database, mark)
            try Self.proveOlder(try SQLiteTransfer.standing(database, sync: mark.sync), than: source)
            var received = SQLiteReceivedState(database, sync: mark.sync)
            try received.take(parts)
            try SQLiteTransfer.open(
                database, mark, token: max(mark.token, source.token) + 1, moves: source.moves + 1)
        }
    }
}

extension StateTransfer {
    /// Throws unless a place may be overwritten by the state of `source`.
    static func proveOlder(_ standing: StateStanding, than source: StateMark) throws {
        let isNew = standing.moves == source.moves && standing.content < .kept
        guard standing.moves < source.moves || isNew else { throw WarehouseError.notOlder(source.sync) }
    }
}
