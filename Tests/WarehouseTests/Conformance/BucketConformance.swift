import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Rows that are read by bucket. A warehouse that cannot do it calls nothing.
enum BucketConformance {
    static let tests = [
        ConformanceTest("rows come with the buckets of their digests, or nothing is called", rowsAndDigests),
        ConformanceTest("a digest is another one whenever a row is", everyDifference),
        ConformanceTest("rows of buckets that are not wanted do not come", selection),
        ConformanceTest("an error of the choice, or of a row, ends the reading and comes through", errors),
    ]

    private static let key = [UInt8](repeating: 7, count: 16)
    private static let both = IdentifierColumns(email: "email", userID: "user_id")

    /// What a reading gave; nil: the warehouse cannot.
    struct Reading {
        var digests: [BucketDigest]
        var rows: [(text: String, bucket: Int)]
    }

    static func read(
        _ fixture: any WarehouseFixture, _ source: AudienceSource = .table(["vip"]),
        _ columns: IdentifierColumns = both,
        buckets: Int = 16, where isWanted: @escaping @Sendable (Int) -> Bool = { _ in true }
    ) async throws -> Reading? {
        let found = Mutex<GroupedRows?>(nil)
        let rows = Collected<(String, Int)>()
        let isRead = try await fixture.warehouse.readBuckets(
            source, columns: columns, grouping: RowGrouping(buckets: buckets, key: key)
        ) { grouped in
            #expect(rows.all.isEmpty && found.withLock { $0 == nil })
            #expect(grouped.digests.count == buckets && !grouped.basis.isEmpty)
            found.withLock { $0 = grouped }
            var selection = BucketSelection(buckets: buckets)
            for bucket in 0..<buckets where isWanted(bucket) { selection.insert(bucket) }
            return selection
        } _: {
            rows.add(("\($0.shown)|\($1.shown)", $2))
        }
        guard isRead else {
            #expect(rows.all.isEmpty && found.withLock { $0 == nil })
            return nil
        }
        return Reading(
            digests: try #require(found.withLock { $0 }).digests, rows: rows.all.map { (text: $0.0, bucket: $0.1) })
    }

    private static func fill(_ fixture: any WarehouseFixture, _ count: Int = 200) async throws {
        try await fixture.execute("CREATE TABLE vip (email text, user_id text)")
        let values = (0..<count).map { "('p\($0)@example.com', \($0 % 7 == 0 ? "NULL" : "'u\($0)'"))" }
        try await fixture.execute("INSERT INTO vip VALUES \(values.joined(separator: ", "))")
    }

    @Sendable static func rowsAndDigests(_ fixture: any WarehouseFixture) async throws {
        try await fill(fixture)
        guard let reading = try await read(fixture) else { return }
        let all = try await AudienceConformance.read(fixture, .table(["vip"]), email: "email", userID: "user_id")
        #expect(reading.rows.map(\.text).sorted() == all.sorted())
        for (bucket, digest) in reading.digests.enumerated() {
            #expect(digest.rows == Int64(reading.rows.count { $0.bucket == bucket }))
        }
        #expect(try #require(try await read(fixture)).digests == reading.digests, "the same rows have the same digests")
        let query = try #require(
            try await read(fixture, .query("SELECT * FROM vip ORDER BY email DESC; -- all", file: nil)))
        #expect(query.digests == reading.digests, "whatever their order, and however they are asked for")
        let one = try #require(try await read(fixture, .table(["vip"]), IdentifierColumns(email: "email", userID: nil)))
        #expect(one.rows.count == 200 && one.digests != reading.digests)
    }

    /// Rows of two texts that a careless encoding would take for equal.
    static let differentRows = [
        "('ab', 'c')", "('a', 'bc')", "('abc', '')", "('', 'abc')", "('abc', NULL)", "(NULL, 'abc')", "('', NULL)",
        "(NULL, '')", "(NULL, NULL)", "('', '')", "('AB', 'c')", "('ab ', 'c')", "('ab', 'c '), ('ab', 'c')",
        "('ab', 'c'), ('ab', 'c')", "('ab', 'c'), ('ab', 'c'), ('ab', 'c')", "('ab', 'd')", "('é', 'c')",
        "('e' || '\u{301}', 'c')", "('NULL', 'c')", "('ab,c', NULL)",
    ]

    @Sendable static func everyDifference(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE vip (email text, user_id text)")
        var seen: [String] = []
        for row in differentRows {
            try await fixture.execute("DELETE FROM vip")
            try await fixture.execute("INSERT INTO vip VALUES \(row)")
            guard let reading = try await read(fixture, buckets: 1) else { return }
            seen.append("\(reading.digests[0])")
        }
        #expect(Set(seen).count == differentRows.count)
    }

    @Sendable static func selection(_ fixture: any WarehouseFixture) async throws {
        try await fill(fixture)
        guard let whole = try await read(fixture) else { return }
        for wanted in [Set([3]), Set([0, 7, 8, 15]), Set()] {
            let reading = try #require(try await read(fixture) { wanted.contains($0) })
            #expect(reading.digests == whole.digests)
            let expected = whole.rows.filter { wanted.contains($0.bucket) }.map(\.text)
            #expect(reading.rows.map(\.text).sorted() == expected.sorted())
        }
    }

    private struct Broken: Error {}

    @Sendable static func errors(_ fixture: any WarehouseFixture) async throws {
        try await fill(fixture)
        guard try await read(fixture) != nil else { return }
        let grouping = RowGrouping(buckets: 4, key: key)
        await #expect(throws: Broken.self) {
            _ = try await fixture.warehouse.readBuckets(.table(["vip"]), columns: both, grouping: grouping) { _ in
                throw Broken()
            } _: { _, _, _ in
            }
        }
        await #expect(throws: Broken.self) {
            _ = try await fixture.warehouse.readBuckets(.table(["vip"]), columns: both, grouping: grouping) { _ in
                var all = BucketSelection(buckets: 4)
                for bucket in 0..<4 { all.insert(bucket) }
                return all
            } _: { _, _, _ in
                throw Broken()
            }
        }
        #expect(
            try await failure {
                _ = try await read(fixture, .table(["absent"]))
            }?.kind == .missing)
        #expect(try await read(fixture) != nil, "and the next reading is as any other")
    }
}
