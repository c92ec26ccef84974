import Foundation
import RollcallCore
import SeededRandom
import TemporaryFolders
import TestSupport
import Testing

@testable import SyncEngine

/// What a snapshot's file says of rows: each member's bucket and each bucket's digest.
@Suite struct BucketFileTests {
    private static let key = SnapshotFile.Key(proof: Fingerprint(high: 7, low: 9), generation: 41)
    private static let listed = MemberTable.Marks(.subscribed, listed: true)
    private static let buckets = 6

    private static func withFile(_ body: (SnapshotFile) throws -> Void) throws {
        let path = try TemporaryFolders.path("buckets").path
        defer { unlink(path) }
        try body(SnapshotFile(path: path))
    }

    private static func reading(_ number: Int64 = 0) -> BucketReading {
        BucketReading(
            proof: Fingerprint(high: 3, low: 4),
            digests: (0..<Int64(buckets)).map { .init(rows: $0, first: $0 * -5 + number, second: .max - $0) })
    }

    /// Every third person has no bucket.
    private static func bucket(_ number: Int) -> Int? { number % 3 == 0 ? nil : number % buckets }

    private static func people(_ count: Int) -> [Fingerprint] {
        var random = SeededGenerator(seed: 1)
        return (0..<count).map { _ in Fingerprint(high: random.next(), low: random.next()) }
    }

    private static func table(_ people: [Fingerprint]) -> LoadedTable {
        let table = LoadedTable(MemberTable(capacity: people.count))
        table.value.keepBuckets()
        for (number, person) in people.enumerated() {
            table.value.addMember(person, listed)
            table.value.setBucket(bucket(number), of: person)
        }
        table.reading = reading()
        return table
    }

    @Test(arguments: [1, 5, 100, 7003])
    func whatIsSavedIsLoaded(_ count: Int) throws {
        try Self.withFile { file in
            let people = Self.people(count)
            try file.save(Self.table(people).value, Self.key, reading: Self.reading())
            let found = try #require(file.load(Self.key))
            #expect(found.table.reading == Self.reading() && found.journal == 0)
            for (number, person) in people.enumerated() {
                #expect(found.table.value.bucket(of: person) == Self.bucket(number))
                #expect(found.table.value.lookUp(person) == Self.listed)
            }
        }
    }

    @Test func aTableWithoutBucketsIsSavedWithoutAnythingOfRows() throws {
        try Self.withFile { file in
            let table = LoadedTable(MemberTable())
            table.value.addMember(Fingerprint(high: 1, low: 2), Self.listed)
            try file.save(table.value, Self.key, reading: Self.reading())
            let found = try #require(file.load(Self.key))
            #expect(found.table.reading == nil && !found.table.value.keepsBuckets)
        }
    }

    /// Also where no member changes, so that the generation stays.
    @Test func theJournalHasBucketsAndDigests() throws {
        try Self.withFile { file in
            let people = Self.people(50)
            try file.save(Self.table(people).value, Self.key, reading: Self.reading())
            let new = Fingerprint(high: 5, low: 6)
            let changes: [SnapshotFile.Change] = [
                .init(fingerprint: people[1], marks: Self.listed, bucket: .bucket(0)),
                .init(fingerprint: people[2], marks: Self.listed, bucket: .none),
                .init(fingerprint: people[4], marks: .init(.subscribing, listed: true)),
                .init(fingerprint: people[5], marks: nil, bucket: .bucket(1)),
                .init(fingerprint: new, marks: Self.listed, bucket: .bucket(Self.buckets - 1)),
            ]
            let digest = BucketDigest(rows: 99, first: -1, second: 1)
            let other = BucketDigest(rows: 1, first: .max, second: .min)
            let size = try #require(file.size)
            try file.append(changes, digests: [(2, digest), (4, other)], from: 41, to: 41, size: size)
            try file.append([], digests: [(5, .empty)], from: 41, to: 43, size: try #require(file.size))
            let found = try #require(file.load(.init(proof: Self.key.proof, generation: 43))).table
            let expected: [(Fingerprint, Int?)] = [
                (people[1], 0), (people[2], nil), (people[4], Self.bucket(4)), (people[5], nil),
                (new, Self.buckets - 1),
            ]
            for (person, bucket) in expected { #expect(found.value.bucket(of: person) == bucket) }
            #expect(found.value.lookUp(people[5]) == nil)
            var reading = Self.reading()
            (reading.digests[2], reading.digests[4], reading.digests[5]) = (digest, other, .empty)
            #expect(found.reading == reading)
        }
    }

    @Test func aJournalOfBucketsThatTheFileDoesNotHaveIsWorthNothing() throws {
        try Self.withFile { file in
            try file.save(Self.table(Self.people(5)).value, Self.key, reading: Self.reading())
            try file.append([], digests: [(Self.buckets, .empty)], from: 41, to: 42, size: try #require(file.size))
            #expect(file.load(.init(proof: Self.key.proof, generation: 42)) == nil)
        }
    }

    @Test func aFileWithOneDamagedByteIsWorthNothing() throws {
        try Self.withFile { file in
            // 65 members make 82 slots, whose buckets end where a word does.
            try file.save(Self.table(Self.people(65)).value, Self.key, reading: Self.reading())
            try file.append([], digests: [(0, .empty)], from: 41, to: 42, size: try #require(file.size))
            let key = SnapshotFile.Key(proof: Self.key.proof, generation: 42)
            #expect(file.load(key) != nil)
            let whole = try Data(contentsOf: URL(filePath: file.path))
            let slots = 65 * 5 / 4 + 1
            let end = 4096 + slots * 21 + 8 * (2 + 3 * Self.buckets)
            let journal = (end + 7) / 8 * 8
            for place in Array(0..<56) + Array(4096..<end) + Array(journal..<whole.count) {
                var damaged = whole
                damaged[place] ^= 0x10
                try damaged.write(to: URL(filePath: file.path))
                #expect(file.load(key) == nil, "byte \(place) of \(whole.count)")
            }
            for length in [4096, 4096 + slots * 17, end - 8, whole.count - 8] {
                try whole.prefix(length).write(to: URL(filePath: file.path))
                #expect(file.load(key) == nil, "\(length) bytes")
            }
        }
    }
}
