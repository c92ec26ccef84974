import RollcallCore

/// The columns that are read of an audience, as the server has them, and the way their values come.
struct PostgresReadColumns {
    let email: PostgresColumn?
    let userID: PostgresColumn?
    /// Of rows with content.
    let fields: [PostgresColumn]
    /// Of a server whose texts are not UTF-8.
    let encoding: PostgresEncoding?

    /// What identifies people, in the order in which it is read.
    var identifiers: [PostgresColumn] { [email, userID].compactMap(\.self) }

    /// SQL for what is read of a row.
    var list: [String] {
        identifiers.map { $0.expression(encoding) } + fields.map { $0.content.expression($0.name, encoding) }
    }

    /// Whether the JSON of an array has as many digits as ``exactDigits`` says.
    var hasFloatArrays: Bool { fields.contains { $0.content.family == .array(.decimal) } }

    /// Where ``hasFloatArrays``, to be run in the transaction that reads.
    static let exactDigits = "SET LOCAL extra_float_digits = 3"

    func makeAudienceReader() -> PostgresAudienceReader {
        PostgresAudienceReader(email: email?.wire, userID: userID?.wire, encoding: encoding)
    }

    func makeRecordReader() -> PostgresRecordReader {
        PostgresRecordReader(
            email: email?.wire, userID: userID?.wire, contents: fields.map(\.content.wire), encoding: encoding)
    }
}

extension PostgresAudience {
    /// - Parameter existing: of ``lockedColumns()``.
    func columns(
        _ identifiers: IdentifierColumns, fields: [String] = [], of existing: [PostgresColumn]
    ) throws -> PostgresReadColumns {
        let columns = PostgresReadColumns(
            email: try identifiers.email.map { try find($0, existing) },
            userID: try identifiers.userID.map { try find($0, existing) },
            fields: try fields.map { try find($0, existing) }, encoding: PostgresEncoding(session.serverEncoding))
        guard !columns.list.isEmpty else { throw WarehouseError(.other, "No column of the audience was asked for.") }
        return columns
    }
}
