import Foundation
import RollcallCore
import Synchronization
import TestSupport
import Testing
import Warehouse

/// Rows with content that are read by bucket. A warehouse that cannot do it calls nothing.
enum RecordBucketConformance {
    static let tests = [
        ConformanceTest(
            "rows with content come with the buckets of their digests, or nothing is called", rowsAndDigests),
        ConformanceTest("a change of one column changes the digest of the row's bucket alone", oneColumn),
        ConformanceTest("a digest is another one whenever a row with content is", everyDifference),
        ConformanceTest("values that two rows have exchanged change the digest", exchanged),
        ConformanceTest("the key of a catalog gives the bucket, NULL too", keys),
        ConformanceTest("three hundred and fifty-one columns are read by bucket", wide),
        ConformanceTest("rows with content of buckets that are not wanted do not come", selection),
        ConformanceTest("an error of the choice, or of a row with content, ends the reading", errors),
    ]

    /// What a reading gave; nil: the warehouse cannot.
    struct Reading {
        var basis: String
        var digests: [BucketDigest]
        var rows: [(text: String, bucket: Int)]

        var texts: [String] { rows.map(\.text).sorted() }
        /// Those of which another reading has another digest.
        func buckets(otherThan other: Reading) -> [Int] { digests.indices.filter { digests[$0] != other.digests[$0] } }
        /// The bucket of the one row whose text begins so.
        func bucket(_ start: String) throws -> Int {
            let found = rows.filter { $0.text.hasPrefix(start) }
            try #require(found.count == 1)
            return found[0].bucket
        }
    }

    private static let none = IdentifierColumns(email: nil, userID: nil)
    private static let people = RecordColumns(
        identifiers: IdentifierColumns(email: "email", userID: "user_id"), fields: ["plan", "age", "score", "plan"])

    static func read(
        _ warehouse: any Warehouse, _ source: AudienceSource, _ columns: RecordColumns,
        buckets: Int = 16, where isWanted: @escaping @Sendable (Int) -> Bool = { _ in true }
    ) async throws -> Reading? {
        let found = Mutex<GroupedRows?>(nil)
        let rows = Collected<(String, Int)>()
        let grouping = RowGrouping(buckets: buckets, key: [UInt8](repeating: 7, count: 16))
        let isRead = try await warehouse.readRecordBuckets(source, columns: columns, grouping: grouping) { grouped in
            #expect(rows.all.isEmpty && found.withLock { $0 == nil })
            #expect(grouped.digests.count == buckets && !grouped.basis.isEmpty)
            found.withLock { $0 = grouped }
            var selection = BucketSelection(buckets: buckets)
            for bucket in 0..<buckets where isWanted(bucket) { selection.insert(bucket) }
            return selection
        } _: { email, userID, cells, bucket in
            rows.add((shown(email, userID, cells), bucket))
        }
        guard isRead else {
            #expect(rows.all.isEmpty && found.withLock { $0 == nil })
            return nil
        }
        let grouped = try #require(found.withLock { $0 })
        return Reading(
            basis: grouped.basis, digests: grouped.digests, rows: rows.all.map { (text: $0.0, bucket: $0.1) })
    }

    /// The same rows as all are read, sorted.
    static func readAll(
        _ warehouse: any Warehouse, _ source: AudienceSource, _ columns: RecordColumns
    ) async throws -> [String] {
        let rows = Collected<String>()
        try await warehouse.readRecords(source, columns: columns, parts: 1) { _, email, userID, cells in
            rows.add(shown(email, userID, cells))
        }
        return rows.all.sorted()
    }

    private static func shown(
        _ email: AudienceCell, _ userID: AudienceCell, _ cells: UnsafeBufferPointer<RecordCell>
    ) -> String {
        ([email.shown, userID.shown] + cells.map(\.shown)).joined(separator: "|")
    }

    private static func fill(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute(
            "CREATE TABLE people (email text, user_id text, plan text, age integer, score double precision)")
        let values = (0..<200).map {
            "('p\($0)@example.com', 'u\($0)', \($0 % 5 == 0 ? "NULL" : "'free'"), \($0), \($0).25)"
        }
        try await fixture.execute("INSERT INTO people VALUES \(values.joined(separator: ", "))")
    }

