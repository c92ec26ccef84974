import RollcallCore

/// The state of one sync, as it leaves a database and comes into it.
enum PostgresTransfer {
    /// The end of a lease that no process has, because the state is elsewhere.
    private static let never = "9999-12-31T23:59:59.999Z"
    /// Rows asked for at once.
    private static let page = 500

    /// SQL for the name of the place that a row `l` of `sync_leases` says the state is in; NULL: it is here. Tables which no run
    /// has upgraded yet lack the column.
    static let elsewhere = "to_jsonb(l) ->> 'elsewhere'"

    // MARK: Standing

    static func standing(_ session: PostgresSession, sync: String) throws -> StateStanding {
        // Tables which no run has upgraded yet lack the columns.
        let row = try session.query(
            """
            SELECT to_jsonb(l) ->> 'moves', to_jsonb(l) ->> 'elsewhere_id', \(elsewhere)
              FROM sync_leases l WHERE l.sync_name = $1
            """, [sync])
        return StateStanding(
            content: try content(session, sync: sync), moves: row.integer(0, 0) ?? 0,
            elsewhere: row.text(0, 1).map { StatePlace(id: $0, name: row.text(0, 2) ?? "") })
    }

    private static func content(_ session: PostgresSession, sync: String) throws -> StateStanding.Content {
        var tables = ["list_members"]
        tables += try [StateTable.records, .events].compactMap { try name(of: $0, session) }
        let rows = tables.map { "EXISTS (SELECT FROM \($0) WHERE sync_name = $1)" }
        let found = try session.query(
            """
            SELECT EXISTS (SELECT FROM sync_state WHERE sync_name = $1 AND fingerprint_key IS NOT NULL)
                   AND (EXISTS (SELECT FROM sync_state WHERE sync_name = $1 AND destination IS NOT NULL)
                        OR EXISTS (SELECT FROM sync_runs WHERE sync_name = $1 AND status IN ('queued', 'running', 'held'))
                        OR \(rows.joined(separator: " OR "))),
                   EXISTS (SELECT FROM sync_state WHERE sync_name = $1)
                   OR EXISTS (SELECT FROM sync_runs WHERE sync_name = $1)
            """, [sync])
        return found.boolean(0, 0) ? .kept : found.boolean(0, 1) ? .known : .none
    }

    /// SQL for whether the state of a sync was not moved away: what stands here of one that was claims nothing.
    static func isHere(_ sync: String) -> String {
        """
        NOT EXISTS (SELECT FROM sync_leases l WHERE l.sync_name = \(sync) AND to_jsonb(l) ->> 'elsewhere_id' IS NOT NULL)
        """
    }

    /// Syncs whose state was moved away. What stands here of them is older, and no report shows it.
    static func left(_ session: PostgresSession) throws -> [String] {
        let result = try session.query(
            "SELECT sync_name FROM sync_leases l WHERE to_jsonb(l) ->> 'elsewhere_id' IS NOT NULL")
        return (0..<result.rowCount).compactMap { result.text($0, 0) }
    }

    // MARK: Marks

    /// Closes the place, whose lease is locked by now.
    static func close(
        _ session: PostgresSession, sync: String, for place: StatePlace, atLeast moves: Int64 = 0
    ) throws -> StateMark {
        let row = try session.query(
            """
            UPDATE sync_leases
               SET token = token + 1, holder = $2, expires_at = $3::timestamptz, elsewhere_id = $4::uuid, elsewhere = $5,
                   moves = greatest(moves, $6::bigint)
             WHERE sync_name = $1
            RETURNING token, moves
            """, [sync, "moved to \(place.name)", never, place.id, place.name, String(moves)])
        guard let token = row.integer(0, 0) else { throw WarehouseError.markLost(sync) }
        return StateMark(sync: sync, token: token, moves: row.integer(0, 1) ?? 0)
    }

    /// The mark of a closed place, and the id of where it says that the state is; locked until the transaction ends. nil: it is open.
    static func mark(_ session: PostgresSession, sync: String) throws -> (token: Int64, elsewhere: String)? {
        let row = try session.query(
            "SELECT token, elsewhere_id FROM sync_leases WHERE sync_name = $1 AND elsewhere_id IS NOT NULL FOR UPDATE",
            [sync])
        guard let token = row.integer(0, 0), let elsewhere = row.text(0, 1) else { return nil }
        return (token, elsewhere)
    }

    /// Throws unless the place is closed by this mark; keeps it so until the transaction ends.
    static func prove(_ session: PostgresSession, _ mark: StateMark) throws {
        guard try self.mark(session, sync: mark.sync)?.token == mark.token else {
            throw WarehouseError.markLost(mark.sync)
        }
    }

    static func open(_ session: PostgresSession, _ mark: StateMark, token: Int64, moves: Int64) throws {
        try session.modify(
            """
            UPDATE sync_leases
               SET token = $2::bigint, moves = $3::bigint, holder = '', expires_at = clock_timestamp(), elsewhere_id = NULL,
                   elsewhere = NULL
             WHERE sync_name = $1
            """, [mark.sync, String(token), String(moves)])
    }

    // MARK: Rows

    /// The table as it is named here; nil: what no run has upgraded yet lacks it.
    private static func name(of table: StateTable, _ session: PostgresSession) throws -> String? {
        if table == .events { return try session.eventTable() }
        return try session.hasTable(table.rawValue) ? table.rawValue : nil
    }

    /// Nil where there is no such table yet.
    static func count(_ session: PostgresSession, _ table: StateTable, sync: String) throws -> Int? {
        guard let name = try name(of: table, session) else { return nil }
        return try session.query("SELECT count(*) FROM \(name) WHERE \(table.condition("$1"))", [sync]).count(0, 0)
    }

    static func read(
        _ session: PostgresSession, sync: String, _ cancellation: PostgresCancellation,
        _ body: (StatePart) throws -> Void
    ) throws {
        // All locks come before the first row: another session's can be waited for until then.
        let tables = StateTable.allCases.map(\.rawValue)
        try session.execute(tables.map { "SELECT FROM \($0) LIMIT 0" }.joined(separator: "; "))
        for table in StateTable.allCases {
            let columns = try PostgresTransferColumn.all(of: table, session)
            try body(.table(table, columns: columns.map(\.name)))
            _ = try session.query(
                """
                DECLARE rollcall_state NO SCROLL CURSOR FOR SELECT \(columns.map(\.selected).joined(separator: ", "))
                  FROM \(table.rawValue) WHERE \(table.condition("$1")) ORDER BY \(table.order)
                """, [sync])
            while try give(columns, session, body) { try cancellation.check() }
            try session.execute("CLOSE rollcall_state")
        }
    }

    /// Gives a page of the cursor's rows; false: there was none.
    private static func give(
        _ columns: [PostgresTransferColumn], _ session: PostgresSession, _ body: (StatePart) throws -> Void
    ) throws -> Bool {
        let result = try session.query("FETCH FORWARD \(page) FROM rollcall_state")
        for row in 0..<result.rowCount {
            var values: [StateValue] = []
            values.reserveCapacity(columns.count)
            for (index, column) in columns.enumerated() { values.append(try column.value(result, row, index, session)) }
            try body(.row(values))
        }
        return result.rowCount > 0
    }
}

extension PostgresSession {
    fileprivate func hasTable(_ table: String) throws -> Bool {
        try query("SELECT pg_catalog.to_regclass($1) IS NOT NULL", [table]).boolean(0, 0)
    }
}
