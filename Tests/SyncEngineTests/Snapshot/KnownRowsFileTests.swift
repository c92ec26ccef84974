import Foundation
import RollcallCore
import SeededRandom
import TemporaryFolders
import Testing

@testable import SyncEngine

/// The file of what is known of the rows of users and catalogs.
@Suite struct KnownRowsFileTests {
    private static let proof = Fingerprint(high: 7, low: 9)
    private static let buckets = 6

    private struct Entry: Equatable {
        var row: KnownRow
        var empty: FieldBits
    }

    private static func withFile(_ body: (KnownRowsFile) throws -> Void) throws {
        let path = try TemporaryFolders.path("rows").path
        defer { unlink(path) }
        try body(KnownRowsFile(path: path, proof: proof))
    }

    private static let reading = BucketReading(
        proof: Fingerprint(high: 3, low: 4),
        digests: (0..<Int64(buckets)).map { .init(rows: $0, first: $0 * -5, second: .max - $0) })

    /// Rows with and without each of the parts, and the units that each leaves empty.
    private static func rows(
        _ count: Int, _ parts: KnownRows.Parts
    ) -> (KnownRows, [Entry]) {
        var random = SeededGenerator(seed: UInt64(count) + parts.rawValue)
        func name() -> Fingerprint { Fingerprint(high: random.next(), low: random.next()) }
        var known = KnownRows(reading: reading, parts: parts)
        var all: [Entry] = []
        for number in 0..<count {
            var row = KnownRow(
                fingerprint: name(), content: Int64(bitPattern: random.next()), bucket: number % buckets)
            if parts.contains(.rank), number % 3 > 0 { row.rank = Int64(bitPattern: random.next()) }
            if parts.contains(.email), number % 4 > 0 { row.email = name() }
            if parts.contains(.userID), number % 5 > 0 { row.userID = name() }
            let empty = FieldBits(number % 7 == 0 ? [] : [number % 3, number % 11 * 30 + 63])
            all.append(Entry(row: row, empty: empty))
            known.append(row, empty: empty)
        }
        return (known, all)
    }

    private static func contents(_ known: KnownRows) -> [Entry] {
        var all: [Entry] = []
        known.forEach { all.append(Entry(row: $0, empty: $1)) }
        return all
    }

    @Test(arguments: [0, 1, 5, 700], (0..<8).map { UInt64($0) })
    func whatIsSavedIsLoaded(_ count: Int, _ parts: UInt64) throws {
        try Self.withFile { file in
            let (known, all) = Self.rows(count, KnownRows.Parts(rawValue: parts))
            #expect(known.count == count)
            #expect(Self.contents(known) == all)
            try file.save(known)
            let found = try #require(file.load())
            #expect(found.reading == Self.reading && found.parts == known.parts && found.count == count)
            #expect(Self.contents(found) == all)
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "its owner's alone")
        }
    }

    @Test func aFileOfAnotherSyncIsWorthNothing() throws {
        try Self.withFile { file in
            try file.save(Self.rows(5, []).0)
            #expect(KnownRowsFile(path: file.path, proof: Fingerprint(high: 7, low: 8)).load() == nil)
            #expect(KnownRowsFile(path: file.path + ".absent", proof: Self.proof).load() == nil)
        }
    }

    @Test func aFileWithOneDamagedByteIsWorthNothing() throws {
        try Self.withFile { file in
            try file.save(Self.rows(40, [.rank, .email]).0)
            let whole = try Data(contentsOf: URL(filePath: file.path))
            for place in whole.indices {
                var damaged = whole
                damaged[place] ^= 0x10
                try damaged.write(to: URL(filePath: file.path))
                #expect(file.load() == nil, "byte \(place) of \(whole.count)")
            }
            for length in [0, 8, 88, whole.count - 8, whole.count - 1] {
                try whole.prefix(length).write(to: URL(filePath: file.path))
                #expect(file.load() == nil, "\(length) bytes")
            }
            try (whole + Data(repeating: 0, count: 8)).write(to: URL(filePath: file.path))
            #expect(file.load() == nil, "longer")
        }
    }

    @Test func filesOfSyncsHaveOtherNamesAndProofs() {
        let cache = SnapshotCache(folder: "/cache")
        let file = cache.rows(sync: "my things", key: [1])
        #expect(file.path.hasPrefix("/cache/my_things-") && file.path.hasSuffix(".rows"))
        for other in [cache.rows(sync: "my-things", key: [1]), cache.rows(sync: "my things", key: [2])] {
            #expect(other.path != file.path && other.proof != file.proof)
        }
    }
}
