import Foundation
import RollcallCore
import TemporaryFolders
import Testing
import Warehouse

@testable import Receivers

@Suite struct SpoolTests {
    /// A process whose warehouse was reached, and is away now.
    private func away(
        _ folder: URL, _ store: MemoryStore, _ receivers: [ReceiverSettings] = [Harness.receiver("r")],
        _ body: @escaping @Sendable (Harness) async throws -> Void
    ) async throws {
        try await Harness(receivers, store: store, spool: folder).run { harness in
            #expect(await harness.post("{\"before\":1}").status == 204)
            store.set(.away)
            try await body(harness)
        }
    }

    @Test func whatCannotBeStoredWaitsOnDiskAndIsStoredLater() async throws {
        let folder = try TemporaryFolders.path("spool")
        let store = MemoryStore()
        try await away(folder, store) { harness in
            for number in [1, 2, 1] { #expect(await harness.post("{\"n\":\(number)}").status == 204) }
            #expect(await harness.post("nothing").status == 400)
            #expect(harness.deliveries == ["{\"before\":1}": 1])
            let spool = try #require(harness.service.metrics().spools.first)
            #expect(spool.warehouse == "crm" && spool.bodies == 4 && spool.bytes > 0)
            #expect(await harness.service.statuses(since: ManualClock.start).first?.spooledBodies == 4)
            let files = SpoolFiles(root: folder)
            for file in files.all {
                let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
                #expect(
                    mode
                        == (file.pathExtension.isEmpty && !["lock", "key"].contains(file.lastPathComponent)
                            ? 0o700 : 0o600))
            }
            store.set(.fine)
            await harness.pass(until: "spool_drained")
            #expect(harness.deliveries == ["{\"before\":1}": 1, "{\"n\":1}": 2, "{\"n\":2}": 1])
            #expect(store.database.contents.rejects.count == 1)
            #expect(files.segments.isEmpty)
            #expect(harness.service.metrics().spools == [.init(warehouse: "crm", bodies: 0, bytes: 0)])
            #expect(await harness.post("{\"n\":3}").status == 204)
            #expect(harness.deliveries["{\"n\":3}"] == 1 && files.segments.isEmpty)
            #expect(harness.notes.kinds == ["warehouse_away", "body_rejected", "warehouse_back", "spool_drained"])
        }
        // Only the key is left.
        #expect(SpoolFiles(root: folder).all.map(\.lastPathComponent) == ["crm", "key"])
        let counts = store.database.contents.counts
        #expect(counts["r stored"] == 4 && counts["r repeated"] == 1 && counts["r rejected"] == 1)
    }

