import GRDB
import GRDBSQLite
import RollcallCore

/// The state of one sync, as it leaves a file and comes into it.
enum SQLiteTransfer {
    /// The first version whose tables say where a state is.
    static let version = 13
    /// The end of a lease that no process has, because the state is elsewhere.
    private static let never = "9999-12-31T23:59:59.999Z"

    /// Where the state of a sync was moved to, or was to be; nil: it was not.
    static func elsewhere(_ database: Database, sync: String) throws -> String? {
        guard try SQLiteMigrations.version(database) ?? 0 >= version else { return nil }
        return try database.firstRow(
            "SELECT elsewhere FROM rollcall_sync_leases WHERE sync_name = :sync", ["sync": .of(sync)]
        ) { $0.text(0) } ?? nil
    }

    // MARK: Standing

    static func standing(_ database: Database, sync: String) throws -> StateStanding {
        let content = try content(database, sync: sync)
        guard try SQLiteMigrations.version(database) ?? 0 >= version else { return StateStanding(content: content) }
        let place = try database.firstRow(
            "SELECT moves, elsewhere_id, elsewhere FROM rollcall_sync_leases WHERE sync_name = :sync",
            ["sync": .of(sync)]
        ) { row in
            StateStanding(
                content: content, moves: row.integer(0) ?? 0,
                elsewhere: row.text(1).map { StatePlace(id: $0, name: row.text(2) ?? "") })
        }
        return place ?? StateStanding(content: content)
    }

    private static func content(_ database: Database, sync: String) throws -> StateStanding.Content {
        let tables = try [StateTable.members, .records, .events].compactMap { try name(of: $0, database) }
        let rows = tables.map { "EXISTS (SELECT 1 FROM \($0) WHERE sync_name = :sync)" }
        let found = try database.firstRow(
            """
            SELECT EXISTS (SELECT 1 FROM rollcall_sync_state WHERE sync_name = :sync AND fingerprint_key IS NOT NULL)
                   AND (EXISTS (SELECT 1 FROM rollcall_sync_state WHERE sync_name = :sync AND destination IS NOT NULL)
                        OR EXISTS (SELECT 1 FROM rollcall_sync_runs
                                    WHERE sync_name = :sync AND status IN ('queued', 'running', 'held'))
                        OR \(rows.joined(separator: " OR "))),
                   EXISTS (SELECT 1 FROM rollcall_sync_state WHERE sync_name = :sync)
                   OR EXISTS (SELECT 1 FROM rollcall_sync_runs WHERE sync_name = :sync)
            """, ["sync": .of(sync)]
        ) { (isKept: $0.count(0) == 1, isKnown: $0.count(1) == 1) }
        return found?.isKept == true ? .kept : found?.isKnown == true ? .known : .none
    }

    /// SQL for whether the state of a sync was not moved away: what stands here of one that was claims nothing.
    static func isHere(_ sync: String, _ database: Database) throws -> String {
        guard try SQLiteMigrations.version(database) ?? 0 >= version else { return "true" }
        return """
            NOT EXISTS (SELECT 1 FROM rollcall_sync_leases l WHERE l.sync_name = \(sync) AND l.elsewhere_id IS NOT NULL)
            """
    }

    /// Syncs whose state was moved away. What stands here of them is older, and no report shows it.
    static func left(_ database: Database) throws -> [String] {
        guard try SQLiteMigrations.version(database) ?? 0 >= version else { return [] }
        return try database.rows("SELECT sync_name FROM rollcall_sync_leases WHERE elsewhere_id IS NOT NULL") {
            $0.text(0) ?? ""
        }
    }

    // MARK: Marks

