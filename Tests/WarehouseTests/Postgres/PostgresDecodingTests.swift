import Foundation
import RollcallCore
import TestSupport
import Testing

@testable import Warehouse

/// Databases whose texts are not UTF-8: a byte without meaning is one row's failure, not the run's.
@Suite struct PostgresDecodingTests {
    private func withDatabase(
        _ encoding: String, _ body: (PostgresVisitor, PostgresWarehouse) async throws -> Void
    ) async throws {
        let cluster = try await PostgresCluster.shared()
        let name = "t_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        try await cluster.run("CREATE DATABASE \(name) ENCODING '\(encoding)' LOCALE 'C' TEMPLATE template0")
        let url = cluster.socketURL(database: name)
        let warehouse = PostgresWarehouse(url: Secret(url), stateSchema: "rollcall", leastPartPages: 1)
        do {
            // As the server has it, so that bytes can be written as they are.
            let visitor = try await PostgresVisitor(url + " client_encoding=\(encoding)")
            try await body(visitor, warehouse)
        } catch {
            Issue.record(error)
        }
        await warehouse.close()
        try await cluster.run("DROP DATABASE \(name) WITH (FORCE)")
    }

    private func cells(_ warehouse: PostgresWarehouse, parts: Int = 1) async throws -> [Cell] {
        let rows = Collector<(bytes: [UInt8], isIdentifier: Bool)>()
        try await warehouse.readAudience(
            .table(["people"]), columns: IdentifierColumns(email: "email", userID: nil), parts: parts
        ) { _, email, _ in rows.add((Array(email.bytes ?? .init(start: nil, count: 0)), email.isIdentifier)) }
        return rows.all.map { row in
            let text = String(validating: row.bytes, as: UTF8.self)
            return Cell(text: text ?? "invalid", isIdentifier: row.isIdentifier)
        }
    }

    /// (encoding, bytes in hexadecimal, what they are; nil: nothing)
    static let values: [(String, String, Cell)] = [
        ("SQL_ASCII", "62ff40622e636f", Cell(text: "invalid")), ("SQL_ASCII", "6dc3bc", Cell(text: "mü")),
        ("LATIN1", "6dfc6c6c6572", Cell(text: "müller")), ("LATIN9", "a4", Cell(text: "€")),
        ("LATIN2", "b1", Cell(text: "ą")), ("WIN1252", "80", Cell(text: "€")),
        ("WIN1252", "6281", Cell(text: "invalid")),
        // Bytes that mean nothing in WIN1252, but would be a letter in UTF-8.
        ("WIN1252", "c381", Cell(text: "Á", isIdentifier: false)), ("WIN1251", "c4", Cell(text: "Д")),
        ("KOI8R", "e4", Cell(text: "Д")), ("EUC_JP", "a4a2", Cell(text: "あ")), ("EUC_KR", "b0a1", Cell(text: "가")),
        ("EUC_CN", "b0a1", Cell(text: "啊")), ("ISO_8859_5", "b4", Cell(text: "Д")), ("UTF8", "c3bc", Cell(text: "ü")),
    ]

    @Test(arguments: values) func valuesAreDecodedOneByOne(_ encoding: String, _ hex: String, _ expected: Cell)
        async throws
    {
        try await withDatabase(encoding) { visitor, warehouse in
            try await visitor.run(
                """
                CREATE TABLE people (email text, kind varchar);
                INSERT INTO people VALUES ('a@example.com'), (convert_from('\\x\(hex)', '\(encoding)')), ('z@example.com');
                """)
            let wanted = [Cell(text: "a@example.com"), expected, Cell(text: "z@example.com")]
            for parts in [1, 2] {
                let found = try await cells(warehouse, parts: parts)
                #expect(found.count == 3)
                for cell in wanted { #expect(found.contains(cell), "\(encoding) \(hex): \(found)") }
            }
        }
    }

    /// Names outside ASCII, and types that are cast to text.
    @Test(arguments: ["LATIN1", "WIN1252", "UTF8"]) func namesAndKindsWork(_ encoding: String) async throws {
        try await withDatabase(encoding) { visitor, warehouse in
            try await visitor.run("SET client_encoding = 'UTF8'")
            try await visitor.run(
                """
                CREATE TABLE "Käufer" ("Straße" char(9), number numeric, id bigint, key uuid);
                INSERT INTO "Käufer" VALUES ('Grün', 5.00, 7, '00000000-0000-0000-0000-000000000001');
                """)
            let source = AudienceSource.table(["Käufer"])
            #expect(try await warehouse.columns(of: source).map(\.name) == ["Straße", "number", "id", "key"])
            for (column, text) in [
                ("Straße", "Grün"), ("number", "5"), ("id", "7"), ("key", "00000000-0000-0000-0000-000000000001"),
            ] {
                let rows = try await audience(warehouse, source, IdentifierColumns(email: nil, userID: column))
                #expect(rows == [[Cell(text: nil), Cell(text: text)]])
            }
            let query = AudienceSource.query(
                "SELECT \"Straße\" AS id FROM \"Käufer\" WHERE \"Straße\" = 'Grün'", file: nil)
            let rows = try await audience(warehouse, query, IdentifierColumns(email: nil, userID: "id"))
            #expect(rows.count == 1)
        }
    }
}
