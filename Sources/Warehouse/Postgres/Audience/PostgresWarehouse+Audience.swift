import Foundation
public import RollcallCore

extension PostgresWarehouse {
    public func columns(of source: AudienceSource) async throws(WarehouseError) -> [AudienceColumn] {
        let begin = tables.beginAudience
        do {
            return try await lane(.long).run { session in
                try PostgresAudience(source, session).explaining {
                    try session.transaction(begin) { _ in try PostgresAudience(source, session).columns().map(\.column)
                    }
                }
            }
        } catch {
            throw stateError(error)
        }
    }

    public func readAudience(
        _ source: AudienceSource, columns: IdentifierColumns, parts: Int,
        _ body: @escaping @Sendable (_ part: Int, AudienceCell, AudienceCell) throws -> Void
    ) async throws {
        let begin = tables.beginAudience
        let parts = self.parts(parts, begin: begin)
        try await lane(.long).runCancellable { session, cancellation in
            let audience = PostgresAudience(source, session)
            try audience.explaining {
                try session.transaction(begin, repeatable: false) { _ in
                    try audience.read(columns, parts(session, cancellation), body)
                }
            }
        }
    }
}

/// One audience on one connection, inside a read-only transaction.
struct PostgresAudience {
    let source: AudienceSource
    let session: PostgresSession

    init(_ source: AudienceSource, _ session: PostgresSession) {
        self.source = source
        self.session = session
    }

    /// The audience as an item of FROM. A query stands on its own lines, so that a comment at its end ends there.
    private func relation() throws -> String {
        switch source {
        case .table(let parts):
            return parts.map(PostgresText.identifier).joined(separator: ".") + " AS audience"
        case .query(let query, _):
            try check(query)
            return "(\n\(try withoutSemicolon(query))\n) AS audience"
        }
    }

    /// The columns in order. Checks rights as well, without reading a row.
    func columns() throws -> [PostgresColumn] { try columns(relation()) }

    private func columns(_ relation: String) throws -> [PostgresColumn] {
        let result: PostgresResult
        do {
            result = try session.query("SELECT * FROM \(relation) LIMIT 0")
        } catch var failure as PostgresFailure {
            failure.position = nil  // counts in our statement, not in the user's
            throw failure
        }
        return try session.columns(of: result)
    }

    /// A query that the server parses as one statement of its own cannot reach out of the parentheses it is then put in.
    private func check(_ query: String) throws {
        let described = try session.describe(query)
        guard described.columns > 0 else {
            throw WarehouseError(.query, "\(place) is not a SELECT.", hint: "Write a single SELECT statement.")
        }
        guard described.parameters == 0 else {
            throw WarehouseError(.query, "\(place) has parameters ($1 ...); there is nothing to fill them with.")
        }
    }

    /// The query up to the semicolon that ends it. Where only blanks and `--` comments follow a semicolon and what stands
    /// before it is a whole statement to the server, then that semicolon is no part of a text or name.
    private func withoutSemicolon(_ query: String) throws -> String {
        let bytes = Array(query.utf8)
        for index in bytes.indices where bytes[index] == UInt8(ascii: ";") && Self.isEmpty(bytes[(index + 1)...]) {
            let statement = String(decoding: bytes[..<index], as: UTF8.self)
            try session.execute("SAVEPOINT statement")
            do {
                _ = try session.describe(statement)
                return statement
            } catch is PostgresFailure {
                try session.execute("ROLLBACK TO SAVEPOINT statement")
            }
        }
        return query
    }

    /// Whether every line has nothing but blanks and semicolons before its end or comment.
    private static func isEmpty(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.split(separator: UInt8(ascii: "\n")).allSatisfy { line in
            let rest = line.drop { $0 == UInt8(ascii: ";") || $0 == UInt8(ascii: " ") || (9...13).contains($0) }
            return rest.isEmpty || rest.starts(with: "--".utf8)
        }
    }

    /// How errors name the audience.
    var place: String {
        switch source {
        case .table(let parts): "The audience table \(parts.joined(separator: "."))"
        case .query(_, nil): "The audience query"
        case .query(_, let file?): "The audience query in \(file)"
        }
    }

    func read(
        _ wanted: IdentifierColumns, _ parts: PostgresParts,
        _ body: @escaping @Sendable (_ part: Int, AudienceCell, AudienceCell) throws -> Void
    ) throws {
        let relation = try relation()
        let existing = try columns(relation)
        let email = try wanted.email.map { try find($0, existing) }
        let userID = try wanted.userID.map { try find($0, existing) }
        let list = [email, userID].compactMap { $0 }.map { column in
            PostgresText.identifier(column.name) + (column.wire.needsCast ? "::pg_catalog.text" : "")
        }
        guard !list.isEmpty else { throw WarehouseError(.other, "No column of the audience was asked for.") }
        let wires = (email?.wire, userID?.wire)
        let select = "SELECT \(list.joined(separator: ", ")) FROM \(relation)"
        let makeBody: @Sendable () -> PostgresParts.Body = {
            let reader = PostgresAudienceReader(email: wires.0, userID: wires.1)
            return { part, message in try reader.read(message) { try body(part, $0, $1) } }
        }
        if let ranges = try parts.ranges(of: name) {
            try parts.read(ranges, { "\(select) WHERE \($0)" }, makeBody)
        } else {
            try parts.read(select, makeBody)
        }
    }

    /// The quoted name of a table; nil for a query.
    private var name: String? {
        guard case .table(let parts) = source else { return nil }
        return parts.map(PostgresText.identifier).joined(separator: ".")
    }

    private func find(_ name: String, _ columns: [PostgresColumn]) throws -> PostgresColumn {
        // Bytes, not `==` on String: that would take differently composed letters for equal.
        guard let column = columns.first(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
            throw WarehouseError(
                .missing, code: "audience_column_missing", "\(place) has no column \(name).",
                hint: "It has: \(columns.map(\.name).joined(separator: ", ")).")
        }
        return column
    }
}
