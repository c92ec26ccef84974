import RollcallCore
import TestSupport
import Testing
import Warehouse

/// Which rows a bound gives, and in which order, of tables and queries.
enum BoundConformance {
    static let tests = [
        ConformanceTest(
            "a bound of numbers gives the rows from a position on, with or without those that have none", numbers),
        ConformanceTest(
            "a bound of times gives the rows from a position on, with or without those that have none", times),
        ConformanceTest("rows come in the order of the column, and not of its text", order),
    ]

    private static func make(_ fixture: any WarehouseFixture) async throws -> [AudienceSource] {
        try await fixture.execute(
            """
            CREATE TABLE moves (name text, seq bigint, number numeric, at timestamp);
            CREATE INDEX moves_by_seq ON moves (seq);
            CREATE INDEX moves_by_at ON moves (at);
            INSERT INTO moves VALUES ('a', 9, 9, '2026-01-01 12:00:00'), ('b', 10, 10, '2026-01-03 12:00:00'),
                ('c', NULL, NULL, NULL), ('d', 100, 100, '2026-01-04 12:00:00'), ('e', 5, 5, '2026-01-03 12:00:01');
            """)
        return [
            .table(["moves"]), .query("SELECT * FROM moves WHERE name <> 'z'; -- all of them", file: nil),
            .query("SELECT name, seq, number, at FROM moves ORDER BY name DESC", file: nil),
        ]
    }

    /// The names, as they come.
    private static func read(
        _ fixture: any WarehouseFixture, _ source: AudienceSource, _ bound: RowBound,
        identifiedBy column: String = "name"
    ) async throws -> [String] {
        let names = Collected<String>()
        let columns = RecordColumns(
            identifiers: IdentifierColumns(email: nil, userID: column), fields: [bound.column], bound: bound)
        try await fixture.warehouse.readRecords(source, columns: columns, parts: 1) { _, _, name, _ in
            names.add(name.shown)
        }
        return names.all
    }

    private static func makeBound(
        _ column: String, _ family: ColumnFamily, from position: Int64?, withoutPosition: Bool, isOrdered: Bool
    ) -> RowBound {
        var bound = RowBound(column: column, family: family, position: position)
        bound.takesRowsWithoutPosition = withoutPosition
        bound.isOrdered = isOrdered
        return bound
    }

    @Sendable static func numbers(_ fixture: any WarehouseFixture) async throws {
        let lines: [(from: Int64?, withoutPosition: Bool, names: [String])] = [
            (9, true, ["a", "b", "d", "c"]), (9, false, ["a", "b", "d"]), (101, true, ["c"]), (101, false, []),
            (nil, true, ["e", "a", "b", "d", "c"]), (nil, false, ["e", "a", "b", "d"]),
        ]
        for source in try await make(fixture) {
            for line in lines {
                func names(isOrdered: Bool) async throws -> [String] {
                    try await read(
                        fixture, source,
                        makeBound(
                            "seq", .long, from: line.from, withoutPosition: line.withoutPosition, isOrdered: isOrdered))
                }
                #expect(try await names(isOrdered: true) == line.names, "\(source) \(line)")
                #expect(try await names(isOrdered: false).sorted() == line.names.sorted(), "\(source) \(line)")
            }
        }
    }

    /// SQLite, whose times are texts, may give what lies a day before.
    @Sendable static func times(_ fixture: any WarehouseFixture) async throws {
        let noon: Int64 = 1_767_441_600_000_000  // 2026-01-03 12:00:00
        let lines: [(from: Int64?, withoutPosition: Bool, names: [String])] = [
            (noon, true, ["b", "e", "d", "c"]), (noon, false, ["b", "e", "d"]),
            (noon + 1, true, ["e", "d", "c"]), (noon + 1, false, ["e", "d"]),
            (nil, true, ["a", "b", "e", "d", "c"]), (nil, false, ["a", "b", "e", "d"]),
        ]
        for source in try await make(fixture) {
            for line in lines {
                func names(isOrdered: Bool) async throws -> [String] {
                    let bound = makeBound(
                        "at", .localTimestamp, from: line.from, withoutPosition: line.withoutPosition,
                        isOrdered: isOrdered)
                    let more = line.from == noon + 1 && !(fixture.source is PostgresFixture) ? ["b"] : []
                    return try await read(fixture, source, bound).filter { !more.contains($0) }
                }
                #expect(try await names(isOrdered: true) == line.names, "\(source) \(line)")
                #expect(try await names(isOrdered: false).sorted() == line.names.sorted(), "\(source) \(line)")
            }
        }
    }

    /// What is read of the column is a text where it identifies.
    @Sendable static func order(_ fixture: any WarehouseFixture) async throws {
        for source in try await make(fixture) {
            let bound = makeBound("number", .long, from: nil, withoutPosition: false, isOrdered: true)
            let numbers = try await read(fixture, source, bound, identifiedBy: "number")
            #expect(numbers == ["5", "9", "10", "100"], "\(source)")
        }
    }
}
