import RollcallCore

extension PostgresSession {
    /// The columns of a result, with their types looked up in the catalog. For a domain the server describes the type
    /// that the domain is made of.
    func columns(of result: borrowing PostgresResult) throws -> [PostgresColumn] {
        var columns: [(name: String, type: UInt32, modifier: Int32)] = []
        for index in 0..<result.columnCount {
            columns.append((result.columnName(index), result.columnType(index), result.columnModifier(index)))
        }
        let types = try types(Set(columns.map(\.type)))
        return columns.map { column in
            let found = types[column.type]
            let type = found?.type ?? PostgresType(oid: column.type, kind: "", name: "")
            return PostgresColumn(
                name: column.name, type: found?.title ?? "",
                wire: PostgresColumn.Wire(oid: type.oid, kind: type.kind, name: type.name),
                content: PostgresContent(type, element: found?.element, modifier: column.modifier))
        }
    }

    private struct CatalogType {
        /// As `format_type` has it.
        var title: String
        var type: PostgresType
        var element: PostgresType?
    }

    private func types(_ types: Set<UInt32>) throws -> [UInt32: CatalogType] {
        let result = try query(
            """
            SELECT t.oid, pg_catalog.format_type(t.oid, NULL), t.typtype, t.typname, e.oid, e.typtype, e.typname
              FROM pg_catalog.pg_type t LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
             WHERE t.oid = ANY($1::pg_catalog.oid[])
            """, [PostgresText.array(types.sorted().map { $0 as UInt32? })])
        var found: [UInt32: CatalogType] = [:]
        for row in 0..<result.rowCount {
            guard let type = Self.type(result, row, 0, 2, 3) else { continue }
            found[type.oid] = CatalogType(
                title: result.text(row, 1) ?? "", type: type, element: Self.type(result, row, 4, 5, 6))
        }
        return found
    }

    private static func type(
        _ result: borrowing PostgresResult, _ row: Int, _ oid: Int, _ kind: Int, _ name: Int
    ) -> PostgresType? {
        result.text(row, oid).flatMap { UInt32($0) }.map {
            PostgresType(oid: $0, kind: result.text(row, kind) ?? "", name: result.text(row, name) ?? "")
        }
    }
}