    static func close(
        _ database: Database, sync: String, for place: StatePlace, atLeast moves: Int64 = 0
    ) throws -> StateMark {
        try database.change(
            """
            UPDATE rollcall_sync_leases
               SET token = token + 1, holder = :holder, expires_at = :never, elsewhere_id = :id, elsewhere = :name,
                   moves = max(moves, :moves)
             WHERE sync_name = :sync
            """,
            [
                "sync": .of(sync), "holder": .of("moved to \(place.name)"), "never": .of(never), "id": .of(place.id),
                "name": .of(place.name), "moves": .of(moves),
            ])
        guard let mark = try mark(database, sync: sync) else { throw WarehouseError.markLost(sync) }
        return mark
    }

    static func mark(_ database: Database, sync: String) throws -> StateMark? {
        try database.firstRow(
            "SELECT token, moves FROM rollcall_sync_leases WHERE sync_name = :sync AND elsewhere_id IS NOT NULL",
            ["sync": .of(sync)]
        ) { StateMark(sync: sync, token: $0.integer(0) ?? 0, moves: $0.integer(1) ?? 0) }
    }

    static func prove(_ database: Database, _ mark: StateMark) throws {
        guard try self.mark(database, sync: mark.sync)?.token == mark.token else {
            throw WarehouseError.markLost(mark.sync)
        }
    }

    static func open(_ database: Database, _ mark: StateMark, token: Int64, moves: Int64) throws {
        try database.change(
            """
            UPDATE rollcall_sync_leases
               SET token = :token, moves = :moves, holder = '', expires_at = '1970-01-01T00:00:00.000Z',
                   elsewhere_id = NULL, elsewhere = NULL
             WHERE sync_name = :sync
            """, ["sync": .of(mark.sync), "token": .of(token), "moves": .of(moves)])
    }

    // MARK: Rows

    /// The columns of a table that move, in order.
    static func columns(_ database: Database, _ table: StateTable) throws -> [String] {
        try database.rows(
            "SELECT name FROM pragma_table_info(:table) ORDER BY cid", ["table": .of("rollcall_" + table.rawValue)]
        ) { $0.text(0) ?? "" }.filter { $0 != table.ownColumn }
    }

    static func rows(_ table: StateTable) -> String {
        "rollcall_\(table.rawValue) WHERE \(table.condition(":sync", prefix: "rollcall_"))"
    }

    /// The table as it is named here; nil: what no run has upgraded yet lacks it.
    private static func name(of table: StateTable, _ database: Database) throws -> String? {
        if table == .events { return try SQLiteEvents(database)?.table }
        let name = "rollcall_\(table.rawValue)"
        return try SQLiteMigrations.hasTable(name, database) ? name : nil
    }

    /// Nil where there is no such table yet.
    static func count(_ database: Database, _ table: StateTable, sync: String) throws -> Int? {
        guard let name = try name(of: table, database) else { return nil }
        let condition = table.condition(":sync", prefix: "rollcall_")
        return try database.firstRow("SELECT count(*) FROM \(name) WHERE \(condition)", ["sync": .of(sync)]) {
            $0.count(0)
        }
    }

    static func read(_ database: Database, sync: String, _ body: (StatePart) throws -> Void) throws {
        for table in StateTable.allCases {
            let columns = try columns(database, table)
            try body(.table(table, columns: columns))
            let statement = try SQLitePrepared(
                database, "SELECT \(names(columns)) FROM \(rows(table)) ORDER BY \(table.order)")
            try statement.bind(["sync": .of(sync)])
            while try statement.step() { try body(.row(columns.indices.map { statement.stateValue(Int32($0)) })) }
        }
    }

    /// Quoted: `trigger` is a word of SQL.
    static func names(_ columns: [String]) -> String { columns.map { "\"\($0)\"" }.joined(separator: ", ") }
}

extension SQLitePrepared {
    fileprivate func stateValue(_ column: Int32) -> StateValue {
        switch sqlite3_column_type(pointer, column) {
        case SQLITE_NULL: .null
        case SQLITE_INTEGER: .integer(integer(column) ?? 0)
        case SQLITE_FLOAT: .real(sqlite3_column_double(pointer, column))
        case SQLITE_BLOB: .bytes(Array(bytes(column)))
        default: .text(Array(bytes(column)))
        }
    }
}
