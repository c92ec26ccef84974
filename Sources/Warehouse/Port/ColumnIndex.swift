/// Whether an index helps to find the rows of a source from a value of one of its columns on.
package enum ColumnIndex: Sendable, Equatable {
    /// An index of the table begins with the column.
    case exists
    /// None does; the statement makes one.
    case missing(statement: String)
    /// It is not known: of a view, a query, a foreign or virtual table.
    case unknown
}
