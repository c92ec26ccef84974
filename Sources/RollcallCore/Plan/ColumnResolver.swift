/// Finds the columns that carry the identifiers.
package enum ColumnResolver {
    /// A column as the warehouse tells it: name, type for messages, and whether its values can be identifiers.
    package typealias Column = (name: String, type: String, canIdentify: Bool)

    /// - Returns: names as they are in `columns`; nil for an identifier that is not read.
    /// - Throws: `RunError` `column_missing` with the names that exist, or `column_type` with the type.
    package static func resolve(
        _ mapping: ColumnMapping, projectType: ProjectType, placeholderEmails: Bool, of source: String = "audience",
        columns: [Column]
    ) throws(RunError) -> (email: String?, userID: String?) {
        var email: String?
        var userID: String?
        if mapping.isAutomatic {
            if projectType != .userID && !placeholderEmails { email = try find(["email"], in: columns) }
            if projectType != .email || placeholderEmails { userID = try find(["user_id", "userId"], in: columns) }
            if email == nil && userID == nil { throw nothingFound(projectType, placeholderEmails, source, columns) }
        } else {
            if let name = mapping.email { email = try require(name, key: "mapping.email", of: source, in: columns) }
            if let name = mapping.userID { userID = try require(name, key: "mapping.user_id", of: source, in: columns) }
        }
        for name in [email, userID].compactMap(\.self) { try checkType(name, columns) }
        return (email, userID)
    }

    private static func find(_ names: [String], in columns: [Column]) throws(RunError) -> String? {
        for name in names {
            if let column = try unique(name, columns) { return column }
        }
        return nil
    }

    /// The column of a name.
    /// - Parameters:
    ///   - key: what names the column in the configuration.
    ///   - source: what the columns are of: `audience` or `source`.
    ///   - advice: what to do where no column has nearly that name.
    package static func require(
        _ name: String, key: String, of source: String = "audience", in columns: [Column], advice: String? = nil
    ) throws(RunError) -> String {
        if let column = try unique(name, columns) { return column }
        let similar = columns.first { $0.name.lowercased() == name.lowercased() }
        throw RunError(
            code: "column_missing",
            message: "the \(source) has no column \"\(name)\" (\(key)); it has \(list(columns))",
            hint: similar.map { "Names are case-sensitive: did you mean \"\($0.name)\"?" }
                ?? advice ?? "Correct \(key), or select the column under that name.")
    }

    private static func unique(_ name: String, _ columns: [Column]) throws(RunError) -> String? {
        // Bytes, as the warehouses do: to `==`, differently composed letters are equal.
        switch columns.count(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
        case 0: return nil
        case 1: return name
        default:
            throw RunError(
                code: "column_ambiguous", message: "the source has several columns called \"\(name)\"",
                hint: "Give each column of the query another name with AS.")
        }
    }

    /// - Throws: `RunError` `column_type` where values of the column cannot be identifiers.
    package static func checkType(_ name: String, _ columns: [Column]) throws(RunError) {
        guard let column = columns.first(where: { $0.name.utf8.elementsEqual(name.utf8) }), !column.canIdentify
        else { return }
        throw RunError(
            code: "column_type",
            message: "column \"\(name)\" has the type \(column.type), which cannot be an identifier",
            hint:
                "Identifiers are integers, numerics without a fraction, uuid, text or enums; cast the column in a query."
        )
    }

    private static func nothingFound(
        _ projectType: ProjectType, _ placeholderEmails: Bool, _ source: String, _ columns: [Column]
    ) -> RunError {
        let wanted =
            switch projectType {
            case .email: placeholderEmails ? "user_id or userId" : "email"
            case .userID: "user_id or userId"
            case .hybrid: "email, user_id or userId"
            }
        return RunError(
            code: "column_missing",
            message: "the \(source) has no column called \(wanted); it has \(list(columns))",
            hint: "Name the columns under mapping: in the configuration.")
    }

    private static func list(_ columns: [Column]) -> String {
        let shown = columns.prefix(20).map(\.name).joined(separator: ", ")
        return columns.count > 20 ? "\(shown) and \(columns.count - 20) more" : shown
    }
}
