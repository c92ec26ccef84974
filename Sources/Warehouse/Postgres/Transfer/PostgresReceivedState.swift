import RollcallCore

/// Writes the state of one sync into a database, within one transaction.
struct PostgresReceivedState {
    let session: PostgresSession
    let sync: String
    private var table: StateTable?
    /// Which of the columns that are given the table has.
    private var kept: [(index: Int, column: PostgresTransferColumn)] = []
    private var rows: [[StateValue]] = []
    private var bytes = 0
    private var given = 0
    /// Of the outbox, whose rows are found by the runs, which come later.
    private var changes = 0

    private static let mostRows = 500
    private static let mostBytes = 4 << 20

    init(_ session: PostgresSession, sync: String) {
        self.session = session
        self.sync = sync
    }

    mutating func take(_ parts: any StateParts) throws {
        while let part = try parts.next() {
            switch part {
            case .table(let table, let columns): try begin(table, columns)
            case .row(let values):
                rows.append(values)
                bytes += values.reduce(0) { $0 + $1.byteCount }
                if rows.count >= Self.mostRows || bytes >= Self.mostBytes { try write() }
            }
        }
        try endTable()
    }

    private mutating func begin(_ table: StateTable, _ names: [String]) throws {
        try endTable()
        self.table = table
        let columns = try PostgresTransferColumn.all(of: table, session)
        kept = names.enumerated().compactMap { index, name in
            columns.first { $0.name == name }.map { (index, $0) }
        }
        if table.isShared { return }
        if table.isWrittenFreely { try session.execute("LOCK TABLE \(table.rawValue) IN SHARE ROW EXCLUSIVE MODE") }
        try session.modify("DELETE FROM \(table.rawValue) WHERE \(table.condition("$1"))", [sync])
    }

    private mutating func write() throws {
        guard let table, !rows.isEmpty else { return }
        let arrays = try kept.map { kept in
            try session.array(.text, of: rows) { writer, row in
                writer.text(PostgresTransferColumn.text(row[kept.index]))
            }
        }
        let parameters = kept.indices.map { "$\($0 + 1)::text[]" }.joined(separator: ", ")
        let names = kept.indices.map { "c\($0)" }
        let values = zip(kept, names).map { $0.column.converted("u.\($1)") }.joined(separator: ", ")
        _ = try session.query(
            """
            INSERT INTO \(table.rawValue) (\(kept.map(\.column.quotedName).joined(separator: ", ")))
            SELECT \(values) FROM unnest(\(parameters)) AS u(\(names.joined(separator: ", ")))
            \(table.isShared ? table.mergingShared() : "")
            """, columns: arrays)
        given += rows.count
        rows.removeAll(keepingCapacity: true)
        bytes = 0
    }

    private mutating func endTable() throws {
        try write()
        defer { given = 0 }
        guard let table, !table.isShared else { return }
        if table == .runs { try prove(.changes, changes) }
        if table == .changes { changes = given } else { try prove(table, given) }
    }

    private func prove(_ table: StateTable, _ given: Int) throws {
        let taken = try PostgresTransfer.count(session, table, sync: sync) ?? 0
        guard taken == given else { throw WarehouseError.rowsMissing(table, taken, of: given) }
    }
}

extension StateValue {
    fileprivate var byteCount: Int {
        switch self {
        case .null, .integer, .real: 8
        case .text(let bytes), .bytes(let bytes): bytes.count
        }
    }
}
