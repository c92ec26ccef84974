/// What the declared type of a column says about its values. SQLite takes any word as a type.
/// Source: "Datatypes in SQLite" for the words that mean REAL and BLOB.
enum SQLiteColumnTypes {
    private static let refusedParts = ["real", "floa", "doub", "blob", "bool", "json", "binary", "bytea", "interval"]
    private static let refusedStarts = ["date", "time"]

    /// Whether values of this declared type (lower-case) can be identifiers. What is not declared, or unknown, can:
    /// each value is looked at when it is read.
    static func canIdentify(_ type: String) -> Bool {
        !refusedParts.contains { type.contains($0) } && !refusedStarts.contains { type.hasPrefix($0) }
    }
}