    @Sendable static func rowsAndDigests(_ fixture: any WarehouseFixture) async throws {
        try await fill(fixture)
        guard let reading = try await read(fixture.warehouse, .table(["people"]), people) else { return }
        #expect(try await readAll(fixture.warehouse, .table(["people"]), people) == reading.texts)
        for (bucket, digest) in reading.digests.enumerated() {
            #expect(digest.rows == Int64(reading.rows.count { $0.bucket == bucket }))
        }
        #expect(Set(reading.rows.map(\.bucket)).count > 8, "the buckets are used")
        let query = AudienceSource.query("SELECT * FROM people ORDER BY email DESC; -- all", file: nil)
        let other = try #require(try await read(fixture.warehouse, query, people))
        #expect(other.digests == reading.digests, "whatever their order, and however they are asked for")
        #expect(other.texts == reading.texts && other.basis == reading.basis)
    }

    /// A column of an identifier that gives no bucket, each of the fields, and a field whose value is NULL then.
    @Sendable static func oneColumn(_ fixture: any WarehouseFixture) async throws {
        try await fill(fixture)
        guard var before = try await read(fixture.warehouse, .table(["people"]), people) else { return }
        for change in [
            "user_id = 'other'", "plan = 'paid'", "plan = NULL", "plan = ''", "age = -1", "score = 17.250001",
        ] {
            try await fixture.execute("UPDATE people SET \(change) WHERE email = 'p17@example.com'")
            let after = try #require(try await read(fixture.warehouse, .table(["people"]), people))
            let bucket = try before.bucket("p17@example.com|")
            #expect(after.buckets(otherThan: before) == [bucket], "\(change)")
            #expect(try after.bucket("p17@example.com|") == bucket)
            #expect(after.texts != before.texts)
            before = after
        }
    }

    /// Pairs of values that a careless encoding would take for equal, as fields.
    @Sendable static func everyDifference(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE vip (email text, user_id text)")
        let columns = RecordColumns(identifiers: none, fields: ["email", "user_id"])
        var seen: [String] = []
        for row in BucketConformance.differentRows {
            try await fixture.execute("DELETE FROM vip")
            try await fixture.execute("INSERT INTO vip VALUES \(row)")
            guard let reading = try await read(fixture.warehouse, .table(["vip"]), columns, buckets: 1) else { return }
            seen.append("\(reading.digests[0])")
        }
        #expect(Set(seen).count == BucketConformance.differentRows.count)
    }

    /// A sum over the columns of all rows would not show it.
    @Sendable static func exchanged(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE items (sku text, price integer, name text)")
        try await fixture.execute("INSERT INTO items VALUES ('a', 1, 'x'), ('b', 2, 'y')")
        let columns = RecordColumns(identifiers: none, fields: ["sku", "price", "name"])
        guard let before = try await read(fixture.warehouse, .table(["items"]), columns, buckets: 1) else { return }
        for column in ["name = CASE name WHEN 'x' THEN 'y' ELSE 'x' END", "price = 3 - price"] {
            try await fixture.execute("UPDATE items SET \(column)")
            let after = try #require(try await read(fixture.warehouse, .table(["items"]), columns, buckets: 1))
            #expect(after.digests[0].rows == 2 && after.digests != before.digests, "\(column)")
            #expect(after.digests[0].first != before.digests[0].first)
            #expect(after.digests[0].second != before.digests[0].second)
        }
    }

    @Sendable static func keys(_ fixture: any WarehouseFixture) async throws {
        try await fixture.execute("CREATE TABLE items (sku text, price integer)")
        let values = (0..<200).map { "(\($0 % 50 == 0 ? "NULL" : "'s\($0 / 2)'"), \($0))" }
        try await fixture.execute("INSERT INTO items VALUES \(values.joined(separator: ", "))")
        let columns = RecordColumns(identifiers: none, fields: ["sku", "price"])
        guard let reading = try await read(fixture.warehouse, .table(["items"]), columns) else { return }
        #expect(try await readAll(fixture.warehouse, .table(["items"]), columns) == reading.texts)
        let byKey = Dictionary(grouping: reading.rows) { $0.text.split(separator: "|")[2] }
        #expect(byKey["NULL"]?.count == 4)
        #expect(byKey.values.allSatisfy { Set($0.map(\.bucket)).count == 1 }, "one key, one bucket")
        #expect(Set(reading.rows.map(\.bucket)).count > 8)
    }

