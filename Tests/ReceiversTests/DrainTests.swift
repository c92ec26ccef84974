import Foundation
import RollcallCore
import Synchronization
import TemporaryFolders
import Testing
import Warehouse

@testable import Receivers

/// How what waits in the spool gets into the warehouse.
@Suite struct DrainTests {
    /// A process whose warehouse was reached, and is away now.
    private func away(_ store: MemoryStore, _ body: @escaping @Sendable (Harness, URL) async throws -> Void)
        async throws
    {
        let folder = try TemporaryFolders.path("spool")
        try await Harness(store: store, spool: folder).run { harness in
            #expect(await harness.post("{\"before\":1}").status == 204)
            store.set(.away)
            try await body(harness, folder)
        }
    }

    // MARK: Together

    @Test func groupsThatWaitAreStoredTogether() async throws {
        let store = MemoryStore()
        try await away(store) { harness, _ in
            for number in 0..<60 { #expect(await harness.post("{\"n\":\(number)}").status == 204) }
            let before = store.database.contents.transactions.count
            store.set(.fine)
            await harness.pass(until: "spool_drained")
            #expect(Array(store.database.contents.transactions.dropFirst(before)) == [60])
        }
        #expect(store.database.deliveries.count == 61 && store.database.deliveries.values.allSatisfy { $0 == 1 })
    }

    @Test func aLostAnswerToSeveralGroupsCountsNothingTwice() async throws {
        let store = MemoryStore()
        try await away(store) { harness, _ in
            for number in 0..<5 { #expect(await harness.post("{\"n\":\(number)}").status == 204) }
            store.set(.losesAnswers)
            await harness.pass { store.database.contents.events.count == 6 }
            // They come again in other company.
            store.set(.away)
            for number in 5..<8 { #expect(await harness.post("{\"n\":\(number)}").status == 204) }
            store.set(.fine)
            await harness.pass(until: "spool_drained")
            let stored = harness.service.metrics().requests.filter { $0.outcome == .stored }
            #expect(stored.map(\.count) == [9])
        }
        #expect(store.database.deliveries.count == 9 && store.database.deliveries.values.allSatisfy { $0 == 1 })
        #expect(store.database.contents.counts == ["r stored": 9])
    }

    @Test func aTransactionHasNoMoreThanAGroupMayHave() {
        func group(_ sequence: Int64, _ bodies: Int, writer: String = "w") -> PendingGroup {
            let body = ReceivedItem.body(UnreadBody(receiver: "r", receivedAt: ManualClock.start, bytes: []))
            return PendingGroup(
                writer: writer, sequence: sequence, items: [ReceivedItem](repeating: body, count: bodies))
        }
        var batch = GroupBatch(group(1, 200), bytes: 1_000_000)
        let added = [batch.add(group(2, 300), bytes: 15_000_000), batch.add(group(3, 1), bytes: 0)]
        #expect(added == [true, false] && batch.isFull && batch.bodies == 500)
        #expect(batch.groups.map(\.sequence) == [1, 2])
        // A group that is larger goes alone.
        #expect(GroupBatch(group(1, 1), bytes: 20_000_000).isFull)
        var small = GroupBatch(group(2, 1), bytes: 1_000_000)
        let refused = [
            small.add(group(3, 500), bytes: 1), small.add(group(3, 1), bytes: 15_000_001),
            small.add(group(3, 1, writer: "other"), bytes: 1), small.add(group(2, 1), bytes: 1),
        ]
        #expect(refused.allSatisfy { !$0 })
        let isAdded = small.add(group(4, 1), bytes: 1)
        #expect(isAdded && !small.isFull)
    }

    // MARK: The last of the spool

    /// A body that comes while the last groups are being stored does not go behind them.
    @Test func theSpoolBecomesEmptyWhileBodiesKeepComing() async throws {
        let store = MemoryStore()
        try await away(store) { harness, folder in
            for start in [0, 300] {
                #expect(await harness.post(numbers: start..<start + 300).allSatisfy { $0 == 204 })
            }
            store.set(.storesOnce)
            await harness.pass { store.hanging == 1 }
            let rest = harness.service.metrics().spools.first?.bodies
            let status = Mutex<Int?>(nil)
            let post = Task {
                let answer = await harness.post("{\"n\":600}").status
                status.withLock { $0 = answer }
            }
            while !harness.clock.hasSleeper(of: .seconds(10)), status.withLock({ $0 }) == nil { await Task.yield() }
            #expect(status.withLock { $0 } == nil && harness.service.metrics().spools.first?.bodies == rest)
            store.set(.fine)
            store.release()
            await post.value
            #expect(status.withLock { $0 } == 204 && harness.deliveries.count == 602)
            #expect(SpoolFiles(root: folder).segments.isEmpty)
        }
        #expect(store.database.deliveries.values.allSatisfy { $0 == 1 })
    }

    /// It does not wait for ever.
    @Test func aBodyIsSpooledWhenTheLastGroupsAreNotStoredInTime() async throws {
        let store = MemoryStore()
        try await away(store) { harness, _ in
            for start in [0, 300] {
                #expect(await harness.post(numbers: start..<start + 300).allSatisfy { $0 == 204 })
            }
            store.set(.storesOnce)
            await harness.pass { store.hanging == 1 }
            async let last = harness.post("{\"n\":600}").status
            await harness.clock.sleeper(of: .seconds(10))
            harness.clock.advance(by: .seconds(10))
            #expect(await last == 204 && harness.deliveries["{\"n\":600}"] == nil)
            store.set(.fine)
            store.release()
            await harness.notes.wait(for: "spool_drained")
        }
        #expect(store.database.deliveries.count == 602 && store.database.deliveries.values.allSatisfy { $0 == 1 })
    }

    // MARK: Folders that cannot be read

    @Test func aFolderThatCannotBeReadKeepsNoOtherBack() async throws {
        let left = try TemporaryFolders.path("left")
        let store = MemoryStore()
        try await away(store) { harness, folder in
            #expect(await harness.post("{\"n\":1}").status == 204)
            try SpoolFiles(root: folder).copy(to: left)
        }
        // They come first by their names.
        let (locked, linked) = (left.path + "/crm/-a", left.path + "/crm/-b")
        for folder in [locked + "/lock", linked] {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        }
        try FileManager.default.createSymbolicLink(
            atPath: linked + "/000001.spool", withDestinationPath: left.path + "/nothing")
        try await Harness(store: MemoryStore(store.database), spool: left).run { harness in
            await harness.notes.wait(for: "spool_drained")
            await harness.clock.sleeper(of: .seconds(60))
            harness.clock.advance(by: .seconds(60))
            await harness.clock.sleeper(of: .seconds(60))
            let reasons = harness.notes.notes.filter { $0.kind == "receiver_spool_unusable" }.map(\.text)
            #expect(
                reasons.count == 2 && reasons.contains { $0.contains(locked) }
                    && reasons.contains { $0.contains(linked) })
        }
        #expect(store.database.deliveries == ["{\"before\":1}": 1, "{\"n\":1}": 1])
    }

    @Test func aFolderThatWasRemovedMeanwhileIsNoFault() throws {
        let isLocked = try SpoolLock(folder: TemporaryFolders.path("gone").path) != nil
        #expect(!isLocked)
    }

    @Test func eachFolderThatIsMadeIsPutOnTheDisk() throws {
        let root = try TemporaryFolders.path("disk").path
        #expect(mkdir(root, 0o700) == 0)
        var synchronized: [String] = []
        try DiskFile.makeFolder(root + "/a/b/c") { synchronized.append($0) }
        #expect(synchronized == [root, root + "/a", root + "/a/b"])
        // What is there was put there by another call.
        try DiskFile.makeFolder(root + "/a/b/c") { synchronized.append($0) }
        #expect(synchronized.count == 3)
        // What could not be put on the disk is not there for the next call.
        #expect(throws: SpoolFailure.unusable("no disk")) {
            try DiskFile.makeFolder(root + "/d") { _ throws(SpoolFailure) in
                throw SpoolFailure.unusable("no disk")
            }
        }
        #expect(access(root + "/d", F_OK) != 0)
    }
}
