import RollcallCore

extension PostgresSession {
    /// The columns of a result, with their types looked up in the catalog. For a domain the server describes the type
    /// that the domain is made of.
    func columns(of result: borrowing PostgresResult) throws -> [PostgresColumn] {
        var columns: [(name: String, type: UInt32)] = []
        for index in 0..<result.columnCount { columns.append((result.columnName(index), result.columnType(index))) }
        let types = try types(Set(columns.map(\.type)))
        return columns.map { column in
            let type = types[column.type]
            return PostgresColumn(name: column.name, type: type?.name ?? "", wire: type?.wire ?? .castOpaque)
        }
    }

    private func types(_ types: Set<UInt32>) throws -> [UInt32: (name: String, wire: PostgresColumn.Wire)] {
        let result = try query(
            "SELECT oid, pg_catalog.format_type(oid, NULL), typtype, typname FROM pg_catalog.pg_type"
                + " WHERE oid = ANY($1::pg_catalog.oid[])", [PostgresText.array(types.sorted().map { $0 as UInt32? })])
        var found: [UInt32: (name: String, wire: PostgresColumn.Wire)] = [:]
        for row in 0..<result.rowCount {
            guard let oid = result.text(row, 0).flatMap({ UInt32($0) }) else { continue }
            let wire = PostgresColumn.Wire(oid: oid, kind: result.text(row, 2) ?? "", name: result.text(row, 3) ?? "")
            found[oid] = (result.text(row, 1) ?? "", wire)
        }
        return found
    }
}