    @Sendable static func wide(_ fixture: any WarehouseFixture) async throws {
        let names = (0..<351).map { "c\($0)" }
        let types = ["text", "integer", "double precision"]
        let definitions = names.enumerated().map { "\($0.element) \(types[$0.offset % 3])" }
        try await fixture.execute("CREATE TABLE wide (\(definitions.joined(separator: ", ")))")
        for row in 0..<3 {
            let values = (0..<351).map { $0 % 3 == 0 ? "'\($0)-\(row)'" : "\($0 + row)" }
            try await fixture.execute("INSERT INTO wide VALUES (\(values.joined(separator: ", ")))")
        }
        let columns = RecordColumns(identifiers: none, fields: names)
        guard let before = try await read(fixture.warehouse, .table(["wide"]), columns, buckets: 64) else { return }
        #expect(try await readAll(fixture.warehouse, .table(["wide"]), columns) == before.texts)
        for column in ["c350", "c175", "c1"] {
            let reading = try #require(try await read(fixture.warehouse, .table(["wide"]), columns, buckets: 64))
            try await fixture.execute("UPDATE wide SET \(column) = NULL WHERE c0 = '0-1'")
            let after = try #require(try await read(fixture.warehouse, .table(["wide"]), columns, buckets: 64))
            let bucket = try after.bucket("NULL|NULL|0-1|")
            #expect(after.buckets(otherThan: reading) == [bucket], "\(column)")
        }
    }

    @Sendable static func selection(_ fixture: any WarehouseFixture) async throws {
        try await fill(fixture)
        guard let whole = try await read(fixture.warehouse, .table(["people"]), people) else { return }
        for wanted in [Set([3]), Set([0, 7, 8, 15]), Set()] {
            let reading = try #require(
                try await read(fixture.warehouse, .table(["people"]), people) { wanted.contains($0) })
            #expect(reading.digests == whole.digests)
            #expect(reading.texts == whole.rows.filter { wanted.contains($0.bucket) }.map(\.text).sorted())
        }
    }

    private struct Broken: Error {}

    @Sendable static func errors(_ fixture: any WarehouseFixture) async throws {
        try await fill(fixture)
        guard try await read(fixture.warehouse, .table(["people"]), people) != nil else { return }
        let grouping = RowGrouping(buckets: 1, key: [UInt8](repeating: 7, count: 16))
        for breaksAtChoice in [true, false] {
            await #expect(throws: Broken.self) {
                _ = try await fixture.warehouse.readRecordBuckets(
                    .table(["people"]), columns: people, grouping: grouping
                ) { _ in
                    if breaksAtChoice { throw Broken() }
                    var all = BucketSelection(buckets: 1)
                    all.insert(0)
                    return all
                } _: { _, _, _, _ in
                    throw Broken()
                }
            }
        }
        var absent = people
        absent.fields.append("prise")
        let error = try await failure { _ = try await read(fixture.warehouse, .table(["people"]), absent) }
        #expect(error?.kind == .missing && error?.description.contains("prise") == true)
        #expect(
            try await read(fixture.warehouse, .table(["people"]), people) != nil, "and the next reading is as any other"
        )
    }
}

extension RecordCell {
    /// Everything that a cell says: its kind where texts would be alike, and its value.
    fileprivate var shown: String {
        switch self {
        case .null: "NULL"
        case .integer(let value): "\(value)"
        case .decimal(let bytes): "decimal \(String(decoding: bytes, as: UTF8.self))"
        case .real(let value): "real \(value)"
        case .single(let value): "single \(value)"
        case .boolean(let value): "\(value)"
        case .date(let days): "day \(days)"
        case .timestamp(let microseconds): "time \(microseconds)"
        case .localTimestamp(let microseconds): "local time \(microseconds)"
        case .text(let bytes): String(decoding: bytes, as: UTF8.self)
        case .json(let bytes): "json \(String(decoding: bytes, as: UTF8.self))"
        case .infinity: "infinity"
        case .opaque: "opaque"
        }
    }
}
