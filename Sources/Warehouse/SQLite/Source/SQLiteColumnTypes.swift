import RollcallCore

/// What the declared type of a column says about its values. SQLite takes any word as a type.
/// Source: "Datatypes in SQLite" for the words that mean REAL and BLOB.
enum SQLiteColumnTypes {
    private static let refusedParts = ["real", "floa", "doub", "blob", "bool", "json", "binary", "bytea", "interval"]
    private static let refusedStarts = ["date", "time"]

    /// What values of this declared type (lower-case) are as the content of a field. Each value is looked at when it is read:
    /// one of another kind makes its row invalid.
    static func family(_ type: String) -> ColumnFamily {
        func has(_ parts: String...) -> Bool { parts.contains { type.contains($0) } }
        if type.isEmpty { return .undeclared }
        // Before all others: the word ends as "num" begins, and its values may be any words.
        if has("enum") { return .text }
        if has("bool") { return .boolean }
        if has("json") { return .json }
        if has("uuid", "guid") { return .text }
        if type.hasPrefix("datetime") || type.hasPrefix("timestamp") { return .localTimestamp }
        if type.hasPrefix("date") { return .date }
        if type.hasPrefix("time") || has("interval") { return .unsupported }
        // From here on in SQLite's own order ("Datatypes in SQLite", section 3.1).
        if has("int") { return .long }
        if has("char", "clob", "text") { return .text }
        if has("blob", "binary", "bytea") { return .unsupported }
        // Without digits behind the point a numeric column may hold whole numbers.
        if has("num", "dec"), !type.contains("(") { return .number }
        if has("real", "floa", "doub", "num", "dec") { return .decimal }
        // A word that says nothing: STRING, ANY and so on.
        return .undeclared
    }

    /// Whether values of this declared type (lower-case) can be identifiers. What is not declared, or unknown, can:
    /// each value is looked at when it is read.
    static func canIdentify(_ type: String) -> Bool {
        type.contains("enum")
            || !refusedParts.contains { type.contains($0) } && !refusedStarts.contains { type.hasPrefix($0) }
    }
}
