import Foundation
import RollcallCore
import SeededRandom
import TemporaryFolders
import TestSupport
import Testing
import Warehouse

@testable import SyncEngine

/// The cache is what the warehouse has, or it is not used.
@Suite struct SnapshotReaderTests {
    @Test(arguments: 1...5)
    func afterEveryRunTheCacheIsTheSnapshot(seed: UInt64) async throws {
        try await withBench(.hybrid) { bench, reader in
            var random = SeededGenerator(seed: seed)
            var used = 0
            for round in 0..<8 {
                let rows = (0..<120).filter { _ in random.next() % 12 > 0 }.map { number in
                    random.next() % 20 == 0 ? "p\(number)@example.com/-" : "p\(number)@example.com/u\(number)"
                }
                try await bench.setAudience(rows)
                if round % 3 == 2 {
                    bench.iterable.setFate { _, number in number % 2 == 0 ? .loseAfter : .ok }
                } else {
                    bench.iterable.setFate { _, _ in .ok }
                }
                var request = RunRequest()
                request.forceNew = true
                try await bench.run(request)
                bench.clock.advance(by: .seconds(200))
                if try await cacheIsTheSnapshot(bench, reader) { used += 1 }
            }
            #expect(used == 8, "the cache was of use after \(used) of 8 runs")
        }
    }

    @Test func aPlanWritesNothing() async throws {
        try await withBench(.email) { bench, reader in
            try await bench.setAudience(addresses(1...200))
            try await bench.run()
            let folder = try #require(reader.cache?.folder)
            try FileManager.default.removeItem(atPath: folder)
            _ = try await bench.pipeline().plan()
            #expect(!FileManager.default.fileExists(atPath: folder))
            try await bench.run()
            #expect(FileManager.default.fileExists(atPath: folder))
        }
    }

    @Test func aSmallChangeIsAppendedAndALargeOneWritesANewFile() async throws {
        try await withBench(.email) { bench, reader in
            try await bench.setAudience(addresses(1...400))
            try await bench.run()
            let first = try file(reader)
            try await bench.setAudience(addresses(3...403))
            try await bench.run()
            let second = try file(reader)
            #expect(first.inode == second.inode && second.size == first.size + 32 + 24 * 5, "\(first) \(second)")
            #expect(try await cacheIsTheSnapshot(bench, reader))
            try await bench.setAudience(addresses(51...500))
            try await bench.run()
            #expect(try file(reader).inode != first.inode)
            #expect(try await cacheIsTheSnapshot(bench, reader))
        }
    }

    /// So few people change from run to run that the file's journal grows; some requests get no answer, some people are refused.
    @Test(arguments: 1...4)
    func smallChangesAreAppendedAsTheyBecame(seed: UInt64) async throws {
        try await withBench(.hybrid) { bench, reader in
            var random = SeededGenerator(seed: seed)
            var rows = (0..<400).map { "p\($0)@example.com/u\($0)" }
            var request = RunRequest()
            request.forceNew = true
            try await bench.setAudience(rows)
            try await bench.run(request)
            var appended = 0
            for round in 0..<8 {
                let before = try file(reader)
                for _ in 0..<5 { Self.change(&rows, &random) }
                try await bench.setAudience(rows)
                let refused = "new\(round)@example.com"
                bench.iterable.setFate { _, number in
                    switch (number + round) % 4 {
                    case 0: .loseAfter
                    case 1: .loseBefore
                    default: .refuse([refused: .rejected(FailureReason(code: "forgotten", reason: "Forgotten."))])
                    }
                }
                try await bench.run(request)
                bench.clock.advance(by: .seconds(200))
                let isCurrent = try await cacheIsTheSnapshot(bench, reader)
                #expect(isCurrent, "seed \(seed), round \(round)")
                let after = try file(reader)
                if before.inode == after.inode && before.size < after.size { appended += 1 }
            }
            #expect(appended >= 3, "seed \(seed): appended after \(appended) of 8 runs")
        }
    }

    /// Somebody leaves, enters, moves, or loses an identifier.
    private static func change(_ rows: inout [String], _ random: inout SeededGenerator) {
        let place = Int(random.next() % UInt64(rows.count))
        let parts = rows[place].split(separator: "/")
        switch random.next() % 4 {
        case 0: rows.remove(at: place)
        case 1: rows.append("new\(random.next() % 8)@example.com/n\(random.next() % 8)")
        case 2: rows[place] = "moved\(random.next())@example.com/\(parts[1])"
        default: rows[place] = "\(parts[0])/-"
        }
    }

    /// Another machine's run is not in this machine's cache: its generation says so.
    @Test func whatAnotherMachineDidIsSeen() async throws {
        try await withBench(.email) { bench, reader in
            try await bench.setAudience(addresses(1...300))
            try await bench.run()
            try await bench.setAudience(addresses(1...299))
            let elsewhere = SnapshotCache(folder: try #require(reader.cache?.folder) + "/other", leastMembers: 1)
            guard case .ran = await bench.pipeline(cache: elsewhere).run(RunRequest()) else {
                Issue.record("not run")
                return
            }
            #expect(try await !cacheIsTheSnapshot(bench, reader))
            let plan = try await bench.pipeline().plan()
            #expect(plan.counts.planned.total == 0)
        }
    }

    @Test func aFolderThatCannotBeWrittenCostsNothingElse() async throws {
        let bench = try await Bench(.email, cache: SnapshotCache(folder: "/proc/none/rollcall", leastMembers: 1))
        try await bench.setAudience(addresses(1...100))
        #expect(try await bench.run().status == .succeeded)
        #expect(try await bench.run().requests.sent == 0)
    }

    // MARK: Helpers

    private func withBench(
        _ type: ProjectType, _ body: (Bench, SnapshotReader) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolders.path("cache").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let cache = SnapshotCache(folder: folder, leastMembers: 1)
        let bench = try await Bench(type, cache: cache)
        try await body(bench, SnapshotReader(sync: "vip", warehouse: bench.fixture.warehouse, cache: cache))
    }

    private func file(_ reader: SnapshotReader) throws -> (inode: UInt64, size: Int) {
        let folder = try #require(reader.cache?.folder)
        let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder).first)
        let values = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
        return (try #require(values[.systemFileNumber] as? UInt64), try #require(values[.size] as? Int))
    }

    /// Whether the cache is of the present generation; if it is, it must be equal to the warehouse's snapshot.
    private func cacheIsTheSnapshot(_ bench: Bench, _ reader: SnapshotReader) async throws -> Bool {
        let warehouse = bench.fixture.warehouse
        let list = try #require(try await warehouse.listBinding(sync: "vip")?.listID)
        let key = try #require(try await warehouse.fingerprintKey(sync: "vip", newKey: nil))
        let generation = try #require(try await warehouse.snapshotGeneration(sync: "vip"))
        let proof = SnapshotCache.proof(key: key, sync: "vip", list: list)
        let file = try #require(reader.cache?.file(sync: "vip", proof))
        guard let found = file.load(.init(proof: proof, generation: generation)) else { return false }
        var cached: [Fingerprint: MemberTable.Marks] = [:]
        found.table.value.forEach { cached[$0] = $1 }
        let (fresh, _) = try await SnapshotReader(sync: "vip", warehouse: warehouse, cache: nil)
            .read(list: list, key: key, mayWrite: false)
        var stored: [Fingerprint: MemberTable.Marks] = [:]
        fresh.value.forEach { stored[$0] = $1 }
        #expect(cached == stored)
        return true
    }
}