    @Test func withoutASpoolItIsRefused() async throws {
        let store = MemoryStore()
        try await Harness(store: store).run { harness in
            #expect(await harness.post("{\"n\":1}").status == 204)
            store.set(.away)
            let answer = await harness.post("{\"n\":2}")
            #expect(answer.status == 503 && answer.headers["Retry-After"] == "30" && !answer.closes)
            // Not even read any more.
            guard case .answer(let second) = harness.service.admit(harness.head()) else { throw BodyProblem.notJSON }
            #expect(second.status == 503 && second.closes)
            #expect(
                harness.notes.notes == [
                    .warehouseAway(warehouse: "crm", problem: MemoryStore.lost.error, spools: false)
                ])
            store.set(.fine)
            await harness.pass(until: "warehouse_back")
            #expect(await harness.post("{\"n\":2}").status == 204)
        }
        #expect(store.database.deliveries == ["{\"n\":1}": 1, "{\"n\":2}": 1])
        #expect(store.database.contents.counts["r unavailable"] == 2)
    }

    @Test func aLostAnswerCountsNothingTwice() async throws {
        let folder = try TemporaryFolders.path("spool")
        let store = MemoryStore()
        try await away(folder, store) { harness in
            store.set(.losesAnswers)
            _ = harness.service.admit(harness.head(token: "wrong"))
            #expect(await harness.post("{\"n\":1}").status == 204)
            #expect(await harness.post("{\"n\":2}").status == 204)
            #expect(harness.deliveries["{\"n\":1}"] == 1)
            store.set(.fine)
            await harness.pass(until: "spool_drained")
        }
        #expect(store.database.deliveries == ["{\"before\":1}": 1, "{\"n\":1}": 1, "{\"n\":2}": 1])
        #expect(store.database.contents.counts == ["r stored": 3, "r unauthorized": 1])
    }

    @Test func withoutASpoolALostAnswerIsAskedForAgainAtOnce() async throws {
        let store = MemoryStore()
        try await Harness(store: store).run { harness in
            #expect(await harness.post("{\"n\":1}").status == 204)
            _ = harness.service.admit(harness.head(token: "wrong"))
            store.set(.losesAnswers)
            // Found there by its sequence, but that answer is lost as well.
            #expect(await harness.post("{\"n\":2}").status == 503)
            store.set(.fine)
            await harness.pass(until: "warehouse_back")
        }
        // What counts the refused request may be written alone and lose its answer first: the second post is not tried then.
        let isTried = store.database.deliveries.count == 2
        #expect(store.database.deliveries == (isTried ? ["{\"n\":1}": 1, "{\"n\":2}": 1] : ["{\"n\":1}": 1]))
        let counts = ["r stored": isTried ? 2 : 1, "r unauthorized": 1, "r unavailable": 1]
        #expect(store.database.contents.counts == counts)
    }

    @Test func aStatementThatHangsHoldsNoAnswerAndChangesNothingLater() async throws {
        let folder = try TemporaryFolders.path("spool")
        let store = MemoryStore()
        try await Harness(store: store, spool: folder).run { harness in
            #expect(await harness.post("{\"n\":1}").status == 204)
            store.set(.hangs)
            async let second = harness.post("{\"n\":2}").status
            await store.wait { _, hanging in hanging == 1 }
            await harness.clock.sleeper(of: .seconds(10))
            harness.clock.advance(by: .seconds(10))
            #expect(await second == 204)
            #expect(await harness.post("{\"n\":3}").status == 204)
            #expect(harness.deliveries == ["{\"n\":1}": 1])
            store.set(.fine)
            await harness.pass(until: "spool_drained")
            store.release()
            #expect(await harness.post("{\"n\":4}").status == 204)
        }
        #expect(store.database.deliveries == ["{\"n\":1}": 1, "{\"n\":2}": 1, "{\"n\":3}": 1, "{\"n\":4}": 1])
    }

    @Test func aStatementThatHangsAndIsDoneInTheEndIsDoneOnce() async throws {
        let folder = try TemporaryFolders.path("spool")
        let store = MemoryStore()
        try await Harness(store: store, spool: folder).run { harness in
            #expect(await harness.post("{\"n\":1}").status == 204)
            store.set(.hangs)
            async let second = harness.post("{\"n\":2}").status
            await store.wait { _, hanging in hanging == 1 }
            await harness.clock.sleeper(of: .seconds(10))
            harness.clock.advance(by: .seconds(10))
            #expect(await second == 204)
            store.release()
            await store.database.wait { $0.groups.count == 2 }
            store.set(.fine)
            await harness.pass(until: "spool_drained")
        }
        #expect(store.database.deliveries == ["{\"n\":1}": 1, "{\"n\":2}": 1])
    }

    // MARK: Other processes

    @Test func whatAnEndedProcessLeftIsStoredOnce() async throws {
        let (folder, left) = (try TemporaryFolders.path("spool"), try TemporaryFolders.path("left"))
        let store = MemoryStore()
        try await away(folder, store) { harness in
            store.set(.losesAnswers)
            #expect(await harness.post("{\"n\":1}").status == 204)
            store.set(.away)
            #expect(await harness.post("{\"n\":2}").status == 204)
            try SpoolFiles(root: folder).copy(to: left)
        }
        let other = MemoryStore(store.database)
        try await Harness(store: other, spool: left).run { harness in
            await harness.notes.wait(for: "spool_drained")
            #expect(harness.notes.kinds == ["spool_adopted", "spool_drained"])
            // They are no requests of this process.
            #expect(harness.service.metrics().requests.allSatisfy { $0.count == 0 })
        }
        #expect(store.database.deliveries == ["{\"before\":1}": 1, "{\"n\":1}": 1, "{\"n\":2}": 1])
        #expect(SpoolFiles(root: left).all.map(\.lastPathComponent) == ["crm", "key"])
    }

    @Test func whatAProcessThatLivesHasIsLeftAlone() async throws {
        let folder = try TemporaryFolders.path("spool")
        let store = MemoryStore()
        try await away(folder, store) { first in
            #expect(await first.post("{\"n\":1}").status == 204)
            let other = MemoryStore(store.database)
            try await Harness(store: other, spool: folder).run { second in
                #expect(await second.post("{\"n\":2}").status == 204)
                await second.clock.sleeper(of: .seconds(60))
                #expect(second.notes.notes.isEmpty)
            }
            #expect(store.database.deliveries == ["{\"before\":1}": 1, "{\"n\":2}": 1])
            #expect(SpoolFiles(root: folder).segments.count == 1)
        }
        // It ended without its warehouse: the next one finds what it left, without being asked again.
        try await Harness(store: MemoryStore(store.database), spool: folder).run { third in
            await third.notes.wait(for: "spool_drained")
        }
        #expect(store.database.deliveries == ["{\"before\":1}": 1, "{\"n\":1}": 1, "{\"n\":2}": 1])
    }

    // MARK: Damage

    /// Three groups in a file, changed, and taken over by another process.
    private func damaged(
        _ change: (inout Data, _ starts: [Int]) -> Void, _ body: (Harness, SpoolFiles) async throws -> Void
    ) async throws {
        let (folder, left) = (try TemporaryFolders.path("spool"), try TemporaryFolders.path("left"))
        let store = MemoryStore()
        try await away(folder, store) { harness in
            for number in 1...3 { #expect(await harness.post("{\"n\":\(number)}").status == 204) }
            try SpoolFiles(root: folder).copy(to: left)
        }
        let files = SpoolFiles(root: left)
        try files.change { change(&$0, SpoolFiles.starts($0)) }
        let harness = Harness(store: MemoryStore(store.database), spool: left)
        try await harness.run { await $0.notes.wait(for: "spool_drained") }
        try await body(harness, files)
    }

    @Test(arguments: [1, 10, 24, 25, 60])
    func aGroupThatWasCutWasNeverAnsweredAndIsDropped(_ kept: Int) async throws {
        try await damaged({ $0 = $0[..<($1[2] + kept)] }) { harness, files in
            #expect(harness.deliveries == ["{\"before\":1}": 1, "{\"n\":1}": 1, "{\"n\":2}": 1])
            #expect(harness.notes.kinds == ["spool_adopted", "spool_drained"] && files.damaged.isEmpty)
        }
    }

    @Test func zerosThatASystemFailureLeavesAreDropped() async throws {
        try await damaged({ bytes, _ in bytes.append(Data(repeating: 0, count: 5000)) }) { harness, files in
            #expect(harness.deliveries.count == 4 && files.damaged.isEmpty)
            #expect(harness.notes.kinds == ["spool_adopted", "spool_drained"])
        }
    }

    @Test(arguments: [0, 5, 9, 13, 21, 30])
    func aDamagedGroupIsSetAsideAndTheOthersAreStored(_ place: Int) async throws {
        try await damaged({ bytes, starts in bytes[starts[1] + place] ^= 0x40 }) { harness, files in
            #expect(harness.deliveries == ["{\"before\":1}": 1, "{\"n\":1}": 1, "{\"n\":3}": 1])
            let file = try #require(files.damaged.first)
            #expect(harness.notes.notes.contains(.spoolDamaged(warehouse: "crm", file: file.path)))
            // What the heads say, those behind the damage too.
            let counted = place < SpoolFrame.size ? 2 : 3
            #expect(harness.notes.notes.contains(.spoolAdopted(warehouse: "crm", bodies: counted)))
            #expect(harness.notes.kinds.filter { $0 == "spool_damaged" }.count == 1 && files.segments.isEmpty)
        }
    }

    @Test func aDamagedLastGroupIsSetAsideToo() async throws {
        try await damaged({ bytes, starts in bytes[starts[2] + 40] ^= 0x01 }) { harness, files in
            #expect(harness.deliveries.count == 3 && files.damaged.count == 1)
            #expect(harness.notes.kinds.contains("spool_damaged"))
        }
    }

    /// Nothing is taken off that was never counted, and what of a file could not be read does not stay counted.
    @Test(arguments: [3, 30])
    func theCountOfADamagedSpoolComesOutEven(_ place: Int) async throws {
        let (folder, left) = (try TemporaryFolders.path("spool"), try TemporaryFolders.path("left"))
        try await away(folder, MemoryStore()) { harness in
            for number in 1...3 { #expect(await harness.post("{\"n\":\(number)}").status == 204) }
            try SpoolFiles(root: folder).copy(to: left)
        }
        let files = SpoolFiles(root: left)
        let file = try #require(files.segments.first)
        let writer = file.deletingLastPathComponent()
        try FileManager.default.copyItem(at: file, to: writer.appendingPathComponent("000002.spool"))
        try files.change { $0[SpoolFiles.starts($0)[0] + place] ^= 0x40 }
        guard let lock = try SpoolLock(folder: writer.path) else { throw SpoolFailure.unusable("locked") }
        let spool = SpoolFolder(adopting: writer.path, lock: lock, budget: SpoolBudget(limit: 1_000_000))
        try await spool.survey()
        #expect(spool.waiting.bodies == (place < SpoolFrame.size ? 5 : 6))
        guard case .damaged = try await spool.oldest(), case .groups(let first) = try await spool.oldest() else {
            throw SpoolFailure.unusable("nothing was found behind the damage")
        }
        #expect(first.count == 2)
        try await spool.removeOldest()
        #expect(spool.waiting.bodies == 3 && spool.waiting.bytes > 0)
        guard case .groups(let second) = try await spool.oldest() else { throw SpoolFailure.unusable("empty") }
        #expect(second.count == 3)
        try await spool.removeOldest()
        #expect(spool.waiting == SpoolAmount())
        await spool.end()
    }

    // MARK: The key

    @Test func withTheKeyOfAnEarlierProcessNothingIsMissing() async throws {
        let folder = try TemporaryFolders.path("spool")
        let receiver = Harness.receiver("r") { $0.identifiers = .hashed }
        let store = MemoryStore()
        try await Harness([receiver], store: store, spool: folder).run { harness in
            #expect(await harness.post("{\"email\":\"docs@example.com\"}").status == 204)
        }
        let other = MemoryStore(store.database, .away)
        try await Harness([receiver], store: other, spool: folder).run { harness in
            #expect(await harness.post("{\"email\":\"docs@example.com\"}").status == 204)
            for file in SpoolFiles(root: folder).segments {
                let bytes = try Data(contentsOf: file)
                #expect(bytes.range(of: Data("docs".utf8)) == nil)
            }
            other.set(.fine)
            await harness.pass(until: "spool_drained")
        }
        #expect(store.database.contents.events.values.map(\.deliveries) == [2])
    }

    @Test func withoutAKeyOnlyWhatIsNotHiddenCanWait() async throws {
        let folder = try TemporaryFolders.path("spool")
        let receivers = [
            Harness.receiver("r"), Harness.receiver("masked") { $0.identifiers = .masked },
            Harness.receiver("hashed") { $0.identifiers = .hashed },
        ]
        let store = MemoryStore(MemoryDatabase(), .away)
        try await Harness(receivers, store: store, spool: folder).run { harness in
            #expect(await harness.post("{\"email\":\"a@example.com\",\"x\":\"\\u0000\"}").status == 204)
            for name in ["masked", "hashed"] {
                let answer = await harness.post("{\"email\":\"docs@example.com\"}", to: name)
                #expect(answer.status == 503 && answer.headers["Retry-After"] == "30")
                #expect(await harness.post("docs@example.com", to: name).status == 400)
            }
            for file in SpoolFiles(root: folder).segments {
                let bytes = try Data(contentsOf: file)
                #expect(bytes.range(of: Data("docs".utf8)) == nil)
            }
            store.set(.fine)
            await harness.pass(until: "spool_drained")
            // It has the id that it would have had.
            #expect(await harness.post("{ \"x\":\"\\u0000\", \"email\":\"a@example.com\"}").status == 204)
        }
        let event = try #require(store.database.contents.events.values.first)
        #expect(event.deliveries == 2 && event.event.email == "a@example.com")
        #expect(event.event.payload == Array("{\"email\":\"a@example.com\",\"x\":\"\u{FFFD}\"}".utf8))
    }

    @Test func anotherKeyIsNoted() async throws {
        let folder = try TemporaryFolders.path("spool")
        let warehouse = folder.appendingPathComponent("crm")
        try FileManager.default.createDirectory(at: warehouse, withIntermediateDirectories: true)
        let key = warehouse.appendingPathComponent("key")
        for (text, isKey) in [(String(repeating: "07", count: 32) + "\n", true), ("07\n", false), ("", false)] {
            try Data(text.utf8).write(to: key)
            let harness = Harness(spool: folder)
            try await harness.run { _ in }
            #expect(harness.notes.kinds == (isKey ? ["key_changed"] : []))
            #expect(try String(contentsOf: key, encoding: .utf8) == String(repeating: "05", count: 32) + "\n")
        }
    }

    // MARK: No room

    @Test func aFullSpoolRefusesAndSaysSoOnce() async throws {
        let folder = try TemporaryFolders.path("spool")
        let store = MemoryStore()
        let harness = Harness(store: store, spool: folder) { $0.spoolBytes = 2_000 }
        try await harness.run { harness in
            #expect(await harness.post("{\"before\":1}").status == 204)
            store.set(.away)
            var statuses: [Int] = []
            for number in 0..<20 { statuses.append(await harness.post("{\"n\":\(number)}").status) }
            let taken = statuses.prefix { $0 == 204 }.count
            #expect((1..<20).contains(taken) && statuses.dropFirst(taken).allSatisfy { $0 == 503 })
            #expect(harness.notes.kinds == ["warehouse_away", "spool_full"])
            store.set(.fine)
            await harness.pass(until: "spool_drained")
            #expect(harness.deliveries.count == taken + 1)
            #expect(await harness.post("{\"n\":19}").status == 204)
        }
        #expect(harness.deliveries["{\"n\":19}"] == 1)
        #expect(store.database.contents.counts["r unavailable"].map { $0 > 0 } == true)
    }

    @Test func aFolderThatCannotBeMadeIsNoted() async throws {
        let folder = try TemporaryFolders.path("spool")
        try Data("a file".utf8).write(to: folder)
        let store = MemoryStore()
        try await away(folder, store) { harness in
            #expect(await harness.post("{\"n\":1}").status == 503)
            #expect(harness.notes.kinds.contains("spool_unusable"))
            #expect(harness.notes.notes.allSatisfy { !$0.text.contains("\n") })
            store.set(.fine)
        }
    }
}
