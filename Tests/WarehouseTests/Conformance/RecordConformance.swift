import Foundation
import RollcallCore
import TestSupport
import Testing
import Warehouse

enum RecordConformance {
    static let tests = [
        ConformanceTest("rows with content have identifiers and cells", identifiersAndCells),
        ConformanceTest("rows with content need no identifiers", cellsAlone),
        ConformanceTest("three hundred columns are read", wide),
        ConformanceTest("a missing column of a row with content is named", missing),
        ConformanceTest("a hundred thousand rows with content stream, and an error of the body ends them", stream),
    ]

    /// The JSON of each cell, or the name of what keeps it from being sent, as the family of its column says; `|` between them.
    /// Rows in the order in which they come.
    /// - Parameter types: `type` of the configuration, by the name of the column.
    static func read(
        _ warehouse: any Warehouse, _ source: AudienceSource,
        identifiers: IdentifierColumns = IdentifierColumns(email: nil, userID: nil), fields: [String],
        types: [String: DeclaredType] = [:]
    ) async throws -> [String] {
        let families = Dictionary(
            try await warehouse.columns(of: source).map { ($0.name, $0.family) },
            uniquingKeysWith: { first, _ in first })
        let conversions = try fields.map {
            try FieldConversion(families[$0] ?? .unsupported, as: types[$0])
        }
        let rows = Collected<String>()
        let columns = RecordColumns(identifiers: identifiers, fields: fields)
        try await warehouse.readRecords(source, columns: columns, parts: 1) { _, email, userID, cells in
            var shown: [String] = []
            if identifiers.email != nil { shown.append(email.shown) }
            if identifiers.userID != nil { shown.append(userID.shown) }
            for (conversion, cell) in zip(conversions, cells) { shown.append(json(conversion, cell)) }
            rows.add(shown.joined(separator: "|"))
        }
        return rows.all
    }

    /// The JSON of a cell, or the name of what keeps it from being sent.
    static func json(_ conversion: FieldConversion, _ cell: RecordCell) -> String {
        let layout = RecordLayout([RecordField(path: ["v"], source: .cell(0, conversion))])
        let values = UnsafeMutableBufferPointer<FieldValue>.allocate(capacity: 1)
        defer { values.deallocate() }
        do throws(InvalidField) {
            try [cell].withUnsafeBufferPointer { (cells) throws(InvalidField) in try layout.read(cells, into: values) }
            try layout.check(UnsafeBufferPointer(values))
        } catch {
            return "\(error.problem)"
        }
        var bytes: [UInt8] = []
        layout.write(UnsafeBufferPointer(values), nulls: { _ in true }, to: &bytes)
        return String(decoding: bytes.dropFirst(5).dropLast(), as: UTF8.self)
    }

    @Sendable static func identifiersAndCells(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute(
            "CREATE TABLE people (n integer, email text, id bigint, plan text, age integer, ok boolean)")
        try await fixture.execute(
            """
            INSERT INTO people VALUES (1, 'a@b.co', 7, 'free', 30, true), (2, NULL, 8, NULL, NULL, NULL),
                (3, 'é "x"', NULL, '', -1, false)
            """)
        let rows = try await read(
            fixture.warehouse, .query("SELECT * FROM people ORDER BY n", file: nil),
            identifiers: IdentifierColumns(email: "email", userID: "id"), fields: ["plan", "age", "ok", "plan"])
        #expect(
            rows == [
                #"a@b.co|7|"free"|30|true|"free""#, "NULL|8|null|null|null|null", #"é "x"|NULL|""|-1|false|"""#,
            ])
        let byID = try await read(
            fixture.warehouse, .query("SELECT * FROM people ORDER BY n", file: nil),
            identifiers: IdentifierColumns(email: nil, userID: "id"), fields: ["email"])
        #expect(byID == [#"7|"a@b.co""#, "8|null", #"NULL|"é \"x\"""#])
    }

    @Sendable static func cellsAlone(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE items (sku text, price numeric(10,2))")
        try await fixture.execute("INSERT INTO items VALUES ('a-1', 3.5)")
        let rows = try await read(fixture.warehouse, .table(["items"]), fields: ["sku", "price"])
        #expect(rows.map { $0.replacingOccurrences(of: "3.50", with: "3.5") } == [#""a-1"|3.5"#])
    }

    @Sendable static func wide(_ fixture: any WarehouseFixture) async throws {
        let names = (0..<300).map { "c\($0)" }
        try await fixture.execute("CREATE TABLE wide (\(names.map { "\($0) integer" }.joined(separator: ", ")))")
        try await fixture.execute("INSERT INTO wide VALUES (\((0..<300).map(String.init).joined(separator: ", ")))")
        let rows = try await read(fixture.warehouse, .table(["wide"]), fields: names)
        #expect(rows == [(0..<300).map(String.init).joined(separator: "|")])
    }

    @Sendable static func missing(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE items (sku text, price integer)")
        do {
            let columns = RecordColumns(
                identifiers: IdentifierColumns(email: nil, userID: nil), fields: ["sku", "prise"])
            try await fixture.warehouse.readRecords(.table(["items"]), columns: columns, parts: 1) { _, _, _, _ in }
            Issue.record("the column was found")
        } catch let error as WarehouseError {
            #expect(error.kind == .missing)
            #expect(error.description.contains("prise") && error.description.contains("sku, price"))
        }
    }

    @Sendable static func stream(_ fixture: any WarehouseFixture) async throws {
        struct Stop: Error, Equatable {}
        let many = AudienceSource.query(
            """
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
            SELECT 'p' || i AS sku, i AS price FROM n
            """, file: nil)
        let columns = RecordColumns(identifiers: IdentifierColumns(email: nil, userID: nil), fields: ["price", "sku"])
        let seen = Collected<Int64>()
        try await fixture.warehouse.readRecords(many, columns: columns, parts: 1) { _, _, _, cells in
            if case .integer(let price) = cells[0] { seen.add(price) }
        }
        #expect(seen.all.count == 100_000 && seen.all.reduce(0, +) == 5_000_050_000)
        let few = Collected<Int>()
        await #expect(throws: Stop()) {
            try await fixture.warehouse.readRecords(many, columns: columns, parts: 1) { _, _, _, _ in
                few.add(1)
                if few.all.count == 3 { throw Stop() }
            }
        }
        #expect(few.all.count == 3)
    }
}
