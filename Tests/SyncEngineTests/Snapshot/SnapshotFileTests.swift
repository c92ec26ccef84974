import Foundation
import RollcallCore
import SeededRandom
import TemporaryFolders
import TestSupport
import Testing

@testable import SyncEngine

/// Whatever is wrong with a file, it is worth nothing, and never something else than it was.
@Suite struct SnapshotFileTests {
    private static let key = SnapshotFile.Key(proof: Fingerprint(high: 7, low: 9), generation: 41)

    @Test func whatIsSavedIsLoaded() throws {
        try withFile { file in
            let model = Self.people(5000, seed: 1)
            try file.save(Self.table(model).value, Self.key)
            let loaded = try #require(file.load(Self.key))
            #expect(Self.contents(loaded.table) == model)
            #expect(loaded.journal == 0)
        }
    }

    @Test func theJournalLeadsFromOneGenerationToTheNext() throws {
        try withFile { file in
            var model = Self.people(3000, seed: 2)
            try file.save(Self.table(model).value, Self.key)
            var random = SeededGenerator(seed: 3)
            var generation = Self.key.generation
            for _ in 0..<20 {
                var changes: [SnapshotFile.Change] = []
                for (fingerprint, _) in model.prefix(40) {
                    let marks = MemberTable.Marks(
                        [.subscribed, .subscribing, .rejected].randomElement(using: &random) ?? .subscribed,
                        listed: random.next() % 2 == 0)
                    changes.append(.init(fingerprint: fingerprint, marks: random.next() % 3 == 0 ? nil : marks))
                }
                for _ in 0..<30 {
                    let new = Fingerprint(high: random.next(), low: random.next())
                    changes.append(.init(fingerprint: new, marks: .init(.subscribed, listed: true)))
                }
                for change in changes { model[change.fingerprint] = change.marks }
                let next = Int64(bitPattern: random.next())
                try file.append(changes, from: generation, to: next, size: try #require(file.size))
                generation = next
                let key = SnapshotFile.Key(proof: Self.key.proof, generation: generation)
                #expect(Self.contents(try #require(file.load(key)).table) == model)
            }
            #expect(file.load(Self.key) == nil, "an older generation")
        }
    }

    @Test func aForeignOrStaleFileIsWorthNothing() throws {
        try withFile { file in
            #expect(file.load(Self.key) == nil, "no file")
            try file.save(Self.table(Self.people(100, seed: 4)).value, Self.key)
            #expect(file.load(.init(proof: Self.key.proof, generation: 42)) == nil)
            #expect(file.load(.init(proof: Fingerprint(high: 7, low: 8), generation: 41)) == nil)
            #expect(file.load(Self.key) != nil)
        }
    }

    /// Every byte of the header and of the journal, and every so many of the table.
    @Test func aFileWithOneDamagedByteIsWorthNothing() throws {
        try withFile { file in
            try file.save(Self.table(Self.people(200, seed: 5)).value, Self.key)
            try file.append(
                [.init(fingerprint: Fingerprint(high: 1, low: 2), marks: .init(.subscribed, listed: true))],
                from: 41, to: 43, size: try #require(file.size))
            let key = SnapshotFile.Key(proof: Self.key.proof, generation: 43)
            #expect(file.load(key) != nil)
            let whole = try Data(contentsOf: URL(filePath: file.path))
            let places =
                Array(0..<56) + stride(from: 4096, to: whole.count, by: 13) + ((whole.count - 56)..<whole.count)
            for place in places where !Self.isPadding(place, whole.count) {
                var damaged = whole
                damaged[place] ^= 0x10
                try damaged.write(to: URL(filePath: file.path))
                #expect(file.load(key) == nil, "byte \(place) of \(whole.count)")
            }
        }
    }

    /// Between the table and the journal.
    private static func isPadding(_ place: Int, _ size: Int) -> Bool {
        let slots = max(64, 200 * 5 / 4 + 1)
        return (4096 + slots * 17..<size - 56).contains(place)
    }

    @Test func aTruncatedFileIsWorthNothing() throws {
        try withFile { file in
            try file.save(Self.table(Self.people(200, seed: 6)).value, Self.key)
            try file.append([], from: 41, to: 43, size: try #require(file.size))
            let whole = try Data(contentsOf: URL(filePath: file.path))
            let key = SnapshotFile.Key(proof: Self.key.proof, generation: 43)
            for length in Array(stride(from: 0, to: whole.count, by: 97)) + [whole.count - 1, whole.count - 32] {
                try whole.prefix(length).write(to: URL(filePath: file.path))
                #expect(file.load(key) == nil, "\(length) of \(whole.count) bytes")
            }
            try (whole + Data([0])).write(to: URL(filePath: file.path))
            #expect(file.load(key) == nil, "a byte too many")
        }
    }

    @Test func whoLoadedAnotherFileAppendsNothing() throws {
        try withFile { file in
            try file.save(Self.table(Self.people(50, seed: 7)).value, Self.key)
            let size = try #require(file.size)
            try file.append([], from: 41, to: 42, size: size)
            try file.append([], from: 41, to: 43, size: size)
            #expect(file.load(.init(proof: Self.key.proof, generation: 42)) != nil)
        }
    }

    @Test func nobodyElseMayReadIt() throws {
        try withFile { file in
            try file.save(Self.table([:]).value, Self.key)
            let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
    }

    // MARK: Helpers

    private func withFile(_ body: (SnapshotFile) throws -> Void) throws {
        try TemporaryFolders.with("cache") { try body(SnapshotFile(path: $0.appending(path: "a.snapshot").path)) }
    }

    private static func people(_ count: Int, seed: UInt64) -> [Fingerprint: MemberTable.Marks] {
        var random = SeededGenerator(seed: seed)
        var people: [Fingerprint: MemberTable.Marks] = [:]
        for _ in 0..<count {
            let state = MemberState.allCases.randomElement(using: &random) ?? .subscribed
            people[Fingerprint(high: random.next(), low: random.next())] = .init(state, listed: random.next() % 4 > 0)
        }
        return people
    }

    private static func table(_ people: [Fingerprint: MemberTable.Marks]) -> LoadedTable {
        let table = LoadedTable(MemberTable(capacity: people.count))
        for (fingerprint, marks) in people { table.value.addMember(fingerprint, marks) }
        return table
    }

    private static func contents(_ table: LoadedTable) -> [Fingerprint: MemberTable.Marks] {
        var contents: [Fingerprint: MemberTable.Marks] = [:]
        table.value.forEach { contents[$0] = $1 }
        return contents
    }
}
