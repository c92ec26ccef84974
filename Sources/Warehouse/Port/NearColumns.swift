import RollcallCore

/// The columns that a query may have meant by one that does not exist.
enum NearColumns {
    private static let most = 10

    /// A sentence for the hint of an error; nil: there are no columns.
    /// - Parameters:
    ///   - columns: of the tables and views that the query names.
    ///   - wanted: the name that was not found, without that of a table.
    static func sentence(_ columns: [(table: String, column: String)], near wanted: String) -> String? {
        // Longer names are none of a column.
        let wanted = String(wanted.lowercased().prefix(100))
        let names = columns.map { (EditDistance.between($0.column.lowercased(), wanted), "\($0.table).\($0.column)") }
            .sorted { $0 < $1 }.map(\.1)
        if names.isEmpty { return nil }
        let more = names.count > most ? ", ..." : ""
        return "What the query names has: \(names.prefix(most).joined(separator: ", "))\(more)."
    }
}
