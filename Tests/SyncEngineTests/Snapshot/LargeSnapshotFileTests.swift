import Foundation
import RollcallCore
import SeededRandom
import TemporaryFolders
import Testing

@testable import SyncEngine

/// Tables of more than one chunk, which are written one after another and read by all cores at once.
@Suite(.timeLimit(.minutes(10))) struct LargeSnapshotFileTests {
    private static let key = SnapshotFile.Key(proof: Fingerprint(high: 7, low: 9), generation: 41)
    private static let header = 4096
    private static let chunk = 4 << 20

    /// Room for as many slots as fill one chunk, one fewer and one more; then for several chunks of fingerprints, the last a
    /// short one or a whole one; then for two of marks.
    @Test(arguments: [262_143, 262_144, 262_145, 524_288, 700_001, 4_194_305])
    func aTableOfAnySizeIsLoadedAsItWasSaved(slots: Int) throws {
        try withFile { file in
            let table = Self.table(slots: slots, seed: UInt64(slots))
            try file.save(table.value, Self.key)
            let loaded = try #require(file.load(Self.key))
            #expect(Self.isEqual(table, loaded.table))
            #expect(loaded.table.value.count == table.value.count)
            #expect(loaded.journal == 0 && loaded.size == Self.header + (slots * 17 + 7) / 8 * 8)
        }
    }

    @Test func hundredsOfThousandsOfMembersAndAJournalAreLoadedAsTheyWere() throws {
        try withFile { file in
            var random = SeededGenerator(seed: 8)
            var model: [Fingerprint: MemberTable.Marks] = [:]
            let table = LoadedTable(MemberTable(capacity: 260_000))
            for _ in 0..<260_000 {
                let fingerprint = Fingerprint(high: random.next(), low: random.next())
                let state = MemberState.allCases.randomElement(using: &random) ?? .subscribed
                model[fingerprint] = .init(state, listed: random.next() % 2 == 0)
                table.value.addMember(fingerprint, model[fingerprint] ?? [])
            }
            table.value.reserve(model.count / 16)
            try file.save(table.value, Self.key)
            var changes: [SnapshotFile.Change] = []
            for (fingerprint, _) in model.prefix(12_000) {
                model[fingerprint] = changes.count % 2 == 0 ? nil : .init(.rejected, listed: false)
                changes.append(.init(fingerprint: fingerprint, marks: model[fingerprint]))
            }
            try file.append(changes, from: 41, to: 42, size: try #require(file.size))
            let loaded = try #require(file.load(.init(proof: Self.key.proof, generation: 42)))
            var found: [Fingerprint: MemberTable.Marks] = [:]
            loaded.table.value.forEach { found[$0] = $1 }
            #expect(found.count == model.count)
            var other = 0
            for (fingerprint, marks) in model where found[fingerprint] != marks { other += 1 }
            #expect(other == 0)
        }
    }

    /// Three chunks of fingerprints, of which the last is shorter, and one of marks; the file ends with a mark.
    private static let slots = 600_000
    private static var size: Int { header + slots * 17 }

    @Test func oneDamagedBitInAnyChunkIsFound() throws {
        try withFile { file in
            try file.save(Self.table(slots: Self.slots, seed: 1).value, Self.key)
            #expect(file.size == Self.size)
            let marks = Self.header + Self.slots * 16
            var places = [Self.header, marks - 1, marks, Self.size - 1]
            for border in [Self.header + Self.chunk, Self.header + 2 * Self.chunk] {
                places += [border - Self.chunk / 2 + 3, border - 1, border, border + 8]
            }
            for place in places {
                try Self.flip(file, place)
                #expect(file.load(Self.key) == nil, "byte \(place) of \(Self.size)")
                try Self.flip(file, place)
            }
            #expect(file.load(Self.key) != nil, "fixed")
        }
    }

    @Test func chunksThatChangedPlacesAreFound() throws {
        try withFile { file in
            try file.save(Self.table(slots: Self.slots, seed: 2).value, Self.key)
            let handle = try FileHandle(forUpdating: URL(filePath: file.path))
            try handle.seek(toOffset: UInt64(Self.header))
            let first = try #require(try handle.read(upToCount: Self.chunk))
            let second = try #require(try handle.read(upToCount: Self.chunk))
            try handle.seek(toOffset: UInt64(Self.header))
            try handle.write(contentsOf: second + first)
            try handle.close()
            #expect(file.load(Self.key) == nil)
        }
    }

    @Test func aFileCutAtAChunkBorderIsWorthNothing() throws {
        try withFile { file in
            let table = Self.table(slots: Self.slots, seed: 3)
            var lengths: [Int] = []
            for border in [
                Self.header, Self.header + Self.chunk, Self.header + 2 * Self.chunk, Self.header + Self.slots * 16,
                Self.size,
            ] {
                lengths += [border - 1, border, border + 1].filter { $0 != Self.size }
            }
            try file.save(table.value, Self.key)
            // From the longest to the shortest, so that each cut is one of the same file; first a byte too many.
            for length in lengths.sorted(by: >) {
                #expect(truncate(file.path, off_t(length)) == 0)
                #expect(file.load(Self.key) == nil, "\(length) of \(Self.size) bytes")
            }
            try file.save(table.value, Self.key)
            #expect(file.load(Self.key) != nil)
        }
    }

    /// Whole chunks of zeros at the end, as a file system may leave them after a crash.
    @Test func aTailOfZerosIsFound() throws {
        try withFile { file in
            try file.save(Self.table(slots: Self.slots, seed: 4).value, Self.key)
            for length in [Self.header + Self.slots * 16, Self.header + Self.chunk] {
                #expect(truncate(file.path, off_t(length)) == 0)
                #expect(truncate(file.path, off_t(Self.size)) == 0)
                #expect(file.load(Self.key) == nil, "zeros from byte \(length)")
            }
        }
    }

    // MARK: Helpers

    private func withFile(_ body: (SnapshotFile) throws -> Void) throws {
        try TemporaryFolders.with("cache") { try body(SnapshotFile(path: $0.appending(path: "a.snapshot").path)) }
    }

    private static func flip(_ file: SnapshotFile, _ place: Int) throws {
        let handle = try FileHandle(forUpdating: URL(filePath: file.path))
        try handle.seek(toOffset: UInt64(place))
        let byte = try #require(try handle.read(upToCount: 1)?.first)
        try handle.seek(toOffset: UInt64(place))
        try handle.write(contentsOf: [byte ^ 0x10])
        try handle.close()
    }

    /// A table as a file has it: two slots of three hold somebody, at homes of no meaning.
    private static func table(slots: Int, seed: UInt64) -> LoadedTable {
        let table = MemberTable(slots: slots) { fingerprints, marks in
            let words = fingerprints.bindMemory(to: UInt64.self)
            for place in 0..<slots where place % 3 > 0 {
                words[2 * place] = SeededGenerator.mix(seed &+ UInt64(place))
                words[2 * place + 1] = SeededGenerator.mix(words[2 * place])
                marks[place] = MemberTable.Marks(.subscribed, listed: place % 2 == 0).rawValue
            }
            return true
        }
        guard let table else { return LoadedTable(MemberTable()) }
        return LoadedTable(table)
    }

    private static func isEqual(_ first: LoadedTable, _ second: LoadedTable) -> Bool {
        first.value.withImage { firstFingerprints, firstMarks in
            second.value.withImage { fingerprints, marks in
                equal(firstFingerprints, fingerprints) && equal(firstMarks, marks)
            }
        }
    }

    private static func equal(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Bool {
        guard first.count == second.count, let start = first.baseAddress, let other = second.baseAddress else {
            return false
        }
        return memcmp(start, other, first.count) == 0
    }
}
