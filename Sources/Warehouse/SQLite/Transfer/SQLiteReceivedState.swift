import GRDB
import RollcallCore

/// Writes the state of one sync into a file, within one transaction.
struct SQLiteReceivedState {
    let database: Database
    let sync: String
    private var table: StateTable?
    /// Which of the columns that are given the table has.
    private var kept: [Int] = []
    private var insert: SQLitePrepared?
    private var given = 0

    init(_ database: Database, sync: String) {
        self.database = database
        self.sync = sync
    }

    mutating func take(_ parts: any StateParts) throws {
        while let part = try parts.next() {
            switch part {
            case .table(let table, let columns): try begin(table, columns)
            case .row(let values): try write(values)
            }
        }
        try endTable()
    }

    private mutating func begin(_ table: StateTable, _ given: [String]) throws {
        try endTable()
        self.table = table
        let columns = Set(try SQLiteTransfer.columns(database, table))
        kept = given.indices.filter { columns.contains(given[$0]) }
        if !table.isShared {
            try database.change("DELETE FROM \(SQLiteTransfer.rows(table))", ["sync": .of(sync)])
        }
        let merging = table.isShared ? table.mergingShared(prefix: "rollcall_") : ""
        let places = kept.map { _ in "?" }.joined(separator: ", ")
        insert = try SQLitePrepared(
            database,
            """
            INSERT INTO rollcall_\(table.rawValue) (\(SQLiteTransfer.names(kept.map { given[$0] }))) VALUES (\(places))
            \(merging)
            """
        )
    }

    private mutating func write(_ values: [StateValue]) throws {
        guard let insert else { return }
        insert.reset()
        for (place, column) in kept.enumerated() { try insert.bind(Int32(place + 1), values[column].bound) }
        while try insert.step() {}
        given += 1
    }

    private mutating func endTable() throws {
        defer { (insert, given) = (nil, 0) }
        guard let table, !table.isShared else { return }
        // The outbox is found by the runs, which come later.
        if table == .runs { try prove(.changes, changes) }
        if table == .changes { changes = given } else { try prove(table, given) }
    }

    private var changes = 0

    private func prove(_ table: StateTable, _ given: Int) throws {
        let taken = try SQLiteTransfer.count(database, table, sync: sync) ?? 0
        guard taken == given else { throw WarehouseError.rowsMissing(table, taken, of: given) }
    }
}

extension StateValue {
    fileprivate var bound: SQLiteValue {
        switch self {
        case .null: .null
        case .integer(let number): .integer(number)
        case .real(let number): .real(number)
        case .text(let bytes): .rawText(bytes)
        case .bytes(let bytes): .blob(bytes)
        }
    }
}
